# SPDX-License-Identifier: MIT
"""Soft queues: guests behind the switch in hv/root notice nothing of it, and cost each other nothing fatal."""
import random
import time
import unittest

import arp
import conf
import flows
import frames
import load
import platforms
import stack
from booted import NETWORK, BootedTest

SOFT = ("queue = soft",)
LONG = platforms.scaled(10_000)
ROUNDS = 800
METER = r"received (\d+) lost (\d+) duplicate (\d+) corrupt (\d+)"
PER_FRAME = 1 / 16  # exits at load, the switch's wake-ups included


def echo(number: int, words: str = "poll", image: str = "echo.elf", **more: object) -> conf.Guest:
    arguments = f"ip={{ip}} {words}"
    return conf.Guest(f"echo{number}", number, image, arguments, extra=SOFT, **more)  # type: ignore[arg-type]


class SoftTest(BootedTest):
    """What the classes below share."""

    def run_flows(self, count: int, window: int = load.WINDOW, guests: tuple[conf.Guest, ...] = ()) -> load.Result:
        made = [flows.udp_echo(g.station, g.name, count) for g in guests or self.GUESTS if "ip=" in g.arguments]
        return load.Generator(self.open_link()).run(made, window=window, patience=20)

    def free_pages(self) -> int:
        mark = self.machine.mark()
        self.host.stats()
        return int(self.machine.wait(r"stat: end free_pages=(\d+)", 10, mark)[1])

    def strays(self) -> int:
        mark = self.machine.mark()
        self.host.stats()
        return int(self.machine.wait(r"stat: switch strays=(\d+)", 10, mark)[1])


class ThreePollingEchoes(SoftTest):
    """As the long test of hardware queues, and what must hold after it."""

    GUESTS = (echo(1), echo(2), echo(3))

    def test_1_long_both_ways(self) -> None:
        """Three guests, 10,000 frames each (2,000 on Bochs), 60 to 1514 bytes, both ways, 128 outstanding."""
        self.run_flows(50)  # first touches
        settled = self.host.stats()
        result = self.run_flows(LONG)
        after = self.host.stats()
        print(f"        soft queues: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())
        self.assertEqual(result.answered, LONG * len(self.GUESTS))
        for name, stat in after.items():
            for counter in ("rx_frames", "tx_frames"):  # a frame for another guest would show here
                self.assertEqual(stat[counter] - settled[name][counter], LONG, f"{name} {counter}")
            for counter in ("drops", "spoofed", "refused"):
                self.assertEqual(stat[counter], settled[name][counter], f"{name} {counter}")
            own = stat.own_exits() - settled[name].own_exits()
            print(f"        exits of {name} a frame: {own / (2 * LONG):.4f}", flush=True)
            self.assertLess(own, 2 * LONG * PER_FRAME, name)

    def test_2_linux_stack(self) -> None:
        if not NETWORK.tap:
            self.skipTest(f"no Linux stack on the wire: {NETWORK.reason}")
        for guest in self.GUESTS:
            with self.subTest(guest.name):
                ping = stack.ping(guest.station.ip, 5, 1472)
                self.assertTrue(ping.good, ping.text())
                udp = stack.udp_echo(guest.station.ip, [load.mixed_size(n) for n in range(200)])
                self.assertTrue(udp.good, udp.text())

    def test_3_broadcast_reaches_everyone(self) -> None:
        before = self.host.stats()
        result = arp.ask(self.open_link(), [g.station for g in self.GUESTS])
        self.assertTrue(result.good, result.text())
        for guest in self.GUESTS:
            wanted = before[guest.name]["rx_frames"] + 3
            self.assertEqual(self.host.wait_settled(guest.name, "rx_frames", wanted), wanted)

    def test_4_frames_for_others(self) -> None:
        """A unicast frame for a MAC of nobody reaches nobody."""
        before = self.host.stats()
        stranger = frames.Station(frames.mac("52:54:00:77:01:63"), self.GUESTS[0].station.ip)
        opened = self.open_link()
        for number in range(50):
            opened.send(frames.udp(conf.GENERATOR, stranger, flows.ECHO_PORTS, load.payload(0, number, 100)))
        result = self.run_flows(1)
        self.assertTrue(result.good, result.text())
        for guest in self.GUESTS:
            self.assertEqual(self.host.stats()[guest.name]["rx_frames"] - before[guest.name]["rx_frames"], 1)

    def test_5_each_size(self) -> None:
        count = frames.MAX_FRAME - frames.MIN_FRAME + 1
        flow = flows.ping(self.GUESTS[1].station, "sizes", count, lambda n: frames.MIN_FRAME + n)
        result = load.Generator(self.open_link()).run([flow])
        self.assertTrue(result.good, result.text())

    def test_6_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)


