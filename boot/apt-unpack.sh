#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Unpacks binary packages of a Debian suite into a folder: apt-unpack.sh SUITE DIR PACKAGE...
# From the mirror this machine's apt already uses, whatever suite the machine itself is, with lists and cache of
# our own beside DIR; the machine's sources, lists and packages stay as they are. Needs no rights.
# The packages themselves are left in DIR/debs, for whoever wants to read their dependencies.
set -euo pipefail

suite=$1 dir=$2
shift 2

# The archive roots in the machine's apt configuration, whichever of its formats that is in; this
# asks apt itself and touches no network.
mirrors() {
        apt-get update --print-uris 2>/dev/null | sed -n "s|^'\([^']*\)/dists/[^']*'.*|\1|p" |
                grep -v -e security | awk '!seen[$0]++'
}

# apt with nothing shared with the system but its keys, certificates and proxy settings.
private_apt() {
        apt-get -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
                -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
                -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o Acquire::Retries=3 \
                -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o APT::Update::Error-Mode=any \
                -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

fetch_from() {
        local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
        [ ! -f "$keyring" ] || signed=" signed-by=$keyring"
        rm -rf "$apt"
        mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$new/debs"
        echo "deb [arch=amd64$signed] $1 $suite main" >"$apt/sources.list"
        private_apt update && (cd "$new/debs" && private_apt download "${packages[@]}")
}

packages=("$@")
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/${dir##*/}
new=$dir.new apt=$dir.apt log=$dir.log
for mirror in $(mirrors); do
        rm -rf "$new"
        if fetch_from "$mirror" >"$log" 2>&1; then
                for deb in "$new"/debs/*.deb; do
                        dpkg-deb -x "$deb" "$new"
                done
                rm -rf "$dir" "$apt" "$log"
                mv "$new" "$dir"
                exit 0
        fi
done
rm -rf "$apt" "$new"
[ ! -f "$log" ] || tail -n 5 "$log" >&2
echo "apt-unpack.sh: no mirror of this machine has ${packages[*]} of Debian's suite $suite" >&2
exit 1
