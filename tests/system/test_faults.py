# SPDX-License-Identifier: MIT
"""Guests that hang, crash or are killed: each dies or is preempted alone, and the others lose nothing."""
import threading
import time
import unittest

import conf
import flows
import load
from booted import BootedTest

WAYS = ("ud2", "divide", "null", "wild", "noncanonical", "jump-data", "jump-stack", "stack", "cr0", "cr3",
        "msr", "port", "vmrun")  # of tests/guests/crash.c, one more at each restart
MAX_RESTARTS = 10  # within a minute, then a guest stays down


class Faults(BootedTest):
    """Two good guests under load beside every kind of bad one, on three CPUs."""

    GUESTS = (
        conf.Guest("good1", 1, "echo.elf", "ip={ip} poll"),
        conf.Guest("good2", 2, "echo.elf", "ip={ip}"),
        conf.Guest("spin", 3, "spin.elf", "cli", cpus=2),
        conf.Guest("triple", 4, "triple.elf"),
        conf.Guest("halt", 5, "halt.elf", "cli"),
        conf.Guest("crash", 6, "crash.elf"),
        conf.Guest("exit1", 7, "exit1.elf", restart="on-failure"),
        conf.Guest("exit0", 8, "exit0.elf"),
    )
    OPTIONS = {"cpus": 3}

    def number(self, name: str) -> int:
        return [g.name for g in self.GUESTS].index(name) + 1

    def restart(self, name: str) -> int:
        mark = self.machine.mark()
        self.machine.key(f"r{self.number(name)}")
        return mark

    def trouble(self) -> None:
        """Everything that goes wrong while the good guests are under load."""
        for _ in range(5):
            mark = self.restart("triple")
            self.machine.wait(r"guest triple: died: ", 30, mark)
        for way in WAYS[1:]:  # the first one was at boot
            mark = self.restart("crash")
            self.host.wait_guest("crash", f"crash: {way}", 30, mark)
            self.machine.wait(r"guest crash: died: ", 30, mark)
        for name in ("spin", "halt"):
            mark = self.machine.mark()
            self.host.kill(self.number(name))
            self.machine.wait(rf"guest {name}: died: killed", 30, mark)
            self.machine.wait(rf"guest {name}: restarted", 30, self.restart(name))

    def test_1_others_lose_nothing(self) -> None:
        failures: list[BaseException] = []
        over = threading.Event()

        def run() -> None:
            try:
                self.trouble()
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)
            over.set()

        before = self.host.stats()
        generator = load.Generator(self.open_link())
        total = load.Result()
        thread = threading.Thread(target=run)
        thread.start()
        while not over.is_set() and not total.lost:
            total.add(generator.run([flows.udp_echo(g.station, g.name, 500) for g in self.GUESTS[:2]]))
        thread.join()
        deaths = len(self.machine.found(r"^ringfence: guest \S+: died: "))
        print(f"        beside {deaths} deaths: {total.text()}", flush=True)
        self.assertEqual([str(f) for f in failures], [])
        self.assertTrue(total.good, total.text())
        after = self.host.stats()
        for name in ("good1", "good2"):
            self.assertEqual(after[name]["drops"], before[name]["drops"])
            self.assertEqual(after[name]["restarts"], 0)

    def test_2_each_death_has_its_reason(self) -> None:
        """Told in one line with place and cause; nobody lived on."""
        self.assertFalse(self.machine.found(r"SURVIVED"))
        reasons = {  # cr0: VMX has no control over reading it, so the guest comes as far as its write
            "ud2": r"#UD", "divide": r"#DE", "null": r"load from 0x0,", "wild": r"store to 0x7000000000,",
            "noncanonical": r"#(GP|SS)", "jump-data": r"jump to 0x\w+, which is data",
            "jump-stack": r"jump to 0x\w+, which is data", "stack": r"store to 0x",
            "cr0": r"0f 2[02] c0 .*control registers", "cr3": r"0f 22 d8 .*control registers", "msr": r"wrmsr",
            "port": r"OUT to port 0xcf8", "vmrun": r"vmrun",
        }
        deaths = [m[1] for m in self.machine.found(r"guest crash: died: (.*)")]
        self.assertEqual(len(deaths), len(WAYS))
        for way, death in zip(WAYS, deaths):
            with self.subTest(way):
                self.assertRegex(death, reasons[way])
                self.assertRegex(death, r"vCPU 0 at 0x[0-9a-f]+")
        self.machine.wait(r"guest triple: died: .*", 1)

    def test_3_restart_policy(self) -> None:
        """on-failure: restarted ever later, at last left down; never: left alone, also after success."""
        self.machine.wait(rf"guest exit1: stays down: {MAX_RESTARTS} restarts within a minute", 90)
        starts = self.machine.found(r"^\[exit1\] exit1: start (\d+)")
        self.assertEqual([int(m[1]) for m in starts], list(range(1, MAX_RESTARTS + 2)))
        stats = self.host.stats()
        self.assertEqual(stats["exit1"]["restarts"], MAX_RESTARTS)
        self.assertEqual((stats["exit0"]["restarts"], stats["exit0"].state), (0, "ended"))
        self.assertTrue(self.machine.found(r"guest exit0: exited with status 0"))

    def test_4_hanging_guests_are_preempted(self) -> None:
        """With interrupts off, on two vCPUs, on three CPUs with four other guests: timer exits and nothing else."""
        first = self.host.stats()["spin"]
        time.sleep(1)
        second = self.host.stats()["spin"]
        self.assertEqual(second.state, "running")
        self.assertGreater(second["exits_timer"], first["exits_timer"])
        self.assertEqual(second.own_exits(), first.own_exits())

    def test_5_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)

    def test_6_good_guests_still_answer(self) -> None:
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(g.station, g.name, 500) for g in self.GUESTS[:2]])
        self.assertTrue(result.good, result.text())


class RestartAlways(BootedTest):
    """A network function that is restarted takes its address up again, and gets a clean memory."""

    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip}", restart="always"),
              conf.Guest("other", 2, "echo.elf", "ip={ip}"))

    def test_restarts_and_serves(self) -> None:
        generator = load.Generator(self.open_link())
        for round_number in range(1, 6):
            mark = self.restart()
            self.host.wait_guest("echo", "ready: ip", 30, mark)
            result = generator.run([flows.udp_echo(g.station, g.name, 200) for g in self.GUESTS])
            self.assertTrue(result.good, f"round {round_number}: {result.text()}")
        stats = self.host.stats()
        self.assertEqual(stats["echo"]["restarts"], 5)
        self.assertEqual(stats["echo"]["rx_frames"], 1000)  # the totals go on over restarts
        self.assertEqual(stats["other"]["restarts"], 0)

    def restart(self) -> int:
        mark = self.machine.mark()
        self.machine.key("r1")
        return mark


if __name__ == "__main__":
    unittest.main()
