# SPDX-License-Identifier: MIT
"""What the machine's owner sees when there is no serial port, and when something fails in Ringfence itself."""
import tempfile
import time
import unittest
from pathlib import Path
from typing import ClassVar

import conf
import flows
import image
import load
import screen
from booted import BootedTest, guest_file

ECHO = conf.Guest("echo", 1, "echo.elf", "ip={ip}")


class HostTest(BootedTest):
    """CONTROL: a failure to order, in the kernel with the test controls."""

    GUESTS = (ECHO,)
    CONTROL: ClassVar[str] = ""

    @classmethod
    def make_image(cls) -> Path:
        keys = {"control": cls.CONTROL} if cls.CONTROL else {}
        replace: dict[str, Path | None] = {image.KERNEL: image.TEST_KERNEL} if cls.CONTROL else {}
        files = {guest_file(guest.image) for guest in cls.GUESTS}
        return image.make(cls.__name__, conf.text(cls.GUESTS, **keys), sorted(files), replace)

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


class NoSerialPort(HostTest):
    """Everything is on the screen."""

    OPTIONS = {"serial": False}

    @classmethod
    def wait_booted(cls) -> None:
        """There is no line to wait for."""

    def test_screen_and_traffic(self) -> None:
        text = self.screen_shows("ringfence: ready, 1 of 1 guests running", "[echo] ready: ip")
        self.assertIn("dbos:", text)
        result = load.Generator(self.open_link()).run([flows.udp_echo(ECHO.station, "echo", 200)])
        self.assertTrue(result.good, result.text())


class LiveTableOnScreen(NoSerialPort):
    """The live table too."""

    HOST = {"table": "live"}

    @classmethod
    def make_image(cls) -> Path:
        return image.make(cls.__name__, conf.text(cls.GUESTS, table="live"), [guest_file("echo.elf")])

    def test_screen_and_traffic(self) -> None:
        self.screen_shows("exits/s", "1 echo", "running")


class Panic(HostTest):
    """Ring 0 faults: registers and a backtrace, on serial and screen; the machine stands still."""

    CONTROL = "panic"

    @classmethod
    def wait_booted(cls) -> None:
        cls.machine.wait(r"ringfence: PANIC: ", 90)

    def test_report(self) -> None:
        self.machine.wait(r"stopped by panic", 20)
        said = "\n".join(self.machine.lines)
        for wanted in (r"PANIC: exception \d+, .*in ring 0 at ffffffff8", r"\brsp ffff", r"called from ffffffff8"):
            self.assertRegex(said, wanted)
        self.screen_shows("ringfence: PANIC: ")


class PanicWithoutSerial(NoSerialPort):
    """The same on the screen alone."""

    CONTROL = "panic"

    def test_screen_and_traffic(self) -> None:
        text = self.screen_shows("ringfence: PANIC: ")
        self.assertIn("called from ffffffff8", text)


class RootDies(HostTest):
    """hv/root crashes: ring 0 says so."""

    CONTROL = "root-dies"

    @classmethod
    def wait_booted(cls) -> None:
        cls.machine.wait(r"root died", 90)

    def test_report(self) -> None:
        said = self.machine.found(r"root died.*")
        self.assertEqual(len(said), 1)


class FailedEntry(HostTest):
    """A VM entry that the CPU refuses kills one guest, and the other loses nothing."""

    CONTROL = "bad-entry"
    GUESTS = (ECHO, conf.Guest("badentry", 2, "badentry.elf"))

    def test_one_guest_dies(self) -> None:
        self.machine.wait(r"guest badentry: died: .*VM entry failed", 30)
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
