# SPDX-License-Identifier: MIT
"""A booted Ringfence, as seen on its serial console: ready, statistics, audit, kill, stop.

The protocol is hv/root's: one key, one or more lines in answer.
"""
import re
import time
from dataclasses import dataclass
from typing import Iterable

from machine import SILENCE, Machine

READY_SECONDS = 90  # a loaded machine is slow; `make smoke` prints what it really took
READY = r"ringfence: ready, (\d+) of (\d+) guests running"
STOPPED = r"ringfence: stopped"
# Exits that Ringfence or the host causes, not the guest's own use of the data path
HOST_EXITS = ("timer", "interrupt")


@dataclass(frozen=True)
class Stat:
    """One `stat:` line: guest, state and numbers by name."""

    guest: str
    state: str
    numbers: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def exits(self) -> dict[str, int]:
        """Exits by kind."""
        return {k.removeprefix("exits_"): v for k, v in self.numbers.items() if k.startswith("exits_")}

    def own_exits(self, soft: bool = False) -> int:
        """Exits but for timer ticks and other host interrupts. With a soft queue a commit may have to wake the switch
        up, which is not counted either."""
        others = (*HOST_EXITS, "commit") if soft else HOST_EXITS
        return sum(count for kind, count in self.exits().items() if kind not in others)


def parse_stat(line: str) -> Stat:
    words = dict(word.split("=", 1) for word in line.split() if "=" in word)
    numbers = {key: int(value) for key, value in words.items() if value.isdigit()}
    return Stat(words["guest"], words.get("state", ""), numbers)


class Host:
    """The console of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def wait_ready(self, timeout: float = READY_SECONDS) -> tuple[int, int]:
        """(running, wanted) guests, when the boot is over."""
        found = self.machine.wait(READY, timeout, silence=SILENCE)
        return int(found[1]), int(found[2])

    def wait_answering(self, names: Iterable[str], timeout: float = 30) -> None:
        """Until these network functions have given buffers to their rings and the link is up: before that,
        frames are lost, as on any NIC."""
        wanted = list(names)
        for name in wanted:
            self.wait_guest(name, "ready: ip", timeout)
        if wanted:
            self.machine.wait(r"nic: link up", timeout)

    def stats(self, timeout: float = 20) -> dict[str, Stat]:
        """Every guest's counters, now."""
        mark = self.machine.mark()
        self.machine.key("s")
        self.machine.wait(r"^stat: end", timeout, mark)
        lines = self.machine.found(r"stat: (guest=\S+ .*)", mark)
        return {stat.guest: stat for stat in (parse_stat(m[1]) for m in lines)}

    def audit(self, timeout: float = 60) -> int:
        """Leaves that break W^X or the U=1 rule, by ring 0's own walk over every table."""
        mark = self.machine.mark()
        self.machine.key("a")
        return int(self.machine.wait(r"audit: (\d+) mappings break", timeout, mark)[1])

    def kill(self, number: int) -> None:
        self.machine.key(f"k{number}")

    def wait_guest(self, name: str, pattern: str, timeout: float = 30, since: int = 0) -> re.Match[str]:
        """A line that guest wrote on its console."""
        return self.machine.wait(rf"^\[{re.escape(name)}\] .*(?:{pattern})", timeout, since)

    def wait_settled(self, name: str, counter: str, value: int, timeout: float = 10) -> int:
        """The counter's last value: returns as soon as it is `value`, or after `timeout`."""
        end = time.monotonic() + timeout
        while (now := self.stats()[name][counter]) != value and time.monotonic() < end:
            time.sleep(0.2)
        return now

    def stop(self, timeout: float = 30) -> None:
        mark = self.machine.mark()
        self.machine.key("q")
        self.machine.wait(STOPPED, timeout, mark)
