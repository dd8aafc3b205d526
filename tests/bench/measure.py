# SPDX-License-Identifier: MIT
"""Boots each form under -icount and measures. One CPU: QEMU counts instructions exactly only then."""
import contextlib
import os
from collections import Counter
from dataclasses import dataclass, field

import figures
import link
import load
import net
import qemu
import subjects
from conf import Guest
from host import HOST_EXITS, Host
from subjects import Form

BOOT_SECONDS = 150
ANSWER_SECONDS = 60


@dataclass
class Run:
    """One measurement: so many frames of one size, in bursts, through one function of one form."""

    form: str
    function: str
    frame_bytes: int
    burst: int
    frames: int
    instructions: float  # per frame
    exits: dict[str, int] = field(default_factory=dict)
    switch: float = 0.0  # instructions of the switch in hv/root, per frame


@dataclass
class Measured:
    """Everything from the emulator."""

    runs: list[Run] = field(default_factory=list)
    micro: dict[str, dict[str, int]] = field(default_factory=dict)  # form -> step -> instructions
    wait_exits: dict[str, float] = field(default_factory=dict)  # form -> exits of one wait
    first_faults: dict[str, int] = field(default_factory=dict)  # function -> window exits until measuring began


class Boot:
    """A machine of one form that has come up."""

    def __init__(self, stack: contextlib.ExitStack, form: Form, network: net.Network, function: str = "") -> None:
        os.environ["ACCEL"] = "tcg,thread=single"
        self.form = form
        self._wire = stack.enter_context(contextlib.closing(link.Wire(network)))
        options = qemu.Options(subjects.make_image(form, function), cpus=1, cpu=form.cpu,
                               extra=("-icount", "shift=3,sleep=off"))
        name = f"bench-{form.name}{'-' + function if function else ''}"
        self.machine = stack.enter_context(qemu.Qemu(options, self._wire, name))
        self.host = None if form.bare else Host(self.machine)
        self._link = stack.enter_context(contextlib.closing(self._wire.open()))
        self._generator = load.Generator(self._link)

    def wait_line(self, guest: str, text: str, seconds: float, since: int = 0) -> None:
        """A line of that guest's console, which a bare machine marks another way."""
        self.machine.wait(rf"^(\[{guest}\]|{guest}:) {text}", seconds, since)

    def load(self, guest: Guest, size: int, burst: int, count: int) -> None:
        flow = subjects.FLOWS[guest.name](guest, count, size)
        result = self._generator.run([flow], window=burst, linger=0)
        if not result.good:
            raise qemu.Failure(self.machine.story(f"{guest.name}: {result.text()}"))

    def exits(self, name: str) -> Counter[str]:
        return Counter(self.host.stats()[name].exits()) if self.host else Counter()

    def switch_ticks(self) -> int:
        if not self.form.soft or self.host is None:
            return 0
        mark = self.machine.mark()
        self.host.stats()
        return int(self.machine.wait(r"stat: switch .*ticks=(\d+)", 10, mark)[1])

    def toggle(self, guest: Guest) -> None:
        self._link.send(subjects.control(guest))

    def run(self, guest: Guest, size: int, burst: int) -> Run:
        mark = self.machine.mark()
        self.toggle(guest)
        self.wait_line(guest.name, f"bench: start burst={burst}", ANSWER_SECONDS, mark)
        before, ticks = self.exits(guest.name), self.switch_ticks()
        self.load(guest, size, burst, subjects.FRAMES)
        after, ticks = self.exits(guest.name), self.switch_ticks() - ticks
        self.toggle(guest)
        self.wait_line(guest.name, "bench: end", ANSWER_SECONDS, mark)
        rounds = figures.read(self.machine.lines[mark:])
        what = f"{self.form.name} {guest.name}, {size} bytes, bursts of {burst}"
        mean = figures.mean_round(rounds, subjects.FRAMES // burst // 2, what)
        after.subtract(before)
        return Run(self.form.name, guest.name, size, burst, subjects.FRAMES, mean / burst,
                   {kind: count for kind, count in after.items() if count},
                   ticks / figures.TICKS / subjects.FRAMES)


def own_exits(run: Run) -> int:
    """Exits of the guest's own making. A timer tick that finds the guard open leaves the guest alone and the guard
    then gives way by a hypercall; a guest under load makes none of its own, so as many are the timer's."""
    host = sum(run.exits.get(kind, 0) for kind in HOST_EXITS)
    own = sum(run.exits.values()) - host
    return own - min(run.exits.get("hypercall", 0), host)


def _measure_function(boot: Boot, guest: Guest, into: Measured) -> None:
    boot.load(guest, 60, 32, subjects.WARM_UP)
    if boot.form.suffix:
        into.first_faults[guest.name] = boot.exits(guest.name)["window"]
    for size in subjects.SIZES:
        for burst in subjects.BURSTS:
            into.runs.append(boot.run(guest, size, burst))


def _measure_micro(boot: Boot, into: Measured) -> None:
    boot.wait_line("micro", "bench: end", BOOT_SECONDS)
    steps = figures.read(boot.machine.lines)
    into.micro[boot.form.name] = {f"{name} {number}": figures.usual(v) for (name, number), v in steps.items()}
    if boot.host:
        into.wait_exits[boot.form.name] = boot.exits("micro")["wait"] / steps["wait", 1].total()


def _measure_boot(form: Form, network: net.Network, into: Measured, function: str = "") -> None:
    with contextlib.ExitStack() as stack:
        boot = Boot(stack, form, network, function)
        here = [g for g in subjects.guests(form) if function in ("", g.name)]
        if boot.host:
            boot.host.wait_ready(BOOT_SECONDS)
        for guest in sorted(here, key=lambda g: g.name != "micro"):  # micro ends by itself; then there is quiet
            if guest.name == "micro":
                _measure_micro(boot, into)
            else:
                boot.wait_line(guest.name, "ready: ip", BOOT_SECONDS)
                _measure_function(boot, guest, into)


def all_forms(network: net.Network) -> Measured:
    measured = Measured()
    for form in subjects.FORMS:
        print(f"bench: {form.name} ...", flush=True)
        for function in [g.name for g in subjects.guests(form)] if form.bare else [""]:
            _measure_boot(form, network, measured, function)
    return measured
