#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots an image in Bochs, an Intel machine without ACPI: OVMF, one IDE disk, one 82540EM (e1000), COM1.
# The image is never written to: what the machine writes goes to a file that ends with Bochs.
#
#   boot/run-bochs.sh [IMAGE]     Ctrl-C ends it
#
# From the environment:
#   CPU     Bochs's model: corei7_icelake_u (the default, with protection keys), corei7_skylake_x (without)
#   SMP     1 (default), 2, 4, 8; every CPU costs: all of them run in turns in one thread of this machine
#   MEM     MiB, 256 to 2048; 1024 by default
#   NIC     none (default), socket:PORT (a frame is a UDP datagram on loopback, in at PORT, out to PORT + 1; Bochs
#           passes in only what is for NIC_MAC or for all), tap:NAME (an existing tap; everything passes)
#   NIC_MAC the NIC's own address
#   SERIAL  HOST:PORT (Bochs connects; both ways), none, or a file (output only); the terminal by default
#   WORK    an existing folder for bochsrc and bochs.log, Bochs's own log; a temporary one by default
#   SYNC    slowdown: the machine's clock runs no faster than ours, for people; none (default): as fast as it can
# The tests (tests/system/bochs.py) start their machines through this script too.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
b=${B:-$here/../build}
image=${1:-$b/ringfence.img}

die() {
        echo "run-bochs.sh: $*" >&2
        exit 1
}

nic() { # the bochsrc lines of the NIC
        local mac=mac=${NIC_MAC:-52:54:00:77:00:01}
        case ${NIC:-none} in
        none) echo "pci: enabled=1, chipset=i440fx" ;;
        socket:*)
                # Bochs looks "localhost" up to find where to send to, and crashes if nobody knows it.
                getent ahostsv4 localhost >/dev/null ||
                        die "this machine does not know the name localhost: put '127.0.0.1 localhost' into /etc/hosts"
                echo "pci: enabled=1, chipset=i440fx, slot1=e1000"
                echo "e1000: enabled=1, $mac, ethmod=socket, ethdev=${NIC#*:}"
                ;;
        tap:*)
                # The script is one that does nothing: whoever made the tap has configured it.
                echo "pci: enabled=1, chipset=i440fx, slot1=e1000"
                echo "e1000: enabled=1, $mac, ethmod=tuntap, ethdev=/dev/net/tun:${NIC#*:}, script=none"
                ;;
        *) die "NIC=$NIC is not none, socket:PORT or tap:NAME" ;;
        esac
}

serial() {
        case ${SERIAL:-/dev/fd/3} in
        none) echo "com1: enabled=0" ;;
        *[!/]:*) echo "com1: enabled=1, mode=socket-client, dev=$SERIAL" ;;
        *) echo "com1: enabled=1, mode=file, dev=${SERIAL:-/dev/fd/3}" ;;
        esac
}

# No VGA on the PCI bus: the only display that needs no screen (rfb) cannot do 32 bits a pixel, and would stop the
# run. ips is the TSC's rate, and what a second of machine time is; CPUID names another rate. A triple fault is a panic
# of Bochs, and so an end with a reason in the log. HLT in a run with one CPU skips time.
bochsrc() {
        local memory=${MEM:-1024}
        cat <<EOF
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=true, biosdev=true, speaker=true, extfpuirq=true, parallel=false, serial=true, gameport=false, iodebug=true
sound: driver=dummy, waveout=/dev/null
cpu: model=${CPU:-corei7_icelake_u}, count=${SMP:-1}, ips=25000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=$memory, host=$memory
romimage: file=$BOCHS_ROM, address=0x0
vgaromimage: file=$BOCHS_VGA
vga: extension=vbe, update_freq=1
$(nic)
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path="$image", mode=volatile, journal="$work/disk"
boot: disk
clock: sync=${SYNC:-none}, time0=1700000000
$(serial)
port_e9_hack: enabled=1
log: $work/bochs.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
EOF
}

[ -r "$image" ] || die "no image $image (make image)"
image=$(realpath "$image")
# The emulator may be gone, or the checkout may have moved, since bochs.env was written.
# shellcheck disable=SC1091
if ! { . "$b/tools/bochs.env" && [ -x "$BOCHS" ] && [ -r "$BOCHS_ROM" ] && [ -r "$BOCHS_VGA" ]; } 2>/dev/null; then
        B=$b "$here/bochs.sh"
        . "$b/tools/bochs.env"
fi
work=${WORK:-$(mktemp -d)}
bochsrc >"$work/bochsrc"
printf 'c\nq\n' >"$work/start" # this Bochs has a debugger, which waits for commands: continue; when that ends, quit
[ -z "$BOCHS_PLUGINS" ] || export LTDL_LIBRARY_PATH=$BOCHS_PLUGINS
[ -n "${WORK:-}" ] || echo "run-bochs.sh: Bochs's own log is $work/bochs.log" >&2
exec "$BOCHS" -q -f "$work/bochsrc" -rc "$work/start" 3>&1 >&2 </dev/null # 3: for com1
