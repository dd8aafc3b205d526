# SPDX-License-Identifier: MIT
"""When the host itself fails, or has not what it wants: it says so where it can be read, and guests go on."""
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import arp
import conf
import flows
import image
import load
import platforms
import screen
from booted import BootedTest
from controlled import ControlledTest
from machine import Failure

BOOT_SECONDS = 90
REGISTERS = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 cr2 cr3").split()
LAST = "ringfence: stopped by panic"
STORE_TO = "fffffffffffff000"  # what control = panic stores to


def functions() -> list[tuple[int, str]]:
    """Code symbols of the kernel with the test controls, by address."""
    words = ["nm", "--defined-only", str(image.TEST_KERNEL)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted((int(at, 16), name) for at, kind, name in (line.split() for line in lines) if kind in "tT")


def function_at(address: int) -> str:
    return next((name for at, name in reversed(functions()) if at <= address), "?")


class _Panic(ControlledTest):
    """What a panic says, wherever it is read. `text` gives its lines."""

    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip}"),)
    CONTROL = "panic"
    text: list[str]

    def test_1_says_what_happened(self) -> None:
        head = [line for line in self.text if "PANIC" in line]
        self.assertEqual(len(head), 1, self.text)
        self.assertRegex(head[0], r"^ringfence: PANIC: exception 14, error 2, in ring 0 at "
                                  r"ffffffff8[0-9a-f]{7}, APIC \d")
        at = re.search(r" at (ffffffff8[0-9a-f]{7})", head[0])
        assert at is not None
        self.assertEqual(function_at(int(at[1], 16)), "sys_control")

    def test_2_registers(self) -> None:
        said = dict(re.findall(r"\b(r[0-9a-z]{1,2}|cr[23]) +([0-9a-f]{16})", "\n".join(self.text)))
        self.assertEqual(sorted(said), sorted(REGISTERS))
        self.assertEqual(said["cr2"], STORE_TO)
        self.assertRegex(said["rsp"], "^ffff[89a-f]")

    def test_3_backtrace(self) -> None:
        called = [int(m[1], 16) for line in self.text if (m := re.search(r"called from ([0-9a-f]{16})", line))]
        names = [function_at(at) for at in called]
        self.assertEqual(names[0], "syscall_handle", names)
        self.assertIn("cpu_loop", names)


class PanicOnBoth(_Panic):
    """With a serial port: there and on the screen, the same lines."""

    @classmethod
    def wait_booted(cls) -> None:
        cls.machine.wait(LAST, BOOT_SECONDS)
        lines = cls.machine.lines
        first = next(n for n, line in enumerate(lines) if "PANIC" in line)
        cls.text = [line.rstrip() for line in lines[first:]]

    @platforms.only("qemu", platforms.NO_SCREEN)
    def test_4_screen_shows_the_same(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder) / "screen.ppm"
            self.machine.screendump(dump)
            self.assertEqual([line for line in screen.read_text(dump) if line], [line for line in self.text if line])

    def test_5_stopped(self) -> None:
        """Every CPU stands still: nothing more is said, no key is answered."""
        mark = self.machine.mark()
        self.machine.key("s")
        time.sleep(1)
        self.assertEqual(self.machine.found(r"\S", mark), [])


@platforms.only("qemu", platforms.NO_SCREEN)
class PanicOnScreen(_Panic):
    """Without a serial port the screen is all there is."""

    OPTIONS = {"serial": False}

    @classmethod
    def wait_booted(cls) -> None:
        end = time.monotonic() + BOOT_SECONDS
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder) / "screen.ppm"
            while time.monotonic() < end:
                time.sleep(1)
                cls.machine.screendump(dump)
                cls.text = screen.read_text(dump)
                if LAST in cls.text:
                    return
        raise Failure(cls.machine.story(f"the screen does not show {LAST!r}, but {cls.text}"))


class RootDies(ControlledTest):
    """Without root nothing is built, restarted or drawn; but the guests' frames never went through it."""

    # Root is the switch: whoever has a soft queue stands still with it. Bochs's NIC has one queue for one guest.
    GUESTS = (conf.Guest("echo", 1, "echo.elf", "ip={ip}"),
              conf.Guest("busy", 2, "echo.elf", "ip={ip} poll"))[: 1 if platforms.PLATFORM == "bochs" else 2]
    CONTROL = "root-dies"

    @classmethod
    def wait_booted(cls) -> None:
        cls.host.wait_ready()
        cls.machine.wait(r"ringfence: root died: exception 14, .* at 0, address 0; guests go on", BOOT_SECONDS)

    def test_1_guests_answer(self) -> None:
        stations = [guest.station for guest in self.GUESTS]
        opened = self.open_link()
        tries = 1
        while not (asked := arp.ask(opened, stations)).good and tries < 6:  # until they have filled their rings
            tries += 1
        self.assertTrue(asked.good, self.machine.story(asked.text()))
        result = load.Generator(opened).run([flows.udp_echo(g.station, g.name, 1000) for g in self.GUESTS])
        self.assertTrue(result.good, self.machine.story(result.text()))

    def test_2_root_is_dead(self) -> None:
        """Else the test above shows nothing: no key is answered."""
        mark = self.machine.mark()
        self.machine.key("s")
        time.sleep(2)
        self.assertEqual(self.machine.found(r"stat: ", mark), [])


@platforms.only("qemu", "Bochs has no other NIC on PCI that OVMF leaves alone")
class UnknownNic(BootedTest):
    """A NIC without a register table is refused by name of its ids; guests start without a queue."""

    GUESTS = (conf.Guest("hello", 1, "hello.elf"), conf.Guest("echo", 2, "echo.elf", "ip={ip}", restart="never"))
    OPTIONS = {"nic": False, "extra": ("-device", "e1000e")}

    @classmethod
    def wait_booted(cls) -> None:
        cls.running, _ = cls.host.wait_ready()  # type: ignore[attr-defined]

    def test_refused_by_id(self) -> None:
        self.machine.wait(r"nic [0-9a-f:.]+ \[8086:10d3\] is not supported; supported: 8086:10c9", 10)
        self.machine.wait(r"no usable nic: guests start without a queue", 10)

    def test_guests_start(self) -> None:
        self.assertEqual(self.running, 2)  # type: ignore[attr-defined]
        self.host.wait_guest("hello", r"queues 0,")
        self.host.wait_guest("echo", r"queue 0: no queue was given to this vCPU")
        self.machine.wait(r"guest echo: died: exited with status 1", 30)


del _Panic  # a base, no test of its own

if __name__ == "__main__":
    unittest.main()
