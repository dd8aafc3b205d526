#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes a variant of an image.
#   boot/image-edit.sh IMAGE OUT [ITEM...]
# An ITEM is   FILE         put into \ringfence under its own name,
#              NAME=FILE    put into \ringfence as NAME,
#              /PATH=FILE   put at PATH in the volume,
#              -NAME        taken out of \ringfence.
# So `boot/image-edit.sh build/ringfence.img out.img ringfence.conf=my.conf my.elf` boots another
# configuration with one more guest image.
set -euo pipefail
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null

here=$(cd "$(dirname "$0")" && pwd)

apply() { # one item, to the tree in $work
        local dest=${1%%=*} file=${1#*=}
        case $1 in
        -*)
                rm -- "$work/ringfence/${1#-}"
                return
                ;;
        /*=*) dest=$work$dest ;;
        *=*) dest=$work/ringfence/$dest ;;
        *) dest=$work/ringfence/${1##*/} ;;
        esac
        mkdir -p -- "${dest%/*}"
        cp -- "$file" "$dest"
}

if [ $# -lt 2 ]; then
        sed -n 's/^# \?//; 3,10p' "$0" >&2
        exit 1
fi
image=$1 out=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mcopy -s -n -i "$image@@1M" '::*' "$work/"
for item in "$@"; do
        apply "$item"
done
files=()
while read -r path; do
        files+=("$path=$work/$path")
done < <(cd "$work" && find . -type f -printf '%P\n' | LC_ALL=C sort)
"$here/image.sh" "$out" "${files[@]}"
