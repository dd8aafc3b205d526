# SPDX-License-Identifier: MIT
"""`wait`: no wake-up is lost, whenever the frame comes."""
import random
import time
import unittest

import conf
import flows
import load
from booted import BootedTest

ROUNDS = 1500


class RandomMoments(BootedTest):
    """A guest that waits before every single frame, and frames at random moments, one at a time."""

    GUESTS = (
        conf.Guest("waiter", 1, "waiter.elf", f"ip={{ip}} frames={ROUNDS}"),
        conf.Guest("other", 2, "waiter.elf", f"ip={{ip}} frames={ROUNDS}"),
    )

    def test_no_wake_up_is_lost(self) -> None:
        generator = load.Generator(self.open_link())
        chance = random.Random(2)
        sent = load.Result()
        flow = [flows.udp_echo(g.station, g.name, 1, lambda n: 60) for g in self.GUESTS]
        while sent.answered < 2 * ROUNDS and not sent.lost:
            for one in flow:
                one.sent = one.answered = 0
            result = generator.run(flow, linger=0)
            sent.add(result)
            time.sleep(chance.random() * chance.choice((0, 0.0002, 0.002, 0.02)))
        self.assertTrue(sent.good, sent.text())
        for guest in self.GUESTS:
            told = self.host.wait_guest(guest.name, r"(\d+) frames, (\d+) woken.* (\d+) lost wake-ups", 20)
            print(f"        {told[0]}", flush=True)
            self.assertEqual(told[3], "0")
            self.machine.wait(rf"guest {guest.name}: exited with status 0", 10)


if __name__ == "__main__":
    unittest.main()
