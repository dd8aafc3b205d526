# SPDX-License-Identifier: MIT
"""Soft queues with a hostile guest behind the same switch: forged addresses, floods, a pool that changes while the
switch copies. Each with a control in which the switch does not look, or the guest does nothing wrong."""
import time
import unittest
from collections import Counter

import conf
import flows
import frames
import load
import platforms
from booted import BootedTest
from controlled import ControlledTest

SOFT = ("queue = soft",)
SAME = "nothing in it depends on the platform, and Bochs runs its CPUs in turns"
TYPE = 0x88B5
ROUNDS = 200  # talker.c
OWN = frames.mac("52:54:00:77:01:05")
FORGED = "52:54:00:77:01:01"  # echo1's


def talker(words: str) -> conf.Guest:
    return conf.Guest("talker", 5, "talker.elf", words, extra=SOFT)


def echo(number: int) -> conf.Guest:
    return conf.Guest(f"echo{number}", number, "echo.elf", "ip={ip} poll", extra=SOFT)


class Talked(BootedTest):
    """Collects what the talker gets onto the wire."""

    def hear(self, seconds: float) -> list[bytes]:
        opened, heard = self.open_link(), []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            frame = opened.receive(left)
            if frame is not None and frames.kind_of(frame) == TYPE:
                heard.append(frame)
        return heard

    def restart_and_hear(self, number: int, seconds: float) -> list[bytes]:
        self.machine.key(f"r{number}")
        return self.hear(seconds)

    def sources(self, heard: list[bytes]) -> Counter[bytes]:
        return Counter(frame[6:12] for frame in heard)


@platforms.only("qemu", SAME)
class Forger(Talked):
    """Every second frame has another's source address: it reaches nobody, and is counted."""

    GUESTS = (echo(1), echo(2), talker(f"forge={FORGED} to={frames.mac_text(conf.GENERATOR.mac)}"))

    def test_forged_frames_are_dropped(self) -> None:
        self.host.wait_guest("talker", "talker: 400 frames", 30)
        heard = self.sources(self.restart_and_hear(3, 6))
        self.assertEqual(heard, {OWN: ROUNDS}, "own frames pass, forged ones do not")
        stat = self.host.stats()["talker"]
        self.assertEqual((stat["spoofed"], stat["tx_frames"], stat["refused"]), (2 * ROUNDS, 2 * ROUNDS, 0))


@platforms.only("qemu", SAME)
class ForgerControl(Forger, ControlledTest):
    """Where the switch does not look, they are on the wire."""

    CONTROL = "no-spoof-check"

    def test_forged_frames_are_dropped(self) -> None:
        self.host.wait_guest("talker", "talker: 400 frames", 30)
        heard = self.sources(self.restart_and_hear(3, 6))
        self.assertEqual(heard, {OWN: ROUNDS, frames.mac(FORGED): ROUNDS})


@platforms.only("qemu", SAME)
class Broadcaster(Talked):
    """What a guest sends to all reaches each once, and itself never, though an 82576 also turns it round."""

    GUESTS = (echo(1), echo(2), talker(f"forge={FORGED}"))

    def test_each_gets_it_once(self) -> None:
        self.host.wait_guest("talker", "talker: 400 frames", 30)
        before = self.host.stats()
        heard = self.sources(self.restart_and_hear(3, 6))
        after = self.host.stats()
        self.assertEqual(heard, {OWN: ROUNDS})
        got = {name: after[name]["rx_frames"] - before[name]["rx_frames"] for name in after}
        self.assertEqual(got, {"echo1": ROUNDS, "echo2": ROUNDS, "talker": 0})


@platforms.only("qemu", SAME)
class Flooder(Talked):
    """A guest that sends to an address of nobody, as fast as it can: what the others get is slower, and whole."""

    GUESTS = (echo(1), echo(2), talker(f"flood={frames.mac_text(OWN)} to=52:54:00:77:00:63"))
    WINDOW, PATIENCE = 32, 20

    def test_others_go_on(self) -> None:
        self.host.wait_guest("talker", "talker: starts", 30)
        before = self.host.stats()
        made = [flows.udp_echo(g.station, g.name, 1500) for g in self.GUESTS[:2]]
        result = load.Generator(self.open_link()).run(made, window=self.WINDOW,
                                                         patience=self.PATIENCE)
        after = self.host.stats()
        sent = after["talker"]["tx_frames"] - before["talker"]["tx_frames"]
        print(f"        beside a flood of {sent} frames: {result.text()}", flush=True)
        self.assertGreater(sent, 3000, "that is no flood")
        self.judge(result)
        self.assertEqual(self.host.audit(), 0)

    def judge(self, result: load.Result) -> None:
        self.assertTrue(result.good, result.text())


@platforms.only("qemu", SAME)
class BroadcastFlooder(Flooder):
    """The same to everybody: the others' rings are full of it, as they would be on any wire. They live."""

    GUESTS = (echo(1), echo(2), talker(f"flood={frames.mac_text(OWN)}"))
    PATIENCE = 5  # what is lost stays in the window; when that is full of it, the run is over

    def judge(self, result: load.Result) -> None:
        self.assertEqual(result.altered + result.duplicated, 0, result.text())
        self.assertGreater(result.answered, result.sent // 4, result.text())


@platforms.only("qemu", SAME)
class Scribbler(Talked):
    """The pool changes while the switch copies: the guest's own bytes, under its own address, and nothing else."""

    GUESTS = (echo(1), talker(f"scribble={frames.mac_text(OWN)} to={frames.mac_text(conf.GENERATOR.mac)}"))

    def test_only_its_own_garbage(self) -> None:
        self.host.wait_guest("talker", "talker: starts", 30)
        heard = self.hear(5)
        self.assertGreater(len(heard), 100)
        torn = 0
        for frame in heard:
            self.assertEqual((frame[:6], frame[6:12], len(frame)), (conf.GENERATOR.mac, OWN, 400))
            rest = set(frame[23:])
            self.assertLessEqual(rest, {0x55, 0xEE}, frame.hex())
            torn += rest == {0x55, 0xEE}
        stat = self.host.stats()["talker"]
        print(f"        {len(heard)} frames heard, {torn} of them torn, {stat['spoofed']} with a torn address dropped",
              flush=True)
        result = load.Generator(self.open_link()).run([flows.udp_echo(self.GUESTS[0].station, "echo1", 500)])
        self.assertTrue(result.good, result.text())
        self.assertGreater(torn + stat["spoofed"], 0, "nothing changed in time: this shows nothing")


if __name__ == "__main__":
    unittest.main()
