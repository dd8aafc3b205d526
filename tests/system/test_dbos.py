# SPDX-License-Identifier: MIT
"""Guests whose code has to be rewritten, as a booted machine runs them."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

import conf
import flows
import image
import load
import platforms
from booted import BootedTest, guest_file

_RESULT = re.compile(r"form \d+ result [0-9a-f]{16} .*")
COMPILERS = ("gcc", "clang")
LEVELS = ("O0", "O2", "O3")


class RewrittenCode(BootedTest):
    """Code with the hard opcode's bytes everywhere; code made at run time by two vCPUs."""

    GUESTS = (
        conf.Guest("hardops", 1, "hardops.elf"),
        conf.Guest("jit", 2, "jit.elf", "rounds=60", cpus=2),
        conf.Guest("hello", 3, "hello.elf", "one two"),
    )

    def test_hard_opcodes(self) -> None:
        """Every form computes what the same bytes compute natively, in a process of this machine."""
        native = subprocess.run([sys.executable, "-B", "tests/system/native.py", str(guest_file("hardops.elf"))],
                                capture_output=True, text=True, timeout=60, check=True)
        wanted = _RESULT.findall(native.stdout)
        self.host.wait_guest("hardops", "hardops: done", 60)
        got = [m[1] for m in self.machine.found(r"^\[hardops\] (form \d+ result .*)")]
        self.assertGreater(len(wanted), 80)
        self.assertEqual(got, wanted)
        self.machine.wait(r"guest hardops: exited with status 0", 10)

    def test_hard_opcodes_were_there(self) -> None:
        """The engine found one site in each form: otherwise the test above compares nothing."""
        rewritten = self.machine.wait(r"guest hardops: dbos: .* (\d+) rewritten", 10)
        count = guest_file("hardops.elf").read_bytes().count(bytes.fromhex("0f01ef"))
        self.assertGreaterEqual(count, int(rewritten[1]))
        self.assertGreater(int(rewritten[1]), 80)

    def test_code_made_at_run_time(self) -> None:
        self.host.wait_guest("jit", "jit: ok", 120)
        self.assertFalse(self.machine.found(r"^\[jit\] .*FAILED"))
        self.machine.wait(r"guest jit: exited with status 0", 10)
        self.assertEqual(self.host.audit(), 0)

    def test_arguments_arrive(self) -> None:
        self.host.wait_guest("hello", "argument 2: two")
        self.machine.wait(r"guest hello: exited with status 0", 10)


class PlainDrivers(BootedTest):
    """The driver written as for bare metal, as six compilers make it: rewritten once, then free of exits."""

    GUESTS = tuple(
        conf.Guest(f"{c}-{level}", 1 + n, f"{c}-{level}.elf", "ip={ip} poll")
        for n, (c, level) in enumerate((c, level) for c in COMPILERS for level in LEVELS)
    )

    @classmethod
    def make_image(cls) -> Path:
        files: dict[str, Path | None] = {
            f"ringfence/{g.image}": image.BUILD / "variants" / g.name / "echo-plain.elf" for g in cls.GUESTS}
        return image.make("PlainDrivers", conf.text(cls.GUESTS), replace=files)

    def test_traffic_without_exits(self) -> None:
        generator = load.Generator(self.open_link())
        warm = generator.run([flows.udp_echo(g.station, g.name, 300) for g in self.GUESTS], window=32)
        self.assertTrue(warm.good, warm.text())
        before, soft = self.host.stats(), platforms.PLATFORM == "bochs"  # one queue pair for six guests
        result = generator.run([flows.udp_echo(g.station, g.name, 1000) for g in self.GUESTS], window=32)
        self.assertTrue(result.good, result.text())
        for name, stat in self.host.stats().items():
            with self.subTest(name):
                sites = before[name]["exits_window"]
                print(f"        {name}: {sites} window exits for the first 300 frames", flush=True)
                self.assertGreater(sites, 0, "no store was ever caught: is this the plain driver?")
                self.assertEqual(stat.own_exits(soft) - before[name].own_exits(soft), 0, stat.exits())

    def test_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)


if __name__ == "__main__":
    unittest.main()
