# SPDX-License-Identifier: MIT
"""Which machine a test or command runs on: PLATFORM=qemu (AMD, igb) or PLATFORM=bochs (Intel, e1000)."""
import unittest
from typing import BinaryIO, Callable, TypeVar

import bochs
import link
import machine
import qemu
from machine import PLATFORM
from qemu import Options

_MACHINES: dict[str, type[machine.Machine]] = {"qemu": qemu.Qemu, "bochs": bochs.Bochs}
NO_SCREEN = "Bochs has no screen here: its display without a window cannot do 32 bits a pixel"
NO_STATION = "several guests on Bochs's one queue pair have soft queues anyway: test_soft.py is this test there"
_Test = TypeVar("_Test")


def start(options: Options, wire: link.Wire | None, name: str, show: BinaryIO | None = None) -> machine.Machine:
    """Boot a machine of this platform."""
    return _MACHINES[PLATFORM](options, wire, name, show)


def emulator() -> str:
    """Its name, for people."""
    return _MACHINES[PLATFORM].EMULATOR


def scaled(count: int) -> int:
    """So many of what takes long: fewer where each takes longer."""
    return count if PLATFORM == "qemu" else count // 5


def only(platform: str, why: str) -> Callable[[_Test], _Test]:
    """Marks a test or class that makes sense on one platform; elsewhere it is skipped, and counted so."""
    return unittest.skipUnless(PLATFORM == platform, f"only PLATFORM={platform}: {why}")  # type: ignore[return-value]
