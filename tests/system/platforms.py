# SPDX-License-Identifier: MIT
"""Which machine a test or command runs on: PLATFORM=qemu (AMD, igb) or PLATFORM=bochs (Intel, e1000)."""
import unittest
from typing import BinaryIO, Callable, TypeVar

import bochs
import frames
import link
import machine
import qemu
from machine import PLATFORM
from qemu import Options

_MACHINES: dict[str, type[machine.Machine]] = {"qemu": qemu.Qemu, "bochs": bochs.Bochs}
PATIENCE = _MACHINES[PLATFORM].PATIENCE
NO_SCREEN = "Bochs has no screen here: its display without a window cannot do 32 bits a pixel"
NO_STATION = "several guests on Bochs's one queue pair have soft queues anyway: test_soft.py is this test there"
ONE_ADDRESS = "without a tap Bochs lets in frames for one guest's address only"
_Test = TypeVar("_Test")


def start(options: Options, wire: link.Wire | None, name: str, show: BinaryIO | None = None) -> machine.Machine:
    """Boot a machine of this platform."""
    return _MACHINES[PLATFORM](options, wire, name, show)


def emulator() -> str:
    """Its name, for people."""
    return _MACHINES[PLATFORM].EMULATOR


def reachable(tap: bool, guests: int) -> int:
    """Of so many guests, how many the harness can send frames to. What Bochs's socket lets in is for one address."""
    return guests if tap or PLATFORM == "qemu" else min(guests, 1)


def address(tap: bool, station: frames.Station) -> dict[str, str]:
    """Options of a boot whose first guest that the harness talks to is this one."""
    return {} if tap or PLATFORM == "qemu" else {"nic_mac": frames.mac_text(station.mac)}


def scaled(count: int) -> int:
    """So many of what takes long: fewer where each takes longer."""
    return count if PLATFORM == "qemu" else count // 5


def only(platform: str, why: str) -> Callable[[_Test], _Test]:
    """Marks a test or class that makes sense on one platform; elsewhere it is skipped, and counted so."""
    return unittest.skipUnless(PLATFORM == platform, f"only PLATFORM={platform}: {why}")  # type: ignore[return-value]
