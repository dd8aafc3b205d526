# SPDX-License-Identifier: MIT
"""The machine of PLATFORM=bochs: Intel with VMX and EPT, no ACPI, an 82540EM (e1000), emulated by Bochs."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Iterator

import link
import machine
from machine import BUILD, LOGS
from qemu import Options

KEYS, NO_KEYS = "corei7_icelake_u", "corei7_skylake_x"  # CPU models with and without protection keys
CONNECTS = 30  # seconds Bochs may take to connect its serial port, which is the first it does
USUAL_CPUS = 1  # more run in turns in one thread: two take twice as long for the same traffic
_LOG_LINE = re.compile(r"^\d+([pe])\[(\S*) *\] *(.*)")
_EVERY_BOOT = re.compile(r"Unknown register 0x17|ignored \(read-only\)|non existent offset|CHS set to")
_TOLD = 8


def command(options: Options, wire: link.Wire | None) -> dict[str, str]:
    """The environment of boot/run-bochs.sh."""
    env = dict(os.environ, B=str(BUILD), SMP=str(options.cpus or USUAL_CPUS), MEM=str(options.memory_mb))
    env |= {"CPU": options.cpu or (KEYS if options.keys else NO_KEYS), "NIC": "none", "NIC_MAC": options.nic_mac}
    if options.real_time:
        env["SYNC"] = "slowdown"
    if options.nic and wire is not None:
        env["NIC"] = wire.bochs_nic()
    return env


def reason(log: Path) -> list[str]:
    """What Bochs logged of errors and panics, the panic last: it says why the run ended. What every boot
    gives is left out."""
    if not log.exists():
        return ["(Bochs wrote no log)"]
    text = log.read_text(errors="replace")
    found = [m for line in text.splitlines() if (m := _LOG_LINE.match(line)) and not _EVERY_BOOT.search(m[3])]
    errors = [f"{m[2]}: {m[3]}" for m in found if m[1] == "e"]
    panics = [f"PANIC {m[2]}: {m[3]}" for m in found if m[1] == "p"]
    return [*errors[-_TOLD:], *panics[-_TOLD:]]


class Bochs(machine.Machine):
    """A running Bochs. Its serial port connects to us; its log is build/logs/NAME.bochs."""

    EMULATOR = "Bochs"
    PATIENCE = 4

    def _launch(self, options: Options, wire: link.Wire | None) -> "subprocess.Popen[bytes]":
        self._folder = tempfile.TemporaryDirectory()
        self._serial: socket.socket | None = None
        env = command(options, wire) | {"WORK": self._folder.name, "SERIAL": "none"}
        self._server = socket.create_server(("127.0.0.1", 0))
        if options.serial:
            env["SERIAL"] = f"127.0.0.1:{self._server.getsockname()[1]}"
        with self._errors.open("wb") as errors:
            words = [*machine.DIES_WITH_US, "boot/run-bochs.sh", str(options.image)]
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=env)

    def _output(self) -> Iterator[bytes]:
        self._server.settimeout(0.2)
        while self._serial is None and self.running():
            with contextlib.suppress(TimeoutError):
                self._serial = self._server.accept()[0]
        with contextlib.suppress(OSError):  # a Bochs that was killed resets the connection
            while self._serial is not None and (data := self._serial.recv(65536)):
                yield data

    def _type(self, keys: bytes) -> None:
        end = time.monotonic() + CONNECTS
        while self._serial is None and self.running() and time.monotonic() < end:
            time.sleep(0.1)
        if self._serial is None:
            raise OSError("Bochs has not connected its serial port")
        self._serial.sendall(keys)

    def _reason(self) -> list[str]:
        told = reason(Path(self._folder.name) / "bochs.log")
        return told if self._serial is not None else [*told, *super()._reason()]

    def _quit(self) -> None:
        """On a signal this Bochs asks its debugger what to do, which may find nobody there: no politeness."""
        self._process.kill()

    def _close(self) -> None:
        for sock in (self._serial, self._server):
            if sock is not None:
                sock.close()
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(Path(self._folder.name) / "bochs.log", LOGS / f"{self.name}.bochs")
        self._folder.cleanup()
