# SPDX-License-Identifier: MIT
"""The switch sleeps and is woken: no frame waits for root's next look around, which a control makes 3 s long. With the
looks after arming switched off some frames do."""
import random
import time
import unittest

import conf
import flows
import load
import platforms
from controlled import ControlledTest

SOFT = ("queue = soft",)
TURNS = "Bochs runs its CPUs in turns: the races meant here do not come by"
FRAMES = 1500
PATIENCE = 2.0  # less than the look around


@platforms.only("qemu", TURNS)
class Sleeping(ControlledTest):
    """One frame at a time, at random moments and at once, to a guest that waits and to one that polls."""

    CONTROL = "slow-tick"
    GUESTS = (
        conf.Guest("waits", 1, "echo.elf", "ip={ip}", extra=SOFT),
        conf.Guest("polls", 2, "echo.elf", "ip={ip} poll", extra=SOFT),
    )

    def late(self) -> tuple[int, load.Result]:
        """How many of FRAMES to each guest were not answered in time."""
        generator, chance = load.Generator(self.open_link()), random.Random(4)
        total, end = load.Result(), 0
        for number in range(FRAMES):
            flow = [flows.udp_echo(g.station, g.name, 1, lambda n: 60) for g in self.GUESTS]
            result = generator.run(flow, linger=0, patience=PATIENCE)
            total.add(result)
            end += result.lost
            if end >= 3:
                break
            if number % 2:
                time.sleep(chance.random() * chance.choice((0, 0.0002, 0.002, 0.01)))
        return end, total

    def test_nothing_waits(self) -> None:
        late, total = self.late()
        print(f"        {total.text()}", flush=True)
        self.assertEqual(late, 0, total.text())
        self.assertTrue(total.good, total.text())


@platforms.only("qemu", TURNS)
class NobodyLooks(Sleeping):
    """The control: without the look after arming a frame that came before it waits."""

    CONTROL = "slow-tick no-wait-check"

    def test_nothing_waits(self) -> None:
        late, total = self.late()
        self.assertGreater(late, 0, f"the test above shows nothing: {total.text()}")


@platforms.only("qemu", TURNS)
class OneQueue(Sleeping):
    """The same behind a level interrupt."""

    OPTIONS = {"card": "e1000"}


if __name__ == "__main__":
    unittest.main()
