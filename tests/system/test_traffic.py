# SPDX-License-Identifier: MIT
"""Frames to, from and through guests: none lost, altered, duplicated or misdelivered; no exits on the way."""
import time
import unittest

import arp
import captures
import conf
import flows
import image
import load
import platforms
import stack
import targets
from booted import NETWORK, BootedTest
from replay import Replay

MIN_RATE = 500  # frames/s in the emulator
LONG = 10_000


@platforms.only("qemu", platforms.NO_STATION)
class ThreePollingEchoes(BootedTest):
    """The long test, and what must hold after it."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip} poll") for n in (1, 2, 3))

    def test_1_long_both_ways(self) -> None:
        """Three guests, 10,000 frames each, 60 to 1514 bytes, both ways at once, 128 outstanding each."""
        before = self.host.stats()
        opened = self.open_link()
        generator = load.Generator(opened)
        generator.run([flows.udp_echo(g.station, g.name, 50) for g in self.GUESTS])  # first touches
        settled = self.host.stats()
        result = generator.run([flows.udp_echo(g.station, g.name, LONG) for g in self.GUESTS])
        after = self.host.stats()
        print(f"        long test: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())
        self.assertEqual(result.answered, LONG * len(self.GUESTS))
        self.assertGreaterEqual(result.rate, MIN_RATE)
        for name, stat in after.items():
            # The NIC's own count per pool: a frame in the wrong pool shows up here.
            for counter in ("rx_frames", "tx_frames"):
                self.assertEqual(stat[counter] - settled[name][counter], LONG, f"{name} {counter}")
            self.assertEqual(stat["drops"], before[name]["drops"], f"{name} drops")
            own = {k: v - settled[name].exits()[k] for k, v in stat.exits().items()}
            print(f"        exits of {name} for {LONG} frames in and out: "
                  f"{ {k: v for k, v in own.items() if v} }", flush=True)
            self.assertEqual(stat.own_exits() - settled[name].own_exits(), 0, f"{name}: {own}")

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
        """One ARP request for each guest, to all: each pool gets each of them, one guest answers each."""
        before = self.host.stats()
        result = arp.ask(self.open_link(), [g.station for g in self.GUESTS])
        self.assertTrue(result.good, result.text())
        for guest in self.GUESTS:
            now = self.host.wait_settled(guest.name, "rx_frames", before[guest.name]["rx_frames"] + 3)
            self.assertEqual(now, before[guest.name]["rx_frames"] + 3)

    def test_4_frames_for_others(self) -> None:
        """A unicast frame for a MAC of nobody reaches nobody."""
        before = self.host.stats()
        stranger = flows.frames.Station(flows.frames.mac("52:54:00:77:01:63"), self.GUESTS[0].station.ip)
        opened = self.open_link()
        for number in range(50):
            opened.send(flows.frames.udp(conf.GENERATOR, stranger, flows.ECHO_PORTS, load.payload(0, number, 100)))
        result = load.Generator(opened).run([flows.udp_echo(g.station, g.name, 1) for g in self.GUESTS])
        self.assertTrue(result.good, result.text())
        for guest in self.GUESTS:
            self.assertEqual(self.host.stats()[guest.name]["rx_frames"] - before[guest.name]["rx_frames"], 1)

    def test_5_captured_frames(self) -> None:
        """Every frame of tcpdump's test captures, malformed ones included: each is received once, each that
        deserves an answer gets it, and the guest goes on."""
        captured, reason = captures.load()
        if reason:
            self.skipTest(f"no captures to replay: {reason}")
        before = self.host.stats()["echo1"]["rx_frames"]
        replay = Replay(self.open_link(), self.GUESTS[0].station)
        result = replay.run(captured, all_kinds=True)
        print(f"        captures: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())
        self.assertGreater(result.sent, 5000)
        self.assertEqual(self.host.stats()["echo1"]["rx_frames"] - before, result.sent + replay.barriers)

    def test_6_audit(self) -> None:
        """No page is both writable and executable, no leaf but the window has U=1."""
        self.assertEqual(self.host.audit(), 0)


class WaitingGuests(BootedTest):
    """The shipped ringfence.conf: echo, firewall, meter as a newcomer boots them."""

    OPTIONS = {"real_time": True}

    @classmethod
    def make_image(cls):  # type: ignore[no-untyped-def]
        cls.targets = {t.name: t for t in targets.read(image.SHIPPED_CONF)}  # type: ignore[attr-defined]
        cls.RUNNING = len(cls.targets)  # type: ignore[attr-defined]
        return image.BUILD / "ringfence.img"

    @classmethod
    def wait_booted(cls) -> None:
        super().wait_booted()
        cls.host.wait_answering(cls.targets)  # type: ignore[attr-defined]

    def test_1_sizes(self) -> None:
        """Every frame length from 60 to 1514, once, as UDP and as ICMP."""
        count = flows.frames.MAX_FRAME - flows.frames.MIN_FRAME + 1
        station = self.targets["echo"].station  # type: ignore[attr-defined]
        opened = self.open_link()
        for make in (flows.udp_echo, flows.ping):
            result = load.Generator(opened).run([make(station, "echo", count, lambda n: 60 + n)])
            self.assertTrue(result.good, result.text())

    def test_2_through_firewall(self) -> None:
        found = self.targets  # type: ignore[attr-defined]
        flow = flows.through(found["firewall"].station, found["echo"].station, "firewall", 2000)
        result = load.Generator(self.open_link()).run([flow])
        self.assertTrue(result.good, result.text())

    def test_3_idle_guests_sleep(self) -> None:
        """Without frames nobody polls: hardly any VM entries, and one frame wakes a guest up."""
        time.sleep(1)
        before = self.host.stats()
        time.sleep(3)
        after = self.host.stats()
        for name, stat in after.items():
            self.assertLess(stat["entries"] - before[name]["entries"], 300, f"{name} does not sleep")
        station = self.targets["echo"].station  # type: ignore[attr-defined]
        result = load.Generator(self.open_link()).run([flows.udp_echo(station, "echo", 200)], window=1)
        self.assertTrue(result.good, result.text())

    def test_4_stop(self) -> None:
        self.host.stop()


class MoreVcpusThanCpus(BootedTest):
    """Eight polling guests on two CPUs: all live, none loses a frame."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip} poll") for n in range(1, 9))
    OPTIONS = {"cpus": 2}

    def test_all_answer(self) -> None:
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(g.station, g.name, 300) for g in self.GUESTS], window=32, patience=20)
        print(f"        8 guests on 2 CPUs: {result.text()}", flush=True)
        self.assertTrue(result.good, result.text())


