# SPDX-License-Identifier: MIT
"""The UEFI loader: what it hands over, and what it says when it cannot start."""
import contextlib
import tempfile
import time
import unittest
from pathlib import Path

import booted
import elf
import image
import platforms
import screen
from machine import Machine

PROBE = image.BUILD / "boot" / "probe.elf"  # takes the kernel's place and checks every promise of rf/boot.h
CONF = "[host]\n[guest one]\nimage = one.elf\n[guest two]\nimage = absent.elf\n"
BOOT_SECONDS = 60
SAME_PROGRAM = "what the loader thinks of files does not depend on the machine, and a boot of Bochs costs 15 s"


class LoaderTest(unittest.TestCase):
    """One boot a test: each is one reason to stop, but for the first."""

    def setUp(self) -> None:
        self._stack = contextlib.ExitStack()
        self.addCleanup(self._stack.close)
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))

    def file(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        return path

    def boot(self, conf: str | None = CONF, replace: dict[str, Path | None] | None = None,
             **options: object) -> Machine:
        name = self.id().rsplit(".", 1)[1]
        files: dict[str, Path | None] = {image.KERNEL: PROBE, image.ROOT: PROBE}
        img = image.make(name, conf, [self.file("one.elf", b"\x7fELF-one")], files | (replace or {}))
        return booted.boot(self._stack, name, img, **options)[0]

    def refused(self, why: str, todo: str, **boot: object) -> None:
        """The loader stops, says why and what to do, on the console and on the serial port."""
        machine = self.boot(**boot)  # type: ignore[arg-type]
        verdict = machine.wait(r"Ringfence cannot start: .*|Starting", BOOT_SECONDS)[0]
        self.assertRegex(verdict, why)
        machine.wait(rf"What to do: .*{todo}", 10)

    @staticmethod
    def probe() -> elf.Elf:
        return elf.Elf(PROBE.read_bytes())

    def broken_kernel(self, why: str, data: bytes) -> None:
        self.refused(f"ringfence.elf is malformed: {why}", "Build it again",
                     replace={image.KERNEL: self.file("kernel.elf", data)})

    def test_hand_over(self) -> None:
        """probe.elf finds everything as rf/boot.h says, and a missing guest image stops nothing."""
        machine = self.boot(cpus=3)
        found = machine.wait(r"probe: (\d+) checks, (\d+) failed", BOOT_SECONDS)
        self.assertEqual(found[2], "0", machine.story("the probe disagrees with rf/boot.h"))
        self.assertGreater(int(found[1]), 20)
        machine.wait(r"absent.elf +MISSING", 5)
        machine.wait(r"Starting", 5)

    def test_missing_config(self) -> None:
        self.refused("no .*ringfence.conf", "Put ringfence.conf", conf=None)

    @platforms.only("qemu", SAME_PROGRAM)
    def test_missing_kernel(self) -> None:
        self.refused("ringfence.elf is not on this volume", "Copy it", replace={image.KERNEL: None})

    @platforms.only("qemu", SAME_PROGRAM)
    def test_missing_root(self) -> None:
        self.refused("root.elf is not on this volume", "Copy it", replace={image.ROOT: None})

    @platforms.only("qemu", SAME_PROGRAM)
    def test_missing_bare_image(self) -> None:
        self.refused("bare-nothing.elf is not on this volume", "Copy it", conf="[host]\nbare = nothing\n")

    @platforms.only("qemu", SAME_PROGRAM)
    def test_flat_names_come_first(self) -> None:
        """A file in the top folder wins over the one in \\ringfence, as under iPXE."""
        flat = self.file("flat.conf", b"[host]\n[guest flat]\nimage = flat.elf\n")
        machine = self.boot(replace={"ringfence.conf": flat, "ringfence.elf": PROBE, image.KERNEL: None})
        machine.wait(r"flat.elf +MISSING", BOOT_SECONDS)
        machine.wait(r"probe: \d+ checks, 0 failed", 20)

    def test_cpu_without_virtualization(self) -> None:
        model = {"qemu": "max,-svm", "bochs": "p4_prescott_celeron_336"}[platforms.PLATFORM]
        self.refused("neither AMD-V .* nor Intel VT-x", "", cpu=model)

    @platforms.only("qemu", "of a CPU with VMX the loader does not ask more")
    def test_cpu_without_nested_paging(self) -> None:
        self.refused("nested paging", "", cpu="max,-npt")

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_is_no_elf(self) -> None:
        self.broken_kernel("not an ELF file", b"#!/bin/sh\n" * 100)

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_is_empty(self) -> None:
        self.broken_kernel("truncated", b"")

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_is_truncated(self) -> None:
        probe = self.probe()
        self.broken_kernel("truncated", probe.data[: probe.loads[1]])

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_for_another_machine(self) -> None:
        self.broken_kernel("wrong machine", self.probe().with_header(elf.E_MACHINE, 183))

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_with_writable_code(self) -> None:
        self.broken_kernel("a segment is both writable and executable",
                           self.probe().with_segment(0, elf.P_FLAGS, 7))

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_with_overlapping_segments(self) -> None:
        probe = self.probe()
        self.broken_kernel("two segments overlap or share a page",
                           probe.with_segment(1, elf.P_VADDR, probe.get(0, elf.P_VADDR)))

    @platforms.only("qemu", SAME_PROGRAM)
    def test_kernel_with_huge_segment(self) -> None:
        self.broken_kernel("a segment is larger than 64 MiB", self.probe().with_segment(0, elf.P_MEMSZ, 1 << 40))

    @platforms.only("qemu", platforms.NO_SCREEN)
    def test_no_serial_port(self) -> None:
        """The verdict is then on the screen alone."""
        machine = self.boot(replace={image.KERNEL: None}, serial=False)
        dump, end = self._folder / "screen.ppm", time.monotonic() + BOOT_SECONDS
        verdict = "Ringfence cannot start: ringfence.elf is not on this volume (neither \\ringfence.elf nor"
        seen = False
        while not seen and time.monotonic() < end:
            time.sleep(1)
            machine.screendump(dump)
            seen = screen.shows(dump, verdict)
        self.assertTrue(seen, machine.story("the screen does not show the verdict"))
        self.assertFalse(screen.shows(dump, verdict.replace("volume", "column")))


if __name__ == "__main__":
    unittest.main()
