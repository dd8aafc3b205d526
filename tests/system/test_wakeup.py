# SPDX-License-Identifier: MIT
"""`wait`: a frame that arrives at any instruction of it is not lost.

QEMU's debug stub stops the CPU that is about to execute instruction k, from the guest's own look at its ring through
ring 0 to the HLT of an idle CPU. There it stands still until the NIC has written the frame to memory; then all
goes on. A lost wake-up shows as a wait that lasts until its deadline though the frame has long been there:
waiter.c says so.
"""
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import ClassVar

import conf
import frames
import gdb
import load
import platforms
from booted import BootedTest, guest_file
from controlled import ControlledTest
from flows import ECHO_PORTS, turned_round
from machine import Failure

HLT = 0xF4
KERNEL = 0xFFFFFFFF80000000
# Where the NIC will write next, queue 0: 82576 datasheet, 8.10.6; 8254x manual, 13.4.28
RDH = {"igb": ("8086:10c9", 0xC010), "e1000": ("8086:100e", 0x2810)}
LONGEST, LONGEST_LOOP = 8000, 800  # instructions of one wait; after so many in a loop it waits for another CPU
GUEST_LO = 0x400000000  # guests are linked there, root lies below
FEWEST = 300  # instructions at different addresses; fewer means that the path was not found
BREAK_SECONDS = 20
FEW_MISSED = 0.03  # of a wait's addresses: some waits do not come by
TURNS = 4  # until a CPU is not going to come to an instruction any more
WAITS = 4  # until a frame is answered: one may have ended without it, at its deadline


def symbol(name: str) -> int:
    """The address of a function of waiter.elf."""
    data = guest_file("waiter.elf")
    lines = subprocess.run(["nm", str(data)], capture_output=True, text=True, check=True).stdout
    return int(re.findall(rf"^([0-9a-f]+) T {name}$", lines, re.MULTILINE)[0], 16)


NO_STUB = "Debian's Bochs has no debug stub that holds a CPU at an instruction; test_wait.py sends at random moments"


class Sweep:
    """Frames at chosen instructions. The machine stands still between calls, at the start of a wait."""

    def __init__(self, test: "_Wakeup", stub: Path) -> None:
        self.test, self.link = test, test.open_link()
        self.entry = symbol("rf_net_wait")
        self.gdb = gdb.Gdb(stub)
        test.addCleanup(self.gdb.close)
        device, head = RDH[test.CARD]
        found = re.search(rf"{device}.*?BAR0: 32 bit memory at 0x([0-9a-f]+)", self.monitor("info pci"), re.S)
        assert found is not None
        self.head_register = int(found[1], 16) + head
        self.sent = self.cpu = 0
        self.owed: bytes | None = None  # the answer to the last frame
        self.cpu = self.next_wait()

    def monitor(self, line: str) -> str:
        return str(self.test.machine.monitor("human-monitor-command", **{"command-line": line}))

    def head(self) -> int:
        return int(self.monitor(f"xp /1xw {self.head_register:#x}").split()[-1], 16)

    def next_wait(self) -> int:
        """Run until the guest begins to wait; the CPU that runs it. The stub overlooks a breakpoint at times: then
        another frame brings the guest here again, but only when it owes no answer, which a lost wake-up would."""
        if self.cpu and self.gdb.rip(self.cpu) == self.entry:
            self.gdb.step(self.cpu)  # off the breakpoint that comes back now
        self.gdb.set_break(self.entry)
        self.gdb.start(self.gdb.cpus)
        end = time.monotonic() + BREAK_SECONDS
        while (cpu := self.gdb.wait_break(0.1)) is None and time.monotonic() < end:
            self.collect()
            if self.owed is None:
                self.link.send(self.frame())
        if cpu is None:
            raise Failure(self.test.machine.story("the guest waits for ever"))
        self.gdb.clear_break(self.entry)
        return cpu

    def collect(self) -> None:
        """Take answers off the wire."""
        while (answer := self.link.receive(0)) is not None:
            if answer == self.owed:
                self.owed = None

    def others(self) -> list[int]:
        return [cpu for cpu in self.gdb.cpus if cpu != self.cpu]

    def path(self) -> list[int]:
        """The instructions of one wait, in order, up to HLT; [] if this one went another way."""
        went, seen, new = [self.entry], {self.entry}, 0
        while len(went) < LONGEST:
            self.gdb.step(self.cpu)
            at = self.gdb.rip(self.cpu)
            new = len(went) if at not in seen else new
            seen.add(at)
            went.append(at)
            if at >= KERNEL and self.gdb.byte(self.cpu, at) == HLT:
                return went
            if at < GUEST_LO or at == self.entry:
                return []  # root was to run next, or a frame was there already
            if (len(went) - new) % LONGEST_LOOP == 0:
                self.others_run()
        return []

    def others_run(self) -> None:
        """A moment for the other CPUs: ring 0's lock may be with one of them."""
        self.gdb.start(self.others())
        time.sleep(0.003)
        self.gdb.stop()

    def reach(self, address: int) -> bool:
        """Run this CPU until it is about to execute what stands at address."""
        came = address == self.entry
        for _ in range(0 if came else TURNS):
            self.gdb.set_break(address)
            self.gdb.start([self.cpu])
            came = self.gdb.wait_break(0.05) is not None
            if not came:
                self.gdb.stop()
            self.gdb.clear_break(address)
            if came:
                break
            self.others_run()
        return came

    def frame(self) -> bytes:
        self.sent += 1
        data = load.payload(0, self.sent, 18)
        return frames.udp(conf.GENERATOR, self.test.GUESTS[0].station, ECHO_PORTS, data, ident=self.sent)

    def arrive(self) -> None:
        """A frame is in memory, and that CPU has not moved since."""
        frame, before, end = self.frame(), self.head(), time.monotonic() + BREAK_SECONDS
        self.owed = turned_round(frame)
        self.gdb.start(self.others())
        while not self.link.send(frame):
            time.sleep(0.001)
        while self.head() == before and time.monotonic() < end:
            time.sleep(0.0005)
        self.gdb.stop()
        if self.head() == before:
            raise Failure(self.test.machine.story("the NIC does not take the frame"))

    def round(self, address: int) -> bool:
        """One frame at one instruction. False: the CPU did not come there."""
        if not self.reach(address):
            self.cpu = self.next_wait()
            return False
        self.arrive()
        for _ in range(WAITS):
            self.cpu = self.next_wait()
            self.collect()
            if self.owed is None:
                return True
        raise AssertionError(self.test.machine.story(f"no answer to the frame at {address:x}"))

    def steady_path(self) -> list[int]:
        for _ in range(20):
            went = self.path()
            self.cpu = self.next_wait()
            if went:
                return went
        raise Failure(self.test.machine.story("no wait ends in HLT"))


