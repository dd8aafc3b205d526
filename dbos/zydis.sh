#!/bin/bash
# SPDX-License-Identifier: MIT
# Puts the sources of Zydis 4.0.0 into DIR/src: zydis.sh DIR. Debian ships only its shared library, so the
# source package is fetched by apt, from the mirror this machine already uses, with lists and cache of our own.
# ZYDIS_SRC=CHECKOUT uses that checkout instead and fetches nothing.
set -euo pipefail

dir=${1:?usage: zydis.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
version=4.0.0
sha256=e990107f80c62afc1deb51de230023a1098db801b8ea6bf483e296d45459e234
tarball=zydis_$version.orig.tar.gz
fail() {
        echo "zydis.sh: $*" >&2
        exit 1
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -n "${ZYDIS_SRC:-}" ]; then
        [ -f "$ZYDIS_SRC/src/Decoder.c" ] || fail "ZYDIS_SRC=$ZYDIS_SRC holds no src/Decoder.c"
        rm -rf "$dir/src"
        ln -sfn "$(cd "$ZYDIS_SRC" && pwd)" "$dir/src"
        exit 0
fi
[ -f /usr/include/Zycore/Types.h ] || fail "the Zycore headers are missing: install libzycore-dev"
"$here/../boot/apt-source.sh" zydis "$tarball" "$sha256" "$dir" ||
        fail "no Zydis $version; set ZYDIS_SRC to a checkout of it"
rm -rf "$dir/src"
mkdir "$dir/src"
tar -xzf "$dir/$tarball" -C "$dir/src" --strip-components=1
[ -f "$dir/src/src/Decoder.c" ] || fail "$tarball holds no src/Decoder.c"
