#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fills a folder for a TFTP or HTTP server, or makes ringfence.sums in one anew:
#   boot/netboot.sh FOLDER FILE...     copies the files there, under their names, and makes ringfence.sums
#   boot/netboot.sh FOLDER             only makes ringfence.sums, of ringfence.conf and all *.elf
set -euo pipefail
export LC_ALL=C

die() {
        echo "netboot.sh: $*" >&2
        exit 1
}

[ $# -ge 1 ] || die "usage: boot/netboot.sh FOLDER [FILE...]"
folder=$1
shift
for file in "$@"; do
        [ -r "$file" ] || die "cannot read $file"
done
mkdir -p "$folder"
if [ $# -gt 0 ]; then
        cp -L -- "$@" "$folder"
        chmod u+w,a+r "$folder"/* # TFTP servers hand out only what everybody may read
fi
cd "$folder"
[ -r ringfence.conf ] || die "there is no ringfence.conf in $folder"
# The loader reads lines of POSIX cksum: checksum, length, name.
cksum ringfence.conf ./*.elf | sed 's|\./||' >ringfence.sums.new
mv ringfence.sums.new ringfence.sums
