# SPDX-License-Identifier: MIT
"""`make run`: boots the image with the serial console, and so the live table, on this terminal."""
import argparse
import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import image
import link
import net
import platforms
from machine import BUILD, SILENCE, Machine
from peer import Peer

sys.path.append("boot")
import accel  # noqa: E402  (found only now)

STOPPED = r"ringfence: stopped( by panic)?"
HELLO = """ringfence: booting {image} in {emulator}; network: {network}
ringfence: `make shell` in a second terminal reaches the guests. Keys: q stops, Ctrl-C ends {emulator} at once."""
IPXE = """ringfence: network boot over {proto} by iPXE ({ipxe}), whose drivers do not work with QEMU's igb: it has a
ringfence: second NIC for itself, which Ringfence leaves alone"""
SLOW_START = 4  # seconds without a word from the firmware until we say something ourselves


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


class Progress:
    """A dot a second while the firmware has not said anything: a slow emulator is not a dead one."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._dots = machine, 0

    def show(self) -> None:
        seconds = int(time.monotonic() - self._machine.started) - SLOW_START
        if self._machine.heard or seconds <= self._dots:
            return
        print("" if self._dots else "ringfence: the firmware is starting ", end=".", flush=True)
        self._dots = seconds


def serve(machine: Machine) -> int:
    """Pass keys on until Ringfence says that it stopped, the emulator ends, or the machine hangs: the live table
    is redrawn every second or so, and before there is one, something is said all the time."""
    inputs, progress = [sys.stdin], Progress(machine)
    while machine.running():
        progress.show()
        if stopped := machine.found(STOPPED):
            return 1 if stopped[0][1] else 0
        if machine.silent() > SILENCE:
            print(machine.story(f"make run: the machine hangs: no output for {SILENCE} s"), file=sys.stderr)
            return 1
        ready, _, _ = select.select(inputs, [], [], 0.25)
        if ready:
            keys = os.read(sys.stdin.fileno(), 64)
            if keys:
                machine.key(keys.decode("ascii", "ignore"))
            else:
                inputs = []  # end of input is no reason to stop
    if stopped := machine.found(STOPPED):
        return 1 if stopped[0][1] else 0
    print(machine.story("make run: the machine ended by itself"), file=sys.stderr)
    return 1


def end(*_: object) -> None:
    raise KeyboardInterrupt


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--boot", choices=["stick", "ipxe"], default="stick")
    parser.add_argument("--proto", choices=["tftp", "http"], default="tftp")
    parser.add_argument("--ipxe", choices=["rom", "snponly"], default="rom")
    parser.add_argument("--accel", default="", help="auto, tcg or kvm")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--cpus", type=int, default=0)
    return parser.parse_args()


def machine_options(args: argparse.Namespace) -> platforms.Options:
    """The machine to boot. Says in a line what of it is not as ever."""
    if platforms.emulator() != "QEMU":
        if args.boot == "ipxe":
            sys.exit(f"make run: BOOT=ipxe works with PLATFORM=qemu only, not with {platforms.emulator()}")
        return platforms.Options(args.image or BUILD / "ringfence.img", cpus=args.cpus)
    try:
        choice = accel.wanted(args.accel)
    except ValueError as error:
        sys.exit(f"make run: {error}")
    print(f"ringfence: {choice.line}", flush=True)
    options = platforms.Options(args.image or BUILD / "ringfence.img", cpus=args.cpus)
    options = replace(options, accel=choice.accel, cpu=choice.cpu)
    if args.boot == "ipxe":
        print(IPXE.format(proto=args.proto, ipxe=args.ipxe), flush=True)
        options = replace(options, image=args.image or BUILD / "netboot", netboot=(args.proto, args.ipxe))
    return options


def main() -> int:
    args = arguments()
    network = net.enter()
    signal.signal(signal.SIGTERM, end)
    options = replace(machine_options(args), real_time=True)  # a table a second is enough
    peer = "a namespace of its own" if network.tap else f"built-in datagram peer ({network.reason})"
    print(HELLO.format(image=options.image, emulator=platforms.emulator(), network=peer), flush=True)
    if options.image.is_file():
        print(f"ringfence: sha256 {image.checksum(options.image)}", flush=True)
    wire = link.Wire(network)
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