class Waiting(SoftTest):
    """Guests that sleep, and a switch that sleeps: echo, firewall in front of it, meter."""

    GUESTS = (
        echo(1, ""),
        conf.Guest("firewall", 2, "firewall.elf", "ip={ip} next=10.77.0.11 default=pass", extra=SOFT),
        conf.Guest("meter", 3, "meter.elf", "ip={ip} to=10.77.0.11:7 count=3000 rate=2000 window=64", extra=SOFT),
        echo(4, "", "echo-plain.elf"),
    )

    def test_1_between_guests(self) -> None:
        """meter counts 3,000 frames to echo and back, none on the wire."""
        told = self.host.wait_guest("meter", "meter: sent 3000 " + METER, 90)
        self.assertEqual([told[n] for n in (1, 2, 3, 4)], ["3000", "0", "0", "0"])

    def test_2_not_on_the_wire(self) -> None:
        opened = self.open_link()
        self.machine.key("r3")
        self.host.wait_guest("meter", "meter: sent 3000 received 3000", 90, self.machine.mark())
        seen = 0
        while (frame := opened.receive(0.0)) is not None:
            seen += frame[:6] == self.GUESTS[0].station.mac
        self.assertEqual(seen, 0)

    def test_3_through_firewall(self) -> None:
        flow = flows.through(self.GUESTS[1].station, self.GUESTS[0].station, "firewall", 2000)
        result = load.Generator(self.open_link()).run([flow])
        self.assertTrue(result.good, result.text())

    def test_4_plain_driver(self) -> None:
        """Its stores to ring and doorbell are rewritten once, though no doorbell is there."""
        self.assertTrue((result := self.run_flows(200, 32, self.GUESTS[3:])).good, result.text())
        before = self.host.stats()["echo4"]["exits_window"]
        self.assertGreater(before, 0)
        self.assertTrue((result := self.run_flows(2000, 32, self.GUESTS[3:])).good, result.text())
        self.assertEqual(self.host.stats()["echo4"]["exits_window"], before)

    def test_5_one_at_a_time(self) -> None:
        """Each frame finds the switch and the guest asleep: 600 wake-ups of both, at random moments."""
        generator = load.Generator(self.open_link())
        chance = random.Random(3)
        sent = load.Result()
        for _ in range(600):
            flow = flows.udp_echo(self.GUESTS[0].station, "echo1", 1, lambda n: 60)
            sent.add(generator.run([flow], linger=0, patience=5))
            time.sleep(chance.random() * chance.choice((0, 0.0002, 0.002, 0.02)))
        print(f"        one at a time: {sent.text()}", flush=True)
        self.assertTrue(sent.good, sent.text())

    def test_6_idle_guests_sleep(self) -> None:
        time.sleep(1)
        before = self.host.stats()
        time.sleep(3)
        for name, stat in self.host.stats().items():
            self.assertLess(stat["entries"] - before[name]["entries"], 300, f"{name} does not sleep")


class Waiter(SoftTest):
    """Guests that tell a lost wake-up from a late one (waiter.c)."""


    GUESTS = tuple(conf.Guest(f"waiter{n}", n, "waiter.elf", f"ip={{ip}} frames={ROUNDS}", extra=SOFT) for n in (1, 2))

    def test_no_wake_up_is_lost(self) -> None:
        result = self.run_flows(ROUNDS, window=2)
        self.assertTrue(result.good, result.text())
        for guest in self.GUESTS:
            told = self.host.wait_guest(guest.name, r"(\d+) frames, (\d+) woken.* (\d+) lost wake-ups", 20)
            print(f"        {told[0]}", flush=True)
            self.assertEqual(told[3], "0")


