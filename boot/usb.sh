#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes an image to a USB stick, or says how to.
#   boot/usb.sh IMAGE [DEVICE]     FORCE=1 skips the checks for "removable"; nothing skips "in use"
set -euo pipefail

image=$1 device=${2:-}

die() {
        echo "usb: $*" >&2
        exit 1
}

explain() {
        local name
        echo "The image is $image. It replaces everything on the stick:"
        echo "  make usb DEV=/dev/sdX"
        echo "or, by hand (on another machine too; on Windows, Rufus in DD mode):"
        echo "  sudo dd if=$image of=/dev/sdX bs=4M conv=fsync status=progress"
        echo "Removable drives here now:"
        for name in /sys/block/*; do
                [ "$(cat "$name/removable" 2>/dev/null)" = 1 ] && [ "$(cat "$name/size")" -gt 0 ] || continue
                printf '  /dev/%s  %s MB  %s\n' "${name##*/}" $(($(cat "$name/size") / 2048)) \
                        "$(cat "$name/device/model" 2>/dev/null)"
                found=1
        done
        [ -n "${found:-}" ] || echo "  (none)"
}

check() { # the whole disk $1 (without /dev/) may be overwritten
        local sys=/sys/block/$1 part holders
        [ -d "$sys" ] || die "$device is not a whole disk (want /dev/sdX, not a partition)"
        for part in "$device" "$device"[0-9]* "$device"p[0-9]*; do
                ! grep -qs "^$(readlink -f "$part") " /proc/mounts /proc/swaps ||
                        die "$part is in use (mounted or swap): unmount it first"
        done
        holders=$(find "$sys"/holders "$sys"/*/holders -mindepth 1 2>/dev/null || true)
        [ -z "$holders" ] || die "$device is in use (by ${holders##*/})"
        [ "$(cat "$sys/size")" -ge $(($(stat -L -c %s "$image") / 512)) ] || die "$device is smaller than the image"
        [ "$(cat "$sys/removable")" = 1 ] || [ "${FORCE:-}" = 1 ] ||
                die "$device is not a removable drive; if you are certain: make usb DEV=$device FORCE=1"
}

write() {
        local sudo=()
        [ -w "$device" ] || sudo=(sudo)
        echo "Writing $image to $device"
        "${sudo[@]}" dd if="$image" of="$device" bs=4M conv=fsync status=progress
        "${sudo[@]}" cmp -n "$(stat -L -c %s "$image")" "$image" "$device" || die "what $device gives back differs: take another stick"
        echo "Done: $device holds the image. Boot from it with UEFI, Secure Boot off (boot/README.md)."
}

[ -r "$image" ] || die "no image $image"
if [ -z "$device" ]; then
        explain
        exit 0
fi
[ -b "$device" ] || die "$device is not a block device"
device=$(readlink -f "$device")
check "${device##*/}"
write
