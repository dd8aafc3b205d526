# SPDX-License-Identifier: MIT
"""Several guests on an NIC with one queue pair: without being told, they share it through soft queues."""
import dataclasses
import unittest

import conf
import platforms
import test_soft
from booted import BootedTest

CARD = {"card": "e1000"}


def undecided(guests: tuple[conf.Guest, ...]) -> tuple[conf.Guest, ...]:
    """The same with queue = auto, which is the default."""
    return tuple(dataclasses.replace(guest, extra=()) for guest in guests)


@platforms.only("qemu", "on Bochs test_soft.py has no other NIC")
class Polling(test_soft.ThreePollingEchoes):
    GUESTS = undecided(test_soft.ThreePollingEchoes.GUESTS)
    OPTIONS = CARD

    def test_0_who_has_what(self) -> None:
        self.assertTrue(self.machine.found(r"nic: queue 0 is the switch's"))
        self.assertEqual(len(self.machine.found(r"guest \w+: soft queue \d+,")), 3)


@platforms.only("qemu", "on Bochs test_soft.py has no other NIC")
class Sleeping(test_soft.Waiting):
    GUESTS = undecided(test_soft.Waiting.GUESTS)
    OPTIONS = CARD


@platforms.only("qemu", "on Bochs test_soft.py has no other NIC")
class SleepingOnI440fx(test_soft.Waiter):
    """The board whose interrupt line is routed by the PIIX3, as on Bochs."""

    GUESTS = undecided(test_soft.Waiter.GUESTS)
    OPTIONS = dict(CARD, board="pc")


@platforms.only("qemu", "on Bochs test_soft.py has no other NIC")
class Restarting(test_soft.Lives):
    GUESTS = undecided(test_soft.Lives.GUESTS)
    OPTIONS = CARD


class TwoWantIt(BootedTest):
    """The only queue pair is the first one's that asked; the others are told whose it is."""

    GUESTS = (
        conf.Guest("auto", 1, "echo.elf", "ip={ip}"),
        conf.Guest("first", 2, "echo.elf", "ip={ip}", extra=("queue = hardware",)),
        conf.Guest("second", 3, "echo.elf", "ip={ip}", extra=("queue = hardware",)),
    )
    OPTIONS = CARD
    RUNNING = 1

    @classmethod
    def wait_booted(cls) -> None:
        cls.host.wait_ready()
        cls.host.wait_answering(["first"])

    def test_errors_name_both(self) -> None:
        told = self.machine.found(r"error: ringfence.conf:\d+: \[guest (\w+)\] gets no queue: this nic has 1, "
                                  r"taken by \[guest first\], line \d+; expected queue = auto")
        self.assertEqual([m[1] for m in told], ["second", "auto"])


if __name__ == "__main__":
    unittest.main()
