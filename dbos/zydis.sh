#!/bin/bash
# SPDX-License-Identifier: MIT
# Puts the sources of Zydis 4.0.0 into DIR/src: zydis.sh DIR. Debian ships only its shared library, so the
# source package is fetched by apt, from the mirror this machine already uses, with lists and cache of our own.
# ZYDIS_SRC=CHECKOUT uses that checkout instead and fetches nothing.
set -euo pipefail

dir=${1:?usage: zydis.sh DIR}
version=4.0.0
sha256=e990107f80c62afc1deb51de230023a1098db801b8ea6bf483e296d45459e234
tarball=zydis_$version.orig.tar.gz
# The suite that has this version; a newer host asks its own mirror for the same suite.
suite=bookworm

fail() {
        echo "zydis.sh: $*" >&2
        exit 1
}

good() {
        [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

# The archive roots in the machine's apt configuration, whichever of its formats that is in. print-uris
# asks apt itself and touches no network.
mirrors() {
        apt-get update --print-uris 2>/dev/null | sed -n "s|^'\([^']*\)/dists/[^']*'.*|\1|p" |
                grep -v -e security | awk '!seen[$0]++'
}

# apt with nothing shared with the system but its keys, certificates and proxy settings.
private_apt() {
        apt-get -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
                -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
                -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
                -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

fetch_from() {
        local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
        [ -f $keyring ] && signed="[signed-by=$keyring]"
        rm -rf "$apt"
        mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
        echo "deb-src $signed $1 $suite main" >"$apt/sources.list"
        private_apt update &&
                (cd "$dir" && private_apt source --download-only --only-source "zydis")
}

fetch() {
        local mirror
        for mirror in $(mirrors); do
                echo "zydis.sh: fetching the Zydis $version source package from $mirror" >&2
                if fetch_from "$mirror" >"$dir/apt.log" 2>&1 && good "$dir/$tarball"; then
                        return 0
                fi
        done
        [ -f "$dir/apt.log" ] && tail -n 5 "$dir/apt.log" >&2
        fail "no mirror of this machine has $tarball with the expected sha256; set ZYDIS_SRC to a checkout of $version"
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
apt=$dir/apt
if [ -n "${ZYDIS_SRC:-}" ]; then
        [ -f "$ZYDIS_SRC/src/Decoder.c" ] || fail "ZYDIS_SRC=$ZYDIS_SRC holds no src/Decoder.c"
        rm -rf "$dir/src"
        ln -sfn "$(cd "$ZYDIS_SRC" && pwd)" "$dir/src"
        exit 0
fi
[ -f /usr/include/Zycore/Types.h ] || fail "the Zycore headers are missing: install libzycore-dev"
good "$dir/$tarball" || fetch
rm -rf "$dir/src"
mkdir "$dir/src"
tar -xzf "$dir/$tarball" -C "$dir/src" --strip-components=1
[ -f "$dir/src/src/Decoder.c" ] || fail "$tarball holds no src/Decoder.c"
