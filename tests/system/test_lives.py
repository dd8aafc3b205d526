# SPDX-License-Identifier: MIT
"""What deaths and restarts cost: nothing to the others, no memory, and no more of the CPUs than a fair share.

Kinds of death and restart policies: test_faults.py.
"""
import threading
import time
import unittest

import conf
import flows
import load
from booted import BootedTest
from controlled import ControlledTest

CYCLES = 3
FACTOR = 1.5  # numbers of slices differ by less: interrupts of the host cut some short
SLICES = 50  # for each vCPU, on average


class Lives(ControlledTest):
    """Guests that die in ways that ring 0 notices itself, one after the other, beside one under load."""

    CONTROL = "bad-entry"
    GUESTS = (
        conf.Guest("good", 1, "echo.elf", "ip={ip} poll"),
        conf.Guest("badentry", 2, "badentry.elf"),
        conf.Guest("ring", 3, "badstore.elf", "form=push64 where=ring-rx"),
        conf.Guest("state", 4, "badstore.elf", "form=mov64 where=state"),
        conf.Guest("doorbell", 5, "badstore.elf", "form=mov8 where=doorbell-tx"),
        conf.Guest("again", 6, "exit0.elf", restart="always"),
        conf.Guest("jit", 7, "jit.elf", "rounds=5", cpus=2),
        conf.Guest("plain", 8, "echo-plain.elf", "ip={ip}"),
    )
    OPTIONS = {"cpus": 3}
    REASONS = {
        "badentry": r"VM entry failed: exit 0x(\w*ffffffff|80000021)",  # SVM: -1; VMX: bit 31 and 33
        "ring": r"vCPU 0 at 0x4000\w+ \(\w+.*\): .*push.*window",
        "state": r"vCPU 0 at 0x4000\w+ \(\w+.*\): store to 0x\w+, which is not its memory",
        "doorbell": r"vCPU 0 at 0x4000\w+ \(\w+.*\): .*mov.*window",
    }
    ENDS = {"jit": "exited with status 0", "again": "exited with status 0", **{name: "died: " for name in REASONS}}

    def number(self, name: str) -> int:
        return [g.name for g in self.GUESTS].index(name) + 1

    def again(self, name: str) -> None:
        """Restart that guest; it ends, or it answers."""
        mark = self.machine.mark()
        self.machine.key(f"r{self.number(name)}")
        if name in self.ENDS:
            self.machine.wait(rf"guest {name}: {self.ENDS[name]}", 60, mark)
        else:
            self.host.wait_guest(name, "ready: ip", 60, mark)

    def cycle(self) -> None:
        for name in (*self.REASONS, "jit", "plain"):
            self.again(name)

    def free_pages(self) -> int:
        mark = self.machine.mark()
        self.host.stats()
        return int(self.machine.wait(r"stat: end free_pages=(\d+)", 10, mark)[1])

    def test_1_restart_always(self) -> None:
        """Also after success, each time later, until it is too often."""
        self.machine.wait(r"guest again: stays down: 10 restarts within a minute", 120)
        delays = [int(m[1]) for m in self.machine.found(r"guest again: restarts in (\d+) ms")]
        self.assertEqual(delays, [min(100 << n, 5000) for n in range(10)])

    def test_2_reasons(self) -> None:
        for name, reason in self.REASONS.items():
            with self.subTest(name):
                self.assertRegex(self.machine.wait(rf"guest {name}: died: (.*)", 60)[1], reason)
        self.assertEqual(self.machine.found(r"SURVIVED|survived"), [])

    def test_3_others_lose_nothing_and_memory_comes_back(self) -> None:
        failures: list[BaseException] = []
        free: list[int] = []
        over = threading.Event()

        def trouble() -> None:
            try:
                for _ in range(CYCLES + 1):
                    self.cycle()
                    free.append(self.free_pages())
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)
            over.set()

        generator, total = load.Generator(self.open_link()), load.Result()
        thread = threading.Thread(target=trouble)
        thread.start()
        while not over.is_set() and not total.lost:
            total.add(generator.run([flows.udp_echo(self.guest("good").station, "good", 500)]))
        thread.join()
        print(f"        beside {(CYCLES + 1) * (len(self.REASONS) + 2)} lives: {total.text()}; free pages {free}",
              flush=True)
        self.assertEqual([str(f) for f in failures], [])
        self.assertTrue(total.good, total.text())
        self.assertEqual(len(free), CYCLES + 1)
        self.assertEqual(set(free[1:]), {free[1]}, free)  # the first cycle may make tables that stay

    def test_4_audit(self) -> None:
        self.assertEqual(self.host.audit(), 0)
        self.assertEqual(self.machine.found(r"could not be given back|does not drain"), [])


class FairShares(BootedTest):
    """Nine vCPUs that never give a CPU back, on two CPUs, and one guest that waits for frames."""

    GUESTS = (
        conf.Guest("echo", 1, "echo.elf", "ip={ip}"),
        *(conf.Guest(f"spin{n}", 1 + n, "spin.elf", "cli" if n % 2 else "") for n in range(1, 6)),
        conf.Guest("double", 7, "spin.elf", cpus=2),
        conf.Guest("triple", 8, "spin.elf", cpus=3),
    )
    OPTIONS = {"cpus": 2}

    def test_shares_by_vcpu(self) -> None:
        vcpus = {g.name: g.cpus for g in self.GUESTS if g.image == "spin.elf"}
        before = self.host.stats()
        result = load.Generator(self.open_link()).run(
            [flows.udp_echo(self.guest("echo").station, "echo", 300)], window=16, patience=30)
        self.assertTrue(result.good, result.text())
        after, end = before, time.monotonic() + 180
        slices = dict.fromkeys(vcpus, 0.0)
        while sum(slices[name] * n for name, n in vcpus.items()) < SLICES * sum(vcpus.values()):
            self.assertLess(time.monotonic(), end, f"the guests do not run: {slices}")
            after = self.host.stats()
            slices = {name: (after[name]["entries"] - before[name]["entries"]) / n for name, n in vcpus.items()}
        # Not by time: while the emulator's host runs something else, the clock of a slice goes on.
        times = {name: (after[name]["run_us"] - before[name]["run_us"]) / n / 1000 for name, n in vcpus.items()}
        shown = ", ".join(f"{name} {slices[name]:.0f} ({ms:.0f} ms)" for name, ms in times.items())
        print(f"        slices of each vCPU: {shown}", flush=True)
        self.assertLess(max(slices.values()) / min(slices.values()), FACTOR, slices)
        for name in vcpus:
            self.assertEqual(after[name].own_exits(), before[name].own_exits(), name)


if __name__ == "__main__":
    unittest.main()
