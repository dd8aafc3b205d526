# SPDX-License-Identifier: MIT
"""Distributions as the bench guests print them, and what is made of them."""
import re
import statistics
from collections import Counter

TICKS = 8  # -icount shift=3: the TSC advances by this with every instruction

_LINE = re.compile(r"bench: (\S+) (\d+):((?: \d+x\d+)+)")


class Unusable(Exception):
    """The samples do not bear a figure."""


def read(lines: list[str]) -> dict[tuple[str, int], Counter[int]]:
    """All distributions in these serial lines, by name and number: how often which count of instructions came."""
    found: dict[tuple[str, int], Counter[int]] = {}
    for line in lines:
        if match := _LINE.search(line):
            values = found.setdefault((match[1], int(match[2])), Counter())
            for word in match[3].split():
                ticks, _, count = word.partition("x")
                values[int(ticks) // TICKS] += int(count)
    return found


def median(values: Counter[int]) -> int:
    return statistics.median_low(values.elements())


def mean_round(found: dict[tuple[str, int], Counter[int]], least: int, what: str) -> float:
    """Instructions of a round: the mean over kinds of rounds (by hand-overs, see loop.c) of each kind's median. So
    what the host's interrupts added to some rounds does not count, and refills count as often as they came."""
    kinds = [values for (name, _), values in found.items() if name == "round"]
    total = sum(values.total() for values in kinds)
    if total < least:
        raise Unusable(f"{what}: only {total} rounds had a whole burst, not {least}: {found}")
    return sum(median(values) * values.total() for values in kinds) / total


def usual(values: Counter[int]) -> int:
    """The value that came most often."""
    return values.most_common(1)[0][0]


def median_rate(amount: int, nanoseconds: list[int]) -> float:
    """Amount per nanosecond, the median of several runs."""
    return statistics.median(amount / ns for ns in nanoseconds)
