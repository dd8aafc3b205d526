# SPDX-License-Identifier: MIT
"""The machine of PLATFORM=qemu: AMD with SVM, nested paging and an 82576 (igb), emulated by QEMU."""
import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

import link
import machine
from machine import BUILD, Failure

NO_KEYS = "max,+svm,+npt,-pku"
USUAL_CPUS = 4


@dataclass(frozen=True)
class Options:
    """What differs from boot to boot."""

    image: Path  # or, with `netboot`, the folder to boot from
    cpus: int = 0  # 0: as many as are usual on the platform
    cpu: str = ""  # the emulator's word for a CPU model; empty: one that has all we use
    keys: bool = True  # protection keys
    memory_mb: int = 1024
    nic: bool = True
    nic_mac: str = "52:54:00:77:00:01"  # the NIC's own; guests have theirs from ringfence.conf
    card: str = "igb"  # QEMU's name of the NIC: igb, e1000
    board: str = ""  # QEMU: -machine; empty: q35
    serial: bool = True
    real_time: bool = False  # Bochs: its clock goes no quicker than ours; else an idle second passes at once
    extra: tuple[str, ...] = field(default=())  # more words for QEMU
    accel: str = ""  # QEMU: -accel; empty: TCG, whose figures are the same everywhere
    netboot: tuple[str, str] | None = None  # QEMU: protocol (tftp, http) and which iPXE (rom, snponly)


def command(options: Options, wire: link.Wire | None) -> tuple[list[str], dict[str, str]]:
    """boot/run-qemu.sh, which knows the machine that README promises; its words and environment."""
    env = dict(os.environ, B=str(BUILD), SMP=str(options.cpus or USUAL_CPUS), MEM=str(options.memory_mb), SERIAL="none")
    if options.accel:
        env["ACCEL"] = options.accel
    if options.board:
        env["MACHINE"] = options.board
    if options.netboot:
        env["PROTO"], env["IPXE"] = options.netboot
    words = ["boot/run-qemu.sh", str(options.image)]
    if options.cpu or not options.keys:
        env["CPU"] = options.cpu or NO_KEYS
    if options.nic and wire is not None:
        env["NETDEV"] = f"-netdev {wire.netdev('wire')} -device {options.card},netdev=wire,mac={options.nic_mac}"
    if options.serial:
        env["SERIAL"] = "chardev:serial"
        words += ["-chardev", "stdio,id=serial,signal=off"]
    return words + list(options.extra), env


class _Monitor:
    """QMP over a socket pair that QEMU inherits: no path, no port."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.settimeout(30)
        self._reader = self._ours.makefile("r", encoding="utf-8")
        self._ready = False

    def words(self) -> list[str]:
        return ["-chardev", f"socket,id=qmp,fd={self.theirs.fileno()}", "-mon", "chardev=qmp,mode=control"]

    def execute(self, name: str, **arguments: object) -> object:
        if not self._ready:
            self._reader.readline()  # the greeting
            self._ready = True
            self.execute("qmp_capabilities")
        self._ours.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while True:
            answer = json.loads(self._reader.readline() or '{"error": "monitor closed"}')
            if "error" in answer:
                raise Failure(f"QEMU refused {name}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def close(self) -> None:
        self._reader.close()
        self._ours.close()


class Qemu(machine.Machine):
    """A running QEMU; its serial port is our pipe, its monitor a socket pair."""

    EMULATOR = "QEMU"

    def _launch(self, options: Options, wire: link.Wire | None) -> "subprocess.Popen[bytes]":
        self._monitor = _Monitor()
        words, env = command(options, wire)
        with self._errors.open("wb") as errors:
            process = subprocess.Popen(
                [*machine.DIES_WITH_US, *words, *self._monitor.words()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, bufsize=0, env=env, pass_fds=[self._monitor.theirs.fileno()],
            )
        self._monitor.theirs.close()
        return process

    def _output(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        while data := self._process.stdout.read(65536):
            yield data

    def _type(self, keys: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(keys)

    def monitor(self, name: str, **arguments: object) -> object:
        return self._monitor.execute(name, **arguments)

    def screendump(self, path: Path) -> None:
        self.monitor("screendump", filename=str(path.absolute()))

    def _quit(self) -> None:
        self.monitor("quit")

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._monitor.close()
