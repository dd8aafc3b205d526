# SPDX-License-Identifier: MIT
"""What is measured: the forms a guest comes in, the functions it has, the frames it gets."""
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import conf
import flows
import frames
import image
import load

IMAGES = image.BUILD / "bench"
SIZES = {60: "64", 1514: "1518"}  # frame without FCS, as the harness sends it: with FCS, as the wire has it
BURSTS = (1, 8, 32)  # the order is loop.c's
FUNCTIONS = ("echo", "firewall")
FRAMES = 1536  # in one measurement: a multiple of each burst, and six times round a ring of 256
WARM_UP = 96  # first executions of stores, and more than one refill

_NEXT_HOP = frames.Station(frames.mac("52:54:00:77:00:04"), "10.77.0.4")  # nobody: the harness sees every frame
_BEYOND = "10.77.0.99"
_RULES = "rule=pass,udp,dport=7 rule=pass,udp,sport=7 rule=pass,icmp default=drop"
_ARGUMENTS = {
    "echo": "ip={ip}",
    "firewall": f"ip={{ip}} next={_NEXT_HOP.ip} next-mac={frames.mac_text(_NEXT_HOP.mac)} {_RULES}",
    "micro": "",
}
_EXPERIMENTAL = 0x88B5  # EtherType for local experiments, IEEE 802; see loop.c


@dataclass(frozen=True)
class Form:
    """One way to run the guests. `bare`: one boot for each function, without hypervisor."""

    name: str
    suffix: str = ""
    cpu: str = "max,+svm,+npt,+pku,-x2apic"  # reading an x2APIC under -icount ends QEMU: "Bad icount read"
    bare: bool = False
    micro: bool = True
    commit_exits: bool = False  # a commit leaves the guest: it is a hypercall
    soft: bool = False  # behind the switch of hv/root


FORMS = (
    Form("bare", bare=True),
    Form("plain", suffix="-plain", micro=False),  # micro measures both drivers' steps in the boot of `commit`
    Form("commit"),
    Form("hypercall", cpu="max,+svm,+npt,-pku,-x2apic", commit_exits=True),
    Form("soft", micro=False, soft=True),
)


def guests(form: Form) -> list[conf.Guest]:
    names = [*FUNCTIONS, *(["micro"] if form.micro else [])]
    return [conf.Guest(name, number, f"{name}{'' if name == 'micro' else form.suffix}.elf", _ARGUMENTS[name],
                       extra=("queue = soft",) if form.soft else ())
            for number, name in enumerate(names, 1)]


def make_image(form: Form, function: str = "") -> Path:
    """The image for one boot; of a bare form, for that function."""
    all_of = guests(form)
    if form.bare:
        without: dict[str, Path | None] = {image.KERNEL: None, image.ROOT: None}
        return image.make(f"bench-bare-{function}", conf.text(all_of, bare=function),
                          [IMAGES / f"bare-{function}.elf"], without)
    return image.make(f"bench-{form.name}", conf.text(all_of), [IMAGES / g.image for g in all_of])


def control(guest: conf.Guest) -> bytes:
    """Starts or ends a measurement."""
    return frames.ethernet(guest.station.mac, conf.GENERATOR.mac, _EXPERIMENTAL, b"")


def _forwarded(guest: conf.Guest, count: int, size: int) -> load.Flow:
    """UDP by way of the firewall to its next hop, in one direction."""
    via = frames.Station(guest.station.mac, _BEYOND)

    def make(flow: int, number: int) -> tuple[bytes, bytes]:
        data = load.payload(flow, number, size - frames.UDP_OVERHEAD)
        frame = frames.udp(conf.GENERATOR, via, flows.ECHO_PORTS, data, ident=number & 0xFFFF)
        return frame, flows.with_ttl(_NEXT_HOP.mac + guest.station.mac + frame[12:], 63)

    return load.Flow(guest.name, count, make)


def _echoed(guest: conf.Guest, count: int, size: int) -> load.Flow:
    return flows.udp_echo(guest.station, guest.name, count, lambda _: size)


FLOWS: dict[str, Callable[[conf.Guest, int, int], load.Flow]] = {"echo": _echoed, "firewall": _forwarded}