class _Wakeup(BootedTest):
    """One waiting guest on two CPUs, and the debug stub."""

    GUESTS = (conf.Guest("waiter", 1, "waiter.elf", "ip={ip}"),)
    CARD: ClassVar[str] = "igb"
    stub: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.stub = Path(folder.name) / "gdb"
        # nochain: where QEMU chains translated blocks it overlooks breakpoints most of the time
        words = ("-gdb", f"unix:{cls.stub},server=on,wait=off", "-d", "nochain")
        cls.OPTIONS = {"cpus": 2, "card": cls.CARD, "extra": words}
        super().setUpClass()
        cls.host.wait_guest("waiter", "timer ok", 60)

    def lost(self) -> list[str]:
        return [m[0] for m in self.machine.found(r"^\[waiter\] .*LOST WAKE-UP.*")]


@platforms.only("qemu", NO_STUB)
class EveryInstruction(_Wakeup):
    """Nothing is lost."""

    def test_no_wake_up_is_lost(self) -> None:
        sweep = Sweep(self, self.stub)
        went = sweep.steady_path()
        places = dict.fromkeys(went)
        self.assertGreater(len(places), FEWEST)
        missed = [place for place in places if not sweep.round(place)]
        missed = [place for place in missed if not any(sweep.round(place) for _ in range(2))]
        in_guest = sum(place < KERNEL for place in places)
        print(f"        a frame at each of {len(places) - len(missed)} of {len(places)} addresses ({in_guest} in "
              f"guest and guard; {len(went)} instructions a wait)", flush=True)
        sweep.gdb.start(sweep.gdb.cpus)
        time.sleep(3)  # longer than the guest's patience: it has said what it lost
        self.assertEqual(self.lost(), [])
        # Where root ran last, or who held a lock, changes the way a little.
        self.assertLess(len(missed), len(places) * FEW_MISSED, [hex(place) for place in missed])


class EveryInstructionE1000(EveryInstruction):
    """Nor of a level interrupt through the I/O APIC."""

    CARD = "e1000"


@platforms.only("qemu", NO_STUB)
class WithoutTheCheck(_Wakeup, ControlledTest):
    """The control: a `wait` that does not look at the ring once its interrupt is armed. The same test must fail."""

    CONTROL = "no-wait-check"

    def test_wake_ups_are_lost(self) -> None:
        sweep = Sweep(self, self.stub)
        places = [place for place in dict.fromkeys(sweep.steady_path()) if place >= KERNEL]
        for place in places[: len(places) // 2 : 40]:
            sweep.round(place)
        sweep.gdb.start(sweep.gdb.cpus)
        self.host.wait_guest("waiter", "LOST WAKE-UP", 10)


del _Wakeup  # a base, no test of its own

if __name__ == "__main__":
    unittest.main()
