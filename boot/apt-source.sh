#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetches one file of a Debian source package: apt-source.sh PACKAGE FILE SHA256 DIR
# With a fifth argument, a component, the binary package of that name for amd64: apt-source.sh ... DIR main
# From the mirror this machine's apt already uses, with lists and cache of our own under DIR; the
# machine's sources stay as they are. Does nothing if DIR/FILE is there with that sum.
set -euo pipefail

package=$1 file=$2 sha256=$3 dir=$4 component=${5:-}
suite=bookworm # has the versions we name, whatever the host's own suite is

good() {
        [ -f "$dir/$file" ] && echo "$sha256  $dir/$file" | sha256sum --check --status
}

# The archive roots in the machine's apt configuration, whichever of its formats that is in; this
# asks apt itself and touches no network.
mirrors() {
        apt-get update --print-uris 2>/dev/null | sed -n "s|^'\([^']*\)/dists/[^']*'.*|\1|p" |
                grep -v -e security | awk '!seen[$0]++'
}

# apt with nothing shared with the system but its keys, certificates and proxy settings.
private_apt() {
        apt-get -q -o Dir::Etc::SourceList="$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
                -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
                -o Dir::State::Lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" \
                -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
                -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

fetch_from() {
        local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
        [ ! -f "$keyring" ] || signed="[signed-by=$keyring]"
        rm -rf "$dir/apt"
        mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
        if [ -n "$component" ]; then
                echo "deb $signed $1 $suite $component" >"$dir/apt/sources.list"
                private_apt update && (cd "$dir" && private_apt download "$package")
        else
                echo "deb-src $signed $1 $suite main" >"$dir/apt/sources.list"
                private_apt update && (cd "$dir" && private_apt source --download-only --only-source "$package")
        fi
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
good && exit 0
for mirror in $(mirrors); do
        echo "apt-source.sh: fetching $file" >&2
        if fetch_from "$mirror" >"$dir/apt.log" 2>&1 && good; then
                rm -rf "$dir/apt"
                exit 0
        fi
done
[ ! -f "$dir/apt.log" ] || tail -n 5 "$dir/apt.log" >&2
echo "apt-source.sh: no mirror of this machine has $file with the expected sha256" >&2
exit 1
