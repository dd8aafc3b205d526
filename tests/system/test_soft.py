# SPDX-License-Identifier: MIT
"""Soft queues: guests behind the switch in hv/root notice nothing, and cost each other nothing."""
import unittest

import conf
import flows
import load
from booted import BootedTest

SOFT = ("queue = soft",)
LONG = 10_000


class ThreePollingEchoes(BootedTest):
    """As the long test of hardware queues."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip} poll", extra=SOFT) for n in (1, 2, 3))

    def test_1_long_both_ways(self) -> None:
        """Three guests, 10,000 frames each, 60 to 1514 bytes, both ways at once, 128 outstanding each."""
        opened = self.open_link()
        generator = load.Generator(opened)
        generator.run([flows.udp_echo(g.station, g.name, 50) for g in self.GUESTS])  # first touches
        settled = self.host.stats()
        result = generator.run([flows.udp_echo(g.station, g.name, LONG) for g in self.GUESTS])
        after = self.host.stats()
        print(f"        soft queues: {result.text()}", flush=True)
        for name, stat in after.items():
            own = {k: v - settled[name].exits()[k] for k, v in stat.exits().items()}
            print(f"        exits of {name} for {LONG} frames in and out: "
                  f"{ {k: v for k, v in own.items() if v} }", flush=True)
        self.assertTrue(result.good, result.text())


if __name__ == "__main__":
    unittest.main()
