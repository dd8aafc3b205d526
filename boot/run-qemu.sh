#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots an image in QEMU as a machine would boot it from a USB stick: OVMF, xhci, usb-storage,
# 4 CPUs with emulated SVM, nested paging and protection keys. Serial port on the terminal.
#
#   boot/run-qemu.sh [IMAGE [QEMU OPTION...]]      Ctrl-a x ends it
#
# From the environment: CPU (model), SMP, MEM (MiB), ACCEL, NETDEV (the NIC's options; none by default:
# no NIC), SERIAL. The tests (tests/system/qemu.py) start their machines through this script too.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
b=${B:-$here/../build}
image=${1:-$b/ringfence.img}
[ $# -eq 0 ] || shift

[ -r "$image" ] || {
        echo "run-qemu.sh: no image $image (make image)" >&2
        exit 1
}
# The emulator may be gone, or the checkout may have moved, since qemu.env was written.
# shellcheck disable=SC1091
if ! { . "$b/tools/qemu.env" && [ -x "$QEMU" ] && [ -r "$OVMF_CODE" ]; } 2>/dev/null; then
        B=$b "$here/qemu.sh"
        . "$b/tools/qemu.env"
fi

# SVM, nested paging and protection keys are asked for by name so that QEMU warns if its TCG should
# ever lose one. No vmport: it would answer guests' I/O. What the
# firmware writes to its variables goes to a snapshot that ends with QEMU.
# shellcheck disable=SC2086 # lists of options
exec "$QEMU" $QEMU_DATA -nodefaults -no-user-config -no-reboot \
        -machine q35,vmport=off -accel "${ACCEL:-tcg,thread=multi}" \
        -cpu "${CPU:-max,+svm,+npt,+pku}" -smp "${SMP:-4}" -m "${MEM:-1024}" \
        -drive if=pflash,unit=0,format=raw,readonly=on,file="$OVMF_CODE" \
        -drive if=pflash,unit=1,format=raw,snapshot=on,file="$OVMF_VARS" \
        -device qemu-xhci -drive if=none,id=stick,format=raw,readonly=on,file="$image" \
        -device usb-storage,drive=stick,bootindex=0 \
        -device VGA -display none -serial "${SERIAL:-mon:stdio}" \
        ${NETDEV:--nic none} "$@"
