# SPDX-License-Identifier: MIT
"""A CPU without protection keys: commit is a hypercall, in both forms of the driver; nothing else exits."""
import re
import unittest

import conf
import flows
import load
from booted import BootedTest

FRAMES = 2000
COMMIT_SLOTS = 32  # what one commit hands over at most


class NoKeys(BootedTest):
    """The commit form and the plain form, polling."""

    GUESTS = (conf.Guest("commit", 1, "echo.elf", "ip={ip} poll stats=1"),
              conf.Guest("plain", 2, "echo-plain.elf", "ip={ip} poll stats=1"))
    OPTIONS = {"keys": False}

    def handed_over(self, name: str) -> int:
        """How many commits, or doorbell stores, the guest says it has made: the last of two equal answers."""
        last = -1
        while True:
            found = self.host.wait_guest(name, r"(\d+) commits,", 20, self.machine.mark())
            now = int(re.findall(r"(\d+) commits,", found[0])[0])
            if now == last:
                return now
            last = now

    def test_1_says_so(self) -> None:
        self.machine.wait(r"no protection keys: commit is a hypercall", 1)

    def test_2_answers_with_one_exit_a_burst(self) -> None:
        flow = [flows.udp_echo(g.station, g.name, FRAMES) for g in self.GUESTS]
        generator = load.Generator(self.open_link())
        generator.run([flows.udp_echo(g.station, g.name, 300) for g in self.GUESTS])  # each store's first fault
        before, handed = self.host.stats(), {g.name: self.handed_over(g.name) for g in self.GUESTS}
        result = generator.run(flow)
        self.assertTrue(result.good, result.text())
        for name in before:
            with self.subTest(name):
                bursts = self.handed_over(name) - handed[name]
                exits = {k: v - before[name].exits()[k] for k, v in self.host.stats()[name].exits().items()}
                print(f"        {name}: {bursts} bursts, {exits['commit']} commits for {FRAMES} frames in and out",
                      flush=True)
                self.assertGreater(exits["commit"], 0)
                self.assertLessEqual(exits["commit"], bursts + 2 * FRAMES // COMMIT_SLOTS)
                if name == "commit":
                    self.assertEqual(exits["commit"], bursts)
                # the statistics line above is the guest's own console call
                rest = {k: v for k, v in exits.items() if k not in ("commit", "timer", "interrupt", "hypercall")}
                self.assertEqual(sum(rest.values()), 0, exits)

    def test_3_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)


if __name__ == "__main__":
    unittest.main()
