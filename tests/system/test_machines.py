# SPDX-License-Identifier: MIT
"""Machines of other sizes than the usual one: what README promises at least, and more than four of everything."""
import unittest

import conf
import flows
import load
import platforms
from booted import BootedTest


class _Machine(BootedTest):
    """Traffic to all guests, and ring 0's walk over its tables."""

    def test_traffic(self) -> None:
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(g.station, g.name, 300) for g in self.GUESTS], window=32, patience=30)
        self.assertTrue(result.good, result.text())
        self.assertEqual(self.host.audit(), 0)


class Smallest(_Machine):
    """256 MiB and one CPU."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip}") for n in (1, 2, 3))
    OPTIONS = {"cpus": 1, "memory_mb": 256}


@platforms.only("qemu", "Bochs has at most 2 GiB, and eight CPUs in turns are a long wait")
class Large(_Machine):
    """Memory above 4 GiB and eight CPUs; a guest whose own memory does not fit below 4 GiB."""

    GUESTS = (conf.Guest("large", 1, "echo.elf", "ip={ip}", memory="3G"),
              conf.Guest("echo", 2, "echo.elf", "ip={ip} poll"))
    OPTIONS = {"cpus": 8, "memory_mb": 6144}


class OtherCpuModel(_Machine):
    """A CPU model as README names them, not QEMU's everything; local APIC in xAPIC mode. In Bochs one without keys."""

    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip} poll"), conf.Guest("plain", 2, "echo-plain.elf", "ip={ip}"))
    OPTIONS = {"cpu": {"qemu": "EPYC-Milan,+svm,+npt,+pku,-x2apic",
                       "bochs": "corei7_haswell_4770"}[platforms.PLATFORM]}


del _Machine  # a base, no test of its own

if __name__ == "__main__":
    unittest.main()
