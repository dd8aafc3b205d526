# SPDX-License-Identifier: MIT
"""`make smoke`: boots the image, drives real traffic to every guest, checks every frame, one verdict.

Traffic of the Linux stack (the ping tool, UDP sockets), captured frames, numbered frames from a load
generator, and frames through the firewall to its next hop and back.
"""
import argparse
import contextlib
import sys
import time
from pathlib import Path

import arp
import captures
import flows
import image
import link
import load
import net
import platforms
import stack
import targets
from host import HOST_EXITS, Host, Stat
from machine import Failure
from replay import Replay

BOOT_CONF = Path("boot/ringfence.conf")
LOAD_FRAMES = 1500  # per guest
CAPTURED = 1500  # per guest, at most
SIZES = (56, 18, 1472)  # of ping's payload


class Smoke:
    """One run: phases add to the totals; what was wrong goes to stdout as it is found."""

    def __init__(self, guests: list[targets.Target], wire: link.Wire) -> None:
        self.guests, self.wire = guests, wire
        self.total = load.Result()
        self.skipped: list[str] = []
        self.bad = 0

    def count(self, what: str, result: load.Result) -> None:
        good = result.good
        self.bad += not good
        print(f"smoke: {'ok  ' if good else 'FAIL'} {what}: {result.text()}", flush=True)
        self.total.add(result)

    def linux_stack(self, network: net.Network) -> None:
        if not network.tap:
            self.skipped.append(f"Linux network stack: {network.reason}")
            return
        for guest in self.guests:
            for size in SIZES:
                self.count(f"ping {guest.name}, {size} bytes", stack.ping(guest.station.ip, 5, size))
            sizes = [load.mixed_size(n) for n in range(300)]
            self.count(f"UDP sockets to {guest.name}", stack.udp_echo(guest.station.ip, sizes))

    def generated(self) -> None:
        opened = self.wire.open()
        with contextlib.closing(opened):
            generator = load.Generator(opened)
            self.count("ARP of all guests", arp.ask(opened, [g.station for g in self.guests]))
            pings = [flows.ping(g.station, g.name, 100) for g in self.guests]
            self.count("ICMP echo to all guests at once", generator.run(pings))
            udp = [flows.udp_echo(g.station, g.name, LOAD_FRAMES) for g in self.guests]
            self.count(f"UDP to all guests at once, {load.WINDOW} outstanding", generator.run(udp))

    def through_firewall(self) -> None:
        """From us through `firewall` to `echo` and back, if both are there."""
        by_name = {g.name: g.station for g in self.guests}
        if not {"firewall", "echo"} <= set(by_name):
            return
        opened = self.wire.open()
        with contextlib.closing(opened):
            flow = flows.through(by_name["firewall"], by_name["echo"], "firewall", LOAD_FRAMES)
            self.count("UDP through firewall to echo and back", load.Generator(opened).run([flow]))

    def replayed(self) -> None:
        captured, reason = captures.load()
        if reason:
            self.skipped.append(f"replay of captures: {reason}")
            return
        opened = self.wire.open()
        with contextlib.closing(opened):
            for guest in self.guests:
                plain = guest.image.startswith("echo")  # others may forward what is not for them
                some = captured[:: max(1, len(captured) // CAPTURED)] if plain else captured
                result = Replay(opened, guest.station).run(some, all_kinds=plain)
                self.count(f"captured frames to {guest.name}", result)


def exits_per_frame(before: dict[str, Stat], after: dict[str, Stat]) -> tuple[float, str]:
    """Exits that guests caused, per frame received; and all kinds apart, in words."""
    frames = sum(after[name]["rx_frames"] - before[name]["rx_frames"] for name in after)
    kinds: dict[str, int] = {}
    for name, stat in after.items():
        for kind, count in stat.exits().items():
            kinds[kind] = kinds.get(kind, 0) + count - before[name].exits()[kind]
    own = sum(count for kind, count in kinds.items() if kind not in HOST_EXITS)
    shown = ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count) or "none"
    return own / frames if frames else 0.0, shown


def drive(smoke: Smoke, host: Host, network: net.Network) -> str:
    """All phases; returns the words on exits for the verdict."""
    smoke.linux_stack(network)
    before = host.stats()
    smoke.generated()
    smoke.through_firewall()
    after = host.stats()
    smoke.replayed()
    rate, kinds = exits_per_frame(before, after)
    print(f"smoke: exits during the generated load: {kinds}")
    if host.audit() != 0:
        smoke.bad += 1
        print("smoke: FAIL audit: leaves break W^X or the U=1 rule")
    host.stop()
    return f"{rate:.4f} exits/frame"


def boot_image(name: str | None) -> tuple[Path, list[targets.Target]]:
    """The image that `make image` wrote; or one that boots bare-NAME.elf instead of the kernel."""
    guests = targets.read(BOOT_CONF)
    if name is not None and platforms.PLATFORM == "bochs":
        sys.exit("smoke: BARE=: programs for the bare machine drive the 82576 only, which Bochs has not")
    if name is None:
        return image.BUILD / "ringfence.img", guests
    only = [g for g in guests if g.name == name]
    text = BOOT_CONF.read_text().replace("[host]", f"[host]\nbare = {name}", 1)
    without: dict[str, Path | None] = {image.KERNEL: None, image.ROOT: None}
    return image.make(f"bare-{name}", text, [image.BUILD / f"bare-{name}.elf"], without), only


def run(name: str | None, network: net.Network) -> int:
    img, guests = boot_image(name)
    reached = platforms.reachable(network.tap, len(guests))
    options = platforms.Options(img, **platforms.address(network.tap, guests[0].station))  # type: ignore[arg-type]
    print(f"smoke: booting {img} in {platforms.emulator()}, sha256 {image.checksum(img)}", flush=True)
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(net.Announcement(network))
        wire = cleanup.enter_context(contextlib.closing(link.Wire(network)))
        machine = cleanup.enter_context(platforms.start(options, wire, "smoke"))
        smoke, host = Smoke(guests[:reached], wire), Host(machine)
        if reached < len(guests):
            smoke.skipped.append(f"{', '.join(g.name for g in guests[reached:])}: {platforms.ONE_ADDRESS}")
        if name is None:
            running, wanted = host.wait_ready()
            smoke.bad += running != wanted or running != len(guests)
            host.wait_answering(g.name for g in guests)
        else:
            machine.wait(r"ready: ip ", 60)
        print(f"smoke: ready after {time.monotonic() - machine.started:.1f} s")
        exits = drive(smoke, host, network) if name is None else drive_bare(smoke, network)
    text, status = verdict(smoke, exits, network)
    print(text)
    return status


def verdict(smoke: Smoke, exits: str, network: net.Network) -> tuple[str, int]:
    """The last line, and the exit status that goes with it."""
    total = smoke.total
    lost = total.lost + total.unsent + total.overruns
    wrong = f", {total.altered} altered, {total.duplicated} duplicated" if total.altered + total.duplicated else ""
    text = "".join(f"smoke: skipped: {reason}\n" for reason in smoke.skipped)
    text += (f"smoke: {len(smoke.guests)} guests, {total.sent} frames, {lost} lost{wrong}, {exits} "
             f"(peer={network.peer}, {smoke.bad} phases failed, {len(smoke.skipped)} skipped)")
    return text, 1 if smoke.bad or wrong or lost or total.answered == 0 else 0


def drive_bare(smoke: Smoke, network: net.Network) -> str:
    smoke.linux_stack(network)
    smoke.generated()
    smoke.replayed()
    return "0 exits/frame (bare machine: no hypervisor)"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bare", metavar="NAME", default=None)
    args = parser.parse_args()
    network = net.enter()
    try:
        return run(args.bare or None, network)
    except Failure as failure:
        print(f"smoke: FAILED: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
