# SPDX-License-Identifier: MIT
"""`make run`: boots the image with the serial console, and so the live table, on this terminal."""
import argparse
import contextlib
import os
import select
import signal
import sys
import termios
import tty
from pathlib import Path
from typing import Iterator

import link
import net
import platforms
from machine import BUILD, Machine
from peer import Peer

STOPPED = r"ringfence: stopped"
HELLO = """ringfence: booting {image} in QEMU{over}; network: {network}
ringfence: `make shell` in a second terminal reaches the guests. Keys: q stops, Ctrl-C ends QEMU at once."""
IPXE = """ringfence: iPXE uses a second NIC, which Ringfence leaves alone: its drivers do not work with QEMU's igb."""


@contextlib.contextmanager
def keys_at_once() -> Iterator[None]:
    """Without line editing and echo, if stdin is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def serve(machine: Machine) -> int:
    """Pass keys on until Ringfence says that it stopped, or QEMU ends."""
    inputs = [sys.stdin]
    while machine.running():
        if machine.found(STOPPED):
            return 0
        ready, _, _ = select.select(inputs, [], [], 0.25)
        if ready:
            keys = os.read(sys.stdin.fileno(), 64)
            if keys:
                machine.key(keys.decode("ascii", "ignore"))
            else:
                inputs = []  # end of input is no reason to stop
    if machine.found(STOPPED):
        return 0
    print(machine.story("make run: the machine ended by itself"), file=sys.stderr)
    return 1


def end(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--boot", choices=["stick", "ipxe"], default="stick")
    parser.add_argument("--proto", choices=["tftp", "http"], default="tftp")
    parser.add_argument("--ipxe", choices=["rom", "snponly"], default="rom")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--cpus", type=int, default=4)
    args = parser.parse_args()
    netboot = args.boot == "ipxe"
    if netboot and platforms.emulator() != "QEMU":
        sys.exit(f"make run: BOOT=ipxe works with PLATFORM=qemu only, not with {platforms.emulator()}")
    args.image = args.image or BUILD / ("netboot" if netboot else "ringfence.img")
    network = net.enter()
    signal.signal(signal.SIGTERM, end)
    peer = "a namespace of its own" if network.tap else f"built-in datagram peer ({network.reason})"
    over = f" over {args.proto} by iPXE ({args.ipxe})" if netboot else ""
    print(HELLO.format(image=args.image, over=over, network=peer), flush=True)
    if netboot:
        print(IPXE, flush=True)
    wire = link.Wire(network)
    options = platforms.Options(args.image, cpus=args.cpus, netboot=(args.proto, args.ipxe) if netboot else None)
    with net.Announcement(network), contextlib.closing(wire), keys_at_once():
        with contextlib.ExitStack() as stack:
            if not network.tap:
                stack.enter_context(Peer(wire.open()))
            machine = stack.enter_context(platforms.start(options, wire, "run", show=sys.stdout.buffer))
            try:
                return serve(machine)
            except KeyboardInterrupt:
                return 130


if __name__ == "__main__":
    sys.exit(main())
