# SPDX-License-Identifier: MIT
"""Mistakes of users: a wrong ringfence.conf or guest image costs the guest it concerns, and is explained."""
import re
import tempfile
import unittest
from pathlib import Path

import conf
import flows
import image
import load
from booted import BootedTest, guest_file
from elf import E_ENTRY, E_MACHINE, E_TYPE, P_FILESZ, P_FLAGS, P_MEMSZ, P_OFFSET, P_VADDR, PF_W, PF_X, Elf

GOOD = conf.Guest("good", 1, "echo.elf", "ip={ip}")

# Lines of a ringfence.conf, each with what must be said about that line (None: nothing).
MISTAKES: list[tuple[str, str | None]] = [
    ("[host]", None),
    ("table = off", None),
    ("nonsense = 1", r'unknown key "nonsense"; expected one of'),
    ("table = plain", r'second "table" in this section, the first is in line 2'),
    ("console = both ways", r'bad value "both ways"; expected console = both, serial or screen'),
    *[(line, None) for line in GOOD.section().splitlines()],
    ("[guest size]", None),
    ("image = echo.elf", None),
    ("memory = 1K", r'bad value "1K"; expected memory = NUMBER'),
    ("[guest huge]", None),
    ("image = echo.elf", None),
    ("memory = 128G", r"\[guest huge\] wants \d+ KiB of memory; expected at most \d+ KiB"),
    ("[guest cpus]", None),
    ("image = echo.elf", None),
    ("cpus = 9", r'bad value "9"; expected cpus = NUMBER, from 1 to 8'),
    ("[guest mac]", None),
    ("image = echo.elf", None),
    ("mac = 01:00:5e:00:00:01", r'bad value "01:00:5e:00:00:01"; expected mac = HH:HH'),
    ("[guest twin]", None),
    ("image = echo.elf", None),
    ("mac = 52:54:00:77:01:01", r"52:54:00:77:01:01"),
    ("[guest twice]", None),
    ("image = echo.elf", None),
    ("image = meter.elf", r'second "image" in this section, the first is in line \d+'),
    ("[guest noimage]", r"\[guest noimage\] has no image"),
    ("restart = sometimes", r'bad value "sometimes"; expected restart = never, on-failure or always'),
    ("[guest good]", r"second section \[guest good\], the first is in line 6"),
    ("image = echo.elf", None),
    ("[guest bad name!]", r"expected \[host\] or \[guest NAME\]"),
    ("[network]", r"expected \[host\] or \[guest NAME\]"),
    ("just words", r"expected"),
    ("[guest gone]", None),
    ("image = gone.elf", None),
]


def broken_images() -> dict[str, tuple[bytes, str]]:
    """Name, contents, and what must be said about it."""
    good = Elf(guest_file("echo.elf").read_bytes())
    code, data = good.segment(PF_X), good.segment(PF_W)
    size = len(good.data)
    return {
        "empty": (b"", "shorter than an ELF header"),
        "text": (b"echo\n" * 100, "not an ELF64 little-endian file"),
        "arm": (good.with_header(E_MACHINE, 183), "not for x86-64"),
        "object": (good.with_header(E_TYPE, 1), "not an executable"),
        "cut": (good.data[: size // 2], "truncated"),
        "offset": (good.with_segment(code, P_OFFSET, size - 16), "lies outside the file|misaligned"),
        "zero": (good.with_segment(data, P_MEMSZ, 0), "zero size|larger in the file than in memory"),
        "shrunk": (good.with_segment(code, P_MEMSZ, good.get(code, P_FILESZ) - 1), "larger in the file than in memory"),
        "huge": (good.with_segment(data, P_MEMSZ, 1 << 45), "outside the addresses of a guest"),
        "low": (good.with_segment(code, P_VADDR, good.get(code, P_VADDR) % 4096), "outside the addresses of a guest"),
        "skewed": (good.with_segment(code, P_VADDR, good.get(code, P_VADDR) + 8), "misaligned"),
        "wx": (good.with_segment(code, P_FLAGS, 7), "both writable and executable"),
        "overlap": (good.with_segment(data, P_VADDR, good.get(code, P_VADDR) + good.get(data, P_OFFSET) % 4096),
                    "share a page|misaligned"),
        "entry": (good.with_header(E_ENTRY, 0x1234), "the entry point lies in no executable segment"),
    }


class BadConfig(BootedTest):
    """Every kind of mistake in one file: each is told with its line, and the good guest runs."""

    GUESTS = (GOOD,)

    @classmethod
    def make_image(cls) -> Path:
        text = "".join(line + "\n" for line, _ in MISTAKES)
        return image.make("BadConfig", text, [guest_file("echo.elf"), guest_file("meter.elf")])

    def test_each_mistake_is_told(self) -> None:
        said = {int(m[1]): m[2] for m in self.machine.found(r"ringfence\.conf:(\d+): (.*)")}
        for number, (line, wanted) in enumerate(MISTAKES, 1):
            with self.subTest(f"line {number}: {line}"):
                if wanted is None:
                    self.assertNotIn(number, said)
                else:
                    self.assertRegex(said.get(number, "(nothing)"), wanted)

    def test_missing_image_is_told(self) -> None:
        self.assertTrue(self.machine.found(r"error: guest gone: image gone.elf .*(not found|missing|no such|volume)"),
                        self.machine.story("no word on gone.elf"))

    def test_good_guest_runs(self) -> None:
        result = load.Generator(self.open_link()).run([flows.udp_echo(GOOD.station, "good", 200)])
        self.assertTrue(result.good, result.text())


class BadImages(BootedTest):
    """Every kind of malformed guest image beside a good one."""

    GUESTS = (GOOD,)

    @classmethod
    def make_image(cls) -> Path:
        bad = [conf.Guest(name, 2 + n, f"{name}.elf") for n, name in enumerate(broken_images())]
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name, (data, _) in broken_images().items():
                files.append(Path(folder) / f"{name}.elf")
                files[-1].write_bytes(data)
            return image.make("BadImages", conf.text([*bad, GOOD]), [*files, guest_file("echo.elf")])

    def test_each_is_refused(self) -> None:
        said = {m[1]: m[2] for m in self.machine.found(r"error: guest (\S+): (.*)")}
        for name, (_, wanted) in broken_images().items():
            with self.subTest(name):
                self.assertRegex(said.get(name, "(nothing)"), wanted)
                self.assertTrue(re.match(rf"image {name}\.elf", said[name]), said[name])

    def test_good_guest_runs(self) -> None:
        result = load.Generator(self.open_link()).run([flows.udp_echo(GOOD.station, "good", 200)])
        self.assertTrue(result.good, result.text())


if __name__ == "__main__":
    unittest.main()
