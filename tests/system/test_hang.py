# SPDX-License-Identifier: MIT
"""A machine that stops is not waited for for ever: it is ended, with its last lines and the emulator's reason."""
import contextlib
import tempfile
import unittest
from pathlib import Path

import bochs
import booted
import image
import platforms
from elf import Elf
from host import READY
from machine import Failure, Machine

PROBE = image.BUILD / "boot" / "probe.elf"
LAST_LINE = "Starting Ringfence"
SILENT = 5.0  # seconds; make run and make smoke wait for machine.SILENCE
FOR_EVER = b"\xeb\xfe"  # 1: jmp 1b
# lidt of ten zero bytes, then ud2: no handler for the exception, nor for the one that follows
TRIPLE_FAULT = bytes.fromhex("0f011d02000000 0f0b") + bytes(10)


class HangTest(unittest.TestCase):
    """In the kernel's place an image whose first instruction ends everything."""

    def stopped(self, code: bytes) -> tuple[Machine, str]:
        """What is said of a boot of that code."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        kernel = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "kernel.elf"
        kernel.write_bytes(Elf(PROBE.read_bytes()).with_entry_code(code))
        name = self.id().rsplit(".", 1)[1]
        img = image.make(name, "[host]\n", replace={image.KERNEL: kernel, image.ROOT: PROBE})
        machine = booted.boot(stack, name, img, cpus=1, nic=False)[0]
        machine.wait(LAST_LINE, 60)
        with self.assertRaises(Failure) as caught:
            machine.wait(READY, 60, silence=SILENT)
        return machine, str(caught.exception)

    def test_no_progress(self) -> None:
        machine, told = self.stopped(FOR_EVER)
        self.assertRegex(told, rf"the machine hangs: no output for 5 s.*{platforms.emulator()} is running")
        self.assertRegex(told, rf"serial \| .*{LAST_LINE}")
        machine.stop()
        self.assertFalse(machine.running())

    @platforms.only("bochs", "QEMU ends without a word when the CPU gives up")
    def test_triple_fault(self) -> None:
        _, told = self.stopped(TRIPLE_FAULT)
        self.assertRegex(told, r"^Bochs ended, .*ended with status 1")
        self.assertRegex(told, rf"serial \| .*{LAST_LINE}")
        self.assertRegex(told, r"bochs +\| PANIC CPU0: .*3rd .*exception")


class ReasonTest(unittest.TestCase):
    """What is taken from Bochs's log."""

    LOG = """00450922360e[CPU0  ] RDMSR: Unknown register 0x17
00000000000i[      ] LTDL_LIBRARY_PATH is set to 'x'
00951437090e[CPU1  ] VMFAIL: VMCS host state invalid CR0 0x00000000
00951437091p[CPU0  ] >>PANIC<< exception(): 3rd (14) exception with no resolution
00951437092e[CPU0  ] after the end
"""

    def test_lines(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "bochs.log"
            self.assertRegex(bochs.reason(log)[0], "no log")
            log.write_text(self.LOG)
            told = bochs.reason(log)
        self.assertEqual(len(told), 3, told)
        self.assertRegex(told[0], r"^CPU1: VMFAIL")
        self.assertRegex(told[-1], r"^PANIC CPU0: .*3rd")


if __name__ == "__main__":
    unittest.main()