class Lives(SoftTest):
    """A soft guest is killed and starts again while others work."""

    GUESTS = (echo(1), echo(2, restart="always"), echo(3, ""))

    def test_1_kill_and_restart(self) -> None:
        self.run_flows(50)
        for _ in range(3):
            mark = self.machine.mark()
            self.host.kill(2)
            others = self.run_flows(2000, guests=(self.GUESTS[0], self.GUESTS[2]))
            self.assertTrue(others.good, others.text())
            self.host.wait_guest("echo2", "ready: ip", 30, mark)
            self.assertTrue((result := self.run_flows(500)).good, result.text())

    def test_2_memory_comes_back(self) -> None:
        before = self.free_pages()
        for _ in range(3):
            mark = self.machine.mark()
            self.machine.key("r2")
            self.host.wait_guest("echo2", "ready: ip", 30, mark)
        self.assertEqual(self.free_pages(), before)
        self.assertEqual(self.host.audit(), 0)


@platforms.only("qemu", "on Bochs one CPU is what all these tests have")
class OneCpu(SoftTest):
    """One CPU for three polling guests and the switch: nobody starves."""

    GUESTS = (echo(1), echo(2), echo(3))
    OPTIONS = {"cpus": 1}

    def test_traffic(self) -> None:
        result = self.run_flows(1000)
        print(f"        one CPU, three polling: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())


class NoKeys(SoftTest):
    """Commit is a hypercall; wake-ups need no guard."""

    GUESTS = (echo(1), echo(2, ""), echo(3, "", "echo-plain.elf"))
    OPTIONS = {"keys": False}

    def test_traffic(self) -> None:
        self.assertTrue((result := self.run_flows(1500)).good, result.text())
        self.assertTrue((result := self.run_flows(100, window=1)).good, result.text())
        self.assertEqual(self.host.audit(), 0)


class NoNic(SoftTest):
    """Without an NIC there is no wire, and guests that ask for soft queues still reach each other."""

    GUESTS = (
        echo(1, ""),
        conf.Guest("meter", 2, "meter.elf", "ip={ip} to=10.77.0.11:7 count=1000 window=32", extra=SOFT),
    )
    OPTIONS = {"nic": False}

    @classmethod
    def wait_booted(cls) -> None:
        cls.host.wait_ready()

    def test_between_guests(self) -> None:
        told = self.host.wait_guest("meter", "meter: sent 1000 " + METER, 30)
        self.assertEqual([told[n] for n in (1, 2, 3, 4)], ["1000", "0", "0", "0"])


@platforms.only("qemu", "Bochs's NIC has one queue pair: no guest has its own beside the switch")
class Mixed(SoftTest):
    """More guests than queue pairs: seven have their own, the rest is behind the switch; they reach each other."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip}") for n in range(1, 10)) + (
        conf.Guest("meter", 10, "meter.elf", "ip={ip} to=10.77.0.11:7 count=2000 rate=1000 window=32"),)
    OPTIONS = {"cpus": 2}

    def test_1_who_has_what(self) -> None:
        kinds = {m[1]: m[2] for m in self.machine.found(r"guest (\w+): (soft queue|queue) \d+,")}
        self.assertEqual([kinds[g.name] for g in self.GUESTS], ["queue"] * 7 + ["soft queue"] * 3)

    def test_2_all_answer(self) -> None:
        result = self.run_flows(300, 32, self.GUESTS[:9])
        print(f"        seven hardware, two soft: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())

    def test_3_soft_to_hardware(self) -> None:
        """meter, behind the switch, to echo1, on the NIC: turned round in the NIC."""
        told = self.host.wait_guest("meter", "meter: sent 2000 " + METER, 60)
        self.assertEqual([told[n] for n in (1, 2, 3, 4)], ["2000", "0", "0", "0"])


if __name__ == "__main__":
    unittest.main()
