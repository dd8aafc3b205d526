# SPDX-License-Identifier: MIT
"""Instructions that guests must not have, or that they have only as Ringfence emulates them."""
import time
import unittest

import conf
from booted import BootedTest, guest_file

HARD = bytes.fromhex("0f01ef")
AVX_LEVEL = 0xD


class Code(BootedTest):
    """One guest for each; those that are refused cost the others nothing."""

    GUESTS = (
        conf.Guest("hello", 1, "hello.elf"),
        conf.Guest("refused", 2, "refused.elf"),
        conf.Guest("intended", 3, "hard.elf", "intended"),
        conf.Guest("made", 4, "hard.elf", "made"),
        conf.Guest("across", 5, "hard.elf", "across"),
        conf.Guest("cpuid", 6, "cpuid.elf"),
        conf.Guest("ports", 7, "ports.elf"),
        conf.Guest("halt", 8, "halt.elf", "cli"),
    )
    OPTIONS = {"cpus": 2}
    RUNNING = len(GUESTS) - 1

    def died(self, name: str) -> str:
        return self.machine.wait(rf"guest {name}: died: (.*)", 60)[1]

    def test_refused_code(self) -> None:
        """Bytes that nobody knows to be an instruction: guest, address, bytes, rule and advice are told."""
        self.assertIn(HARD, guest_file("refused.elf").read_bytes())
        told = self.machine.wait(r"guest refused: .*hard-data.*", 10)[0]
        self.assertRegex(told, r"4000\w+: 0f 01 ef")
        self.assertRegex(told, "refused")
        self.assertRegex(told, "-z separate-code")
        self.machine.wait(r"error: guest refused: dbos refused 1 places", 10)
        self.assertFalse(self.machine.found(r"refused: STARTED"))

    def test_intended_wrpkru(self) -> None:
        """The guest starts, and dies when it comes to the instruction."""
        self.assertIn(HARD, guest_file("hard.elf").read_bytes())
        why = self.died("intended")
        self.assertRegex(why, r"vCPU 0 at 0x4000\w+ \(\w+.*\): ran an instruction that dbos took out \(hard\): "
                              r".*call commit instead")

    def test_made_at_run_time(self) -> None:
        self.assertRegex(self.died("made"), r"4000\w+: 0f 01 ef .*hard")

    def test_made_across_pages(self) -> None:
        """Half of the bytes in a page that is executable already."""
        self.assertRegex(self.died("across"), r"4000\w+fe: 0f 01 ef .*hard")

    def test_nobody_survived(self) -> None:
        for name in ("intended", "made", "across"):
            self.died(name)
            self.host.wait_guest(name, f"hard: {name}")
        self.assertEqual(self.machine.found("SURVIVED"), [])

    def test_cpuid(self) -> None:
        """Emulated: no virtualization, no protection keys, XCR0 as it is forced; each instruction is one exit."""
        self.machine.wait(r"guest cpuid: exited with status 0", 60)
        leaves = {int(m[1], 16): [int(word, 16) for word in m[2].split()]
                  for m in self.machine.found(r"^\[cpuid\] cpuid: ([0-9a-f]{8}): (.*)")}
        self.assertEqual(leaves[0x80000001][2] >> 2 & 1, 0, "SVM is shown")
        self.assertEqual(leaves[1][2] >> 5 & 1, 0, "VMX is shown")
        self.assertEqual(leaves[7][2] >> 3 & 3, 0, "protection keys are shown")
        self.assertEqual(leaves[AVX_LEVEL][0], 7, "x87, SSE and AVX")
        self.assertEqual(self.host.stats()["cpuid"]["exits_privileged"], 1 + len(leaves))

    def test_ports(self) -> None:
        self.host.wait_guest("ports", "ports: by COM1")
        self.host.wait_guest("ports", "ports: by e9")
        self.machine.wait(r"guest ports: exited with status 0", 30)

    def test_halt(self) -> None:
        """HLT became a call that gives up the slice: no exit for the instruction itself, and the guest goes on."""
        self.host.wait_guest("halt", "halt: for ever")
        first = self.host.stats()["halt"]
        time.sleep(0.5)
        second = self.host.stats()["halt"]
        self.assertEqual(second.state, "running")
        self.assertGreater(second["exits_hypercall"], first["exits_hypercall"])
        self.assertEqual(second["exits_privileged"], 0)

    def test_others(self) -> None:
        self.machine.wait(r"guest hello: exited with status 0", 30)
        self.assertEqual(self.host.audit(), 0)


class Crowded(BootedTest):
    """A store that no jump fits at: the vCPU is sent to code that does it, at the price of an exit each time."""

    GUESTS = (conf.Guest("crowded", 1, "crowded.elf"),)
    ROUNDS = 5  # crowded.c

    def test_detour(self) -> None:
        self.machine.wait(r"guest crowded: exited with status 0", 60)
        self.host.wait_guest("crowded", "crowded: 5 stores, staging holds 15")
        self.assertEqual(self.host.stats()["crowded"]["exits_window"], self.ROUNDS)


if __name__ == "__main__":
    unittest.main()
