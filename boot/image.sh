#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes a bootable disk image: GPT with one EFI system partition. No root rights needed.
#   boot/image.sh IMAGE DEST=FILE...     DEST is a path in the volume: EFI/BOOT/BOOTX64.EFI=...
# The same files give the same bytes: identifiers and times are fixed.
set -euo pipefail
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1735689600 # 2025-01-01; mtools stamps files with it
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null

disk_guid=5246454e-4345-4449-534b-000000000001
part_guid=5246454e-4345-4553-5000-000000000001
fat_serial=52464345
mib=$((1024 * 1024))

die() {
        echo "image.sh: $*" >&2
        exit 1
}

check_tools() {
        PATH=$PATH:/usr/sbin:/sbin # sfdisk, on Debian, is not on a user's path
        local tool
        for tool in sfdisk mformat mmd mcopy; do
                command -v "$tool" >/dev/null || die "$tool is missing: boot/deps.sh build installs it"
        done
}

# FAT32 needs 65,525 clusters; 512-byte clusters make that 33 MiB. The rest is room for guests.
size_mib() {
        local bytes=0 pair
        for pair in "$@"; do
                bytes=$((bytes + $(stat -L -c %s -- "${pair#*=}")))
        done
        echo $((64 + (bytes + mib - 1) / mib))
}

partition() { # of $2 sectors in the image $1
        printf '%s\n' 'label: gpt' "label-id: $disk_guid" 'first-lba: 2048' \
                "start=2048, size=$2, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$part_guid, name=RINGFENCE" |
                sfdisk --quiet --no-reread --no-tell-kernel "$1"
}

make_folders() { # of the path $2 in the volume $1, where they do not exist yet
        local folder=
        local IFS=/
        for part in ${2%/*}; do
                folder=$folder/$part
                case $made in *" $folder "*) continue ;; esac
                mmd -i "$1" "::$folder"
                made="$made $folder "
        done
}

main() {
        [ $# -ge 2 ] || die "usage: boot/image.sh IMAGE DEST=FILE..."
        local image=$1 new=$1.new pair dest file volume mibs sectors
        shift
        check_tools
        for pair in "$@"; do
                [ -r "${pair#*=}" ] || die "cannot read ${pair#*=}"
        done
        mibs=$(size_mib "$@")
        rm -f "$new"
        truncate -s "${mibs}M" "$new"
        sectors=$(((mibs - 2) * 2048)) # the last MiB holds the second copy of the partition table
        partition "$new" $sectors
        volume=$new@@1M
        mformat -i "$volume" -F -T $sectors -H 2048 -h 64 -s 32 -c 1 -N $fat_serial -v RINGFENCE ::
        made=
        for pair in "$@"; do
                dest=${pair%%=*}
                file=${pair#*=}
                case $dest in */*) make_folders "$volume" "$dest" ;; esac
                mcopy -i "$volume" "$file" "::/$dest" || die "cannot copy $file"
        done
        mv "$new" "$image"
}

main "$@"
