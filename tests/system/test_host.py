# SPDX-License-Identifier: MIT
"""A machine without a serial port, a VM entry that fails, a shipped image told to drop its defences."""
import tempfile
import time
import unittest
from pathlib import Path

import conf
import flows
import load
import platforms
import screen
from booted import BootedTest
from controlled import ControlledTest
from machine import PLATFORM

ECHO = conf.Guest("echo", 1, "echo.elf", "ip={ip}")


@platforms.only("qemu", platforms.NO_SCREEN)
class NoSerialPort(BootedTest):
    """Everything is on the screen: boot log, guests' consoles, and the live table if asked for."""

    GUESTS = (ECHO,)
    OPTIONS = {"serial": False}

    @classmethod
    def wait_booted(cls) -> None:
        """There is no line to wait for."""

    def screen_shows(self, *wanted: str, seconds: float = 60) -> str:
        """Wait until every text is on the screen; return all of it."""
        end, text = time.monotonic() + seconds, ""
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder) / "screen.ppm"
            while time.monotonic() < end:
                self.machine.screendump(dump)
                text = "\n".join(line for line in screen.read_text(dump) if line)
                if all(word in text for word in wanted):
                    return text
                time.sleep(1)
        self.fail(f"not on the screen: {wanted}; there is:\n{text}")

    def test_log_and_traffic(self) -> None:
        text = self.screen_shows("ringfence: ready, 1 of 1 guests running", "[echo] ready: ip")
        self.assertIn("dbos:", text)
        result = load.Generator(self.open_link()).run([flows.udp_echo(ECHO.station, "echo", 200)])
        self.assertTrue(result.good, result.text())


@platforms.only("qemu", platforms.NO_SCREEN)
class LiveTableOnScreen(NoSerialPort):
    """The live table too."""

    HOST = {"table": "live"}

    def test_log_and_traffic(self) -> None:
        self.screen_shows("exits/s", "1 echo", "running")


class FailedEntry(ControlledTest):
    """A VM entry that the CPU refuses, for the guest's registers or for our own fields, kills one guest, and
    the other loses nothing."""

    CONTROL = "bad-entry"
    GUESTS = (ECHO, conf.Guest("badentry", 2, "badentry.elf"), conf.Guest("control", 3, "badentry.elf", "control"))
    # SVM: VMEXIT_INVALID for both. VMX: exit reason 33 with bit 31, and VMfail with error 7
    CODES = {"qemu": ("0xffffffff", "0xffffffff"), "bochs": ("0x80000021", "0x0 0x7")}

    def test_one_guest_dies(self) -> None:
        for guest, code in zip(("badentry", "control"), self.CODES[PLATFORM]):
            self.machine.wait(rf"guest {guest}: died: .*VM entry failed: exit {code}", 30)
        self.assertFalse(self.machine.found("SURVIVED"))
        result = load.Generator(self.open_link()).run([flows.udp_echo(ECHO.station, "echo", 500)])
        self.assertTrue(result.good, result.text())
        self.assertEqual(self.host.audit(), 0)


class ReleaseHasNoControls(BootedTest):
    """The image that is shipped cannot be told to drop a defence."""

    GUESTS = (ECHO, conf.Guest("badentry", 2, "badentry.elf"))
    HOST = {"control": "bad-entry no-byte-check"}

    def test_refused(self) -> None:
        self.machine.wait(r"error: ringfence.conf:\d+: this build has no test controls", 5)
        self.host.wait_guest("badentry", "SURVIVED")


if __name__ == "__main__":
    unittest.main()
