#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots an image in QEMU as a machine would boot it from a USB stick: OVMF, xhci, usb-storage,
# 4 CPUs with emulated SVM, nested paging and protection keys. Serial port on the terminal.
#
#   boot/run-qemu.sh [IMAGE [QEMU OPTION...]]      Ctrl-a x ends it
#   boot/run-qemu.sh FOLDER [QEMU OPTION...]       boots over the network, from what `make netboot` wrote
#
# From the environment: CPU (model), SMP, MEM (MiB), MACHINE (QEMU's word for the board; q35 by default),
# ACCEL (the same; TCG by default), NETDEV (the NIC's options; none by default: no NIC), SERIAL; for a folder
# PROTO (tftp or http) and IPXE (rom or snponly). The tests (tests/system/qemu.py) start their machines
# through this script too.
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

die() {
        echo "run-qemu.sh: $*" >&2
        exit 1
}

boot_from_stick() {
        boot=(-device qemu-xhci -drive "if=none,id=stick,format=raw,readonly=on,file=$image"
                -device "usb-storage,drive=stick,bootindex=0")
}

# A second NIC, because iPXE's drivers do not work with QEMU's igb. Behind it are QEMU's own DHCP and TFTP
# servers and, for HTTP, one of ours: no frame leaves QEMU, no port is used. With `rom` iPXE comes in
# the NIC's option ROM. With `snponly` the firmware drives the NIC, and its PXE client fetches iPXE.
boot_from_network() {
        local script=boot.ipxe net="user,id=boot-net,restrict=on,tftp=${image//,/,,}" python=${PYTHON:-python3}
        local server
        server="$python -B $(printf '%q %q' "$here/ipxe/httpd.py" "$image")"
        case ${PROTO:-tftp} in
        tftp) ;;
        http)
                script=http://10.0.2.100/boot.ipxe
                net+=",guestfwd=tcp:10.0.2.100:80-cmd:${server//,/,,}" # QEMU splits as a shell, and at single commas
                ;;
        *) die "PROTO=$PROTO: unknown; there are tftp and http" ;;
        esac
        case ${IPXE:-rom} in
        rom) boot=(-netdev "$net,bootfile=$script" -device "e1000e,netdev=boot-net,bootindex=0") ;;
        snponly)
                wrap=("$python" -B "$here/ipxe/dhcp.py" "$script") # QEMU warns of a hub without NIC: meant so
                boot=(-netdev "$net,bootfile=snponly.efi" -netdev "hubport,id=boot-hub1,hubid=1,netdev=boot-net"
                        -netdev "dgram,id=boot-server,local.type=fd,local.str={server}"
                        -netdev "hubport,id=boot-hub2,hubid=1,netdev=boot-server"
                        -netdev "dgram,id=boot-nic,local.type=fd,local.str={nic}"
                        -device "virtio-net-pci,netdev=boot-nic,bootindex=0,romfile=")
                ;;
        *) die "IPXE=$IPXE: unknown; there are rom and snponly" ;;
        esac
}

wrap=()
if [ -d "$image" ]; then
        image=$(cd "$image" && pwd)
        boot_from_network
else
        boot_from_stick
fi

# SVM, nested paging and protection keys are asked for by name so that QEMU warns if its TCG should
# ever lose one. No vmport: it would answer guests' I/O. What the
# firmware writes to its variables goes to a snapshot that ends with QEMU.
# shellcheck disable=SC2086 # lists of options
exec "${wrap[@]}" "$QEMU" $QEMU_DATA -nodefaults -no-user-config -no-reboot \
        -machine "${MACHINE:-q35},vmport=off" -accel "${ACCEL:-tcg,thread=multi}" \
        -cpu "${CPU:-max,+svm,+npt,+pku}" -smp "${SMP:-4}" -m "${MEM:-1024}" \
        -drive if=pflash,unit=0,format=raw,readonly=on,file="$OVMF_CODE" \
        -drive if=pflash,unit=1,format=raw,snapshot=on,file="$OVMF_VARS" \
        -device VGA -display none -serial "${SERIAL:-mon:stdio}" \
        ${NETDEV:--nic none} "${boot[@]}" "$@"
