# SPDX-License-Identifier: MIT
"""Attacks 4 and 7 at each instruction of the guard: QEMU's debug stub holds the guest's CPU there, window open, while
root takes the queue away on the other CPU. The interrupt meets the guard at that instruction; from then on the tail
stands still, and the guest, which did no wrong, lives."""
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import ClassVar

import gdb
import image
import platforms
from evil import Evil, EvilTest
from machine import Failure

GUARD_VA = 0x8000010000  # hv/include/rf/layout.h
PATH = 60  # instructions of a commit that hands one slot over; fewer means that they were not found
HOLD = 0.05  # seconds for root to come to its wait for that CPU
COMES = 1.0  # seconds in which a loop of commits passes every instruction of its path
NO_STUB = "Debian's Bochs has no debug stub that holds a CPU at an instruction; there the timer steps through the guard"


def guard_addresses(built: Path) -> list[int]:
    """Of each instruction from the first WRPKRU to the comparison behind the second, in the ring space."""
    kernel = str(built)
    names = subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout
    at = {name: int(value, 16) for value, name in re.findall(r"^([0-9a-f]+) \w (guard_\w+)$", names, re.MULTILINE)}
    words = ["objdump", "-D", f"--start-address={at['guard_open']}", f"--stop-address={at['guard_close'] + 8}", kernel]
    code = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(f{8}[0-9a-f]+):\t", code, re.MULTILINE)
    return [int(value, 16) - at["guard_page"] + GUARD_VA for value in found]


class HeldEvil(Evil):
    """The test plays the host's part, once evilroot is there."""

    def _play(self, timeout: float) -> None:
        self.machine.wait("evilroot: ready", 90)


class Stub(EvilTest):
    """One boot; a guest for each instruction."""

    WORDS = "held"
    stub: ClassVar[Path]
    mark = 0

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.stub = Path(folder.name) / "gdb"
        words = ("-gdb", f"unix:{cls.stub},server=on,wait=off", "-d", "nochain")
        cls.evil = HeldEvil(f"evil-qemu-{cls.__name__}", cls.WORDS, cls.TEST_KERNEL, 60, extra=words)
        cls.addClassCleanup(cls.evil.close)

    def hold(self, stub: gdb.Gdb, address: int) -> int | None:
        """Stop the CPU that is about to execute what stands at address; None: nobody comes there."""
        stub.set_break(address)
        stub.start(stub.cpus)
        cpu = stub.wait_break(COMES)
        if cpu is None:
            stub.stop()
        stub.clear_break(address)
        return cpu

    def one(self, stub: gdb.Gdb, address: int) -> tuple[bool, re.Match[str]]:
        """Whether the guest stood at address when its queue was taken away, and what came of it. The machine stands
        still before and after."""
        mark = self.evil.machine.mark()
        stub.start(stub.cpus)
        self.evil.machine.wait(r"held: ready", 30, self.mark)
        stub.stop()
        cpu = self.hold(stub, address)
        self.evil.machine.key("g")
        if cpu is not None and not self.TEST_KERNEL:  # a revocation that does not wait for that CPU needs no start
            stub.start([other for other in stub.cpus if other != cpu])
            time.sleep(HOLD)
            stub.stop()
        stub.start(stub.cpus)
        found = self.evil.machine.wait(r"held: round=\d+ error=(-?\d+) moved=(\d) dead=(\d) death=(\d+)", 30, mark)
        stub.stop()
        lines = self.evil.machine.lines
        self.mark = 1 + next(i for i in range(mark, len(lines)) if found[0] in lines[i])
        return cpu is not None, found


@platforms.only("qemu", NO_STUB)
class Held(Stub):
    """The release."""

    def test_07_revoked_at_each_instruction(self) -> None:
        held = 0
        stub = gdb.Gdb(self.stub)
        self.addCleanup(stub.close)
        addresses = guard_addresses(image.BUILD / "ringfence.elf")
        for address in addresses:
            with self.subTest(f"guard+{address - GUARD_VA:#x}"):
                stood, found = self.one(stub, address)
                held += stood
                if stood:
                    self.held(found[1] == "0" and found[2] == "0", found[0])
                    self.assertEqual(found[3], "0", f"the guest, which did no wrong, died: {found[0]}")
        print(f"        held at {held} of {len(addresses)} instructions", flush=True)
        if held < PATH:
            raise Failure(self.evil.machine.story(f"the guest stood at {held} instructions only"))


@platforms.only("qemu", NO_STUB)
class Control(Stub):
    """A revocation that leaves the window as it is: the guard goes on and moves the tail of a queue that is gone."""

    WORDS = "held controls"
    TEST_KERNEL = True

    def test_07_without_closing_the_window(self) -> None:
        stub = gdb.Gdb(self.stub)
        self.addCleanup(stub.close)
        moved = [self.one(stub, address)[1][2] == "1" for address in guard_addresses(image.TEST_KERNEL)[::8]]
        self.effective(any(moved), moved)


del EvilTest, Stub

if __name__ == "__main__":
    unittest.main()
