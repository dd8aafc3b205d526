# SPDX-License-Identifier: MIT
"""The other NIC: an 82540EM with one queue pair, legacy descriptors and a level interrupt, one guest on it."""
import random
import re
import threading
import time
import unittest

import conf
import flows
import load
import platforms
import stack
from booted import NETWORK, BootedTest
from controlled import ControlledTest

LONG = platforms.scaled(10_000)


class Polling(BootedTest):
    """The long test, a life after the first, and what must hold after it."""

    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip} poll"),)
    OPTIONS = {"card": "e1000"}

    def exchange(self, frames: int) -> load.Result:
        return load.Generator(self.open_link()).run([flows.udp_echo(g.station, g.name, frames) for g in self.GUESTS])

    def test_1_says_what_it_is(self) -> None:
        self.machine.wait(r"nic \S+ \[8086:100e\] 82540EM, 1 queue pair$", 1)

    def test_2_long_both_ways(self) -> None:
        """10,000 frames (2,000 on Bochs), 60 to 1514 bytes, both ways, 128 outstanding, no exit of the guest's own."""
        self.exchange(50)
        before = self.host.stats()["echo"]
        result = self.exchange(LONG)
        after = self.host.stats()["echo"]
        exits = {k: v - before.exits()[k] for k, v in after.exits().items()}
        print(f"        long test: {result.text()}; exits { {k: v for k, v in exits.items() if v} }", flush=True)
        self.assertTrue(result.good, result.text())
        for counter in ("rx_frames", "tx_frames"):
            self.assertEqual(after[counter] - before[counter], LONG, counter)
        self.assertEqual(after.own_exits() - before.own_exits(), 0, exits)

    def test_3_linux_stack(self) -> None:
        if not NETWORK.tap:
            self.skipTest(f"no Linux stack on the wire: {NETWORK.reason}")
        station = self.GUESTS[0].station
        ping = stack.ping(station.ip, 5, 1472)
        self.assertTrue(ping.good, ping.text())
        udp = stack.udp_echo(station.ip, [load.mixed_size(n) for n in range(200)])
        self.assertTrue(udp.good, udp.text())

    def test_4_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)


class Waiting(BootedTest):
    """A guest that waits before every frame, on both boards QEMU has: its interrupt is routed otherwise on each."""

    ROUNDS = 600
    GUESTS = (conf.Guest("waiter", 1, "waiter.elf", f"ip={{ip}} frames={ROUNDS}"),)
    OPTIONS = {"card": "e1000"}

    def test_no_wake_up_is_lost(self) -> None:
        generator = load.Generator(self.open_link())
        chance = random.Random(3)
        sent = load.Result()
        flow = flows.udp_echo(self.GUESTS[0].station, "waiter", 1, lambda n: 60)
        while sent.answered < self.ROUNDS and not sent.lost:
            flow.sent = flow.answered = 0
            sent.add(generator.run([flow], linger=0))
            time.sleep(chance.random() * chance.choice((0, 0.0002, 0.002, 0.02)))
        self.assertTrue(sent.good, sent.text())
        told = self.host.wait_guest("waiter", r"(\d+) frames, (\d+) woken.* (\d+) lost wake-ups", 20)
        print(f"        {told[0]}", flush=True)
        self.assertEqual(told[3], "0")
        self.machine.wait(r"guest waiter: exited with status 0", 10)

    def test_how(self) -> None:
        self.assertEqual(self.machine.found(r"no interrupt"), [])


@platforms.only("qemu", "Bochs's board is such a PC")
class WaitingOnPc(Waiting):
    OPTIONS = {"card": "e1000", "board": "pc"}


class NoLine(ControlledTest, Waiting):
    """Firmware gave the NIC no interrupt line: waits end by the timer, nothing is lost, and the log says so once."""

    CONTROL = "no-line"

    def test_how(self) -> None:
        self.assertEqual(len(self.machine.found(r"no interrupt \(line \d+\): who waits looks again")), 1)