class NoNic(BootedTest):
    """Without a NIC Ringfence starts, says so, and guests run without queues."""

    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip}"),)
    OPTIONS = {"nic": False}

    @classmethod
    def wait_booted(cls) -> None:
        cls.host.wait_ready()

    def test_says_so(self) -> None:
        self.assertTrue(self.machine.found(r"(?i)no .*(NIC|82576|network)"), self.machine.story("no word on the NIC"))
        self.host.stop()


@platforms.only("qemu", platforms.NO_STATION)
class OneCpu(BootedTest):
    """One CPU runs root and two guests in turn."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip}") for n in (1, 2))
    OPTIONS = {"cpus": 1}

    def test_traffic(self) -> None:
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(g.station, g.name, 300) for g in self.GUESTS], window=32, patience=20)
        self.assertTrue(result.good, result.text())


@platforms.only("qemu", platforms.NO_STATION)
class NoKeys(BootedTest):
    """A CPU without protection keys: commit is a hypercall that validates the same, one exit a burst."""

    GUESTS = tuple(conf.Guest(f"echo{n}", n, "echo.elf", "ip={ip} poll") for n in (1, 2))
    OPTIONS = {"keys": False}

    def test_traffic(self) -> None:
        before = self.host.stats()
        result = load.Generator(self.open_link()).run([flows.udp_echo(g.station, g.name, 1000) for g in self.GUESTS])
        self.assertTrue(result.good, result.text())
        for name, stat in self.host.stats().items():
            commits = stat["exits_commit"] - before[name]["exits_commit"]
            self.assertGreater(commits, 0, f"{name} commits without the guard, so by hypercall")
        self.assertEqual(self.host.audit(), 0)


if __name__ == "__main__":
    unittest.main()