class Lives(BootedTest):
    """The only queue is taken away and given again, under load: each life starts with a NIC as after power-on."""

    LIVES = 4
    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip} poll", restart="always"),)
    OPTIONS = {"card": "e1000"}

    def test_1_killed_under_load(self) -> None:
        """What is lost is lost; afterwards nothing is."""
        station = self.GUESTS[0].station
        for life in range(self.LIVES):
            with self.subTest(life=life):
                generator = load.Generator(self.open_link())
                # Patient for longer than QEMU's model stays deaf after a start: or its last frames, answered
                # late, would be counted as answers to others.
                storm = threading.Thread(target=generator.run, args=([flows.udp_echo(station, "storm", 3000)],),
                                         kwargs={"patience": 3.0})
                storm.start()
                mark = self.machine.mark()
                self.machine.key("k1" if life % 2 else "r1")
                self.host.wait_guest("echo", "ready: ip", 30, mark)
                storm.join()
                self.host.wait_answering(["echo"])
                result = load.Generator(self.open_link()).run([flows.udp_echo(station, "after", 1000)])
                self.assertTrue(result.good, result.text())
        self.assertEqual(self.machine.found(r"does not drain|did not drain|could not be given back"), [])

    def test_2_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)

    def test_3_stop(self) -> None:
        self.host.stop()


class Plain(BootedTest):
    """A driver as for bare metal: its stores to the ring and to this NIC's tail registers are rewritten."""

    FIRST_TOUCHES = 12
    GUESTS = (conf.Guest("echo", 1, "echo-plain.elf", "ip={ip} poll"),)
    OPTIONS = {"card": "e1000"}

    def test_stores_are_rewritten_once(self) -> None:
        flow = [flows.udp_echo(self.GUESTS[0].station, "echo", 300)]
        generator = load.Generator(self.open_link())
        self.assertTrue(generator.run(flow).good)
        first = self.host.stats()["echo"].exits()["window"]
        self.assertGreater(first, 1)
        self.assertLessEqual(first, self.FIRST_TOUCHES)
        before = self.host.stats()["echo"]
        result = generator.run([flows.udp_echo(self.GUESTS[0].station, "echo", 5000)])
        after = self.host.stats()["echo"]
        print(f"        {result.text()}; first touches {first}", flush=True)
        self.assertTrue(result.good, result.text())
        self.assertEqual(after.own_exits() - before.own_exits(), 0, after.exits())


class NoKeys(BootedTest):
    """Without protection keys: one exit a burst at most, in either form of the driver."""

    FORM = "echo.elf"
    FRAMES = 2000
    OPTIONS = {"card": "e1000", "keys": False}

    @classmethod
    def setUpClass(cls) -> None:
        cls.GUESTS = (conf.Guest("echo", 1, cls.FORM, "ip={ip} poll stats=1"),)
        super().setUpClass()

    def handed_over(self) -> int:
        """How many commits, or doorbell stores, the guest says it has made: the last of two equal answers."""
        last = -1
        while True:
            found = self.host.wait_guest("echo", r"(\d+) commits,", 20, self.machine.mark())
            now = int(re.findall(r"(\d+) commits,", found[0])[0])
            if now == last:
                return now
            last = now

    def test_one_exit_a_burst(self) -> None:
        station = self.GUESTS[0].station
        generator = load.Generator(self.open_link())
        generator.run([flows.udp_echo(station, "echo", 300)])
        handed, before = self.handed_over(), self.host.stats()["echo"]
        result = generator.run([flows.udp_echo(station, "echo", self.FRAMES)])
        bursts = self.handed_over() - handed
        exits = {k: v - before.exits()[k] for k, v in self.host.stats()["echo"].exits().items()}
        print(f"        {result.text()}; {bursts} bursts, {exits['commit']} commits", flush=True)
        self.assertTrue(result.good, result.text())
        self.assertGreater(exits["commit"], 0)
        self.assertLessEqual(exits["commit"], bursts + 2 * self.FRAMES // 32)  # one commit hands over 32 at most
        rest = {k: v for k, v in exits.items() if k not in ("commit", "timer", "interrupt", "hypercall")}
        self.assertEqual(sum(rest.values()), 0, exits)
        self.assertEqual(self.host.audit(), 0)


class NoKeysPlain(NoKeys):
    FORM = "echo-plain.elf"


class Shared(BootedTest):
    """Three guests on one queue pair: it is the switch's, and they have soft queues."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip}") for n in (1, 2, 3))
    OPTIONS = {"card": "e1000"}

    def test_1_all_answer(self) -> None:
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(g.station, g.name, 1000) for g in self.GUESTS], window=32)
        print(f"        {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())

    def test_2_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)


if __name__ == "__main__":
    unittest.main()
