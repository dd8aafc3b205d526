# SPDX-License-Identifier: MIT
"""A client of QEMU's debug stub: runs and stops single CPUs of a machine, at instructions of our choice.

The GDB remote serial protocol, as far as QEMU speaks it and tests need it (GDB manual, appendix E). A CPU that
vCont does not name stands still while others run: so something can be made to happen between any two
instructions of a CPU.
"""
import re
import select
import socket
import time
from pathlib import Path

RIP = 16  # register number, x86-64


class Stopped(Exception):
    """The machine did not stop, or not answer, in time."""


class Gdb:
    """One connection. The machine stands still from the beginning, until run()."""

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._timeout = timeout
        self._data = b""
        self._sock.connect(str(path))
        self._ask("QStartNoAckMode")
        self._sock.sendall(b"+")
        self._ask("?")
        self.cpus: list[int] = []
        answer = self._ask("qfThreadInfo")
        while answer.startswith("m"):
            self.cpus += [int(n, 16) for n in answer[1:].split(",")]
            answer = self._ask("qsThreadInfo")

    def close(self) -> None:
        """Let the machine run on."""
        self._send("D")
        self._sock.close()

    def _send(self, text: str) -> None:
        self._sock.sendall(f"${text}#{sum(text.encode()) & 0xff:02x}".encode())

    def _packet(self, timeout: float) -> str | None:
        end = time.monotonic() + timeout
        while not (found := re.match(rb"\+*\$([^#]*)#..", self._data)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._sock], [], [], left)[0]:
                return None
            if not (more := self._sock.recv(65536)):
                raise Stopped("QEMU closed the debug connection")
            self._data += more
        self._data = self._data[found.end() :]
        return found[1].decode()

    def _ask(self, text: str) -> str:
        self._send(text)
        answer = self._packet(self._timeout)
        if answer is None or answer.startswith("E"):
            raise Stopped(f"QEMU's answer to {text} is {answer}")
        return answer

    def set_break(self, address: int) -> None:
        self._ask(f"Z0,{address:x},1")

    def clear_break(self, address: int) -> None:
        self._ask(f"z0,{address:x},1")

    def rip(self, cpu: int) -> int:
        self._ask(f"Hg{cpu:x}")
        return int.from_bytes(bytes.fromhex(self._ask(f"p{RIP:x}")), "little")

    def byte(self, cpu: int, address: int) -> int:
        """What stands at a virtual address, as that CPU sees it now."""
        self._ask(f"Hg{cpu:x}")
        return int(self._ask(f"m{address:x},1"), 16)

    def step(self, cpu: int) -> None:
        """One instruction of one CPU, interrupts held back; all others stand still."""
        self._send(f"vCont;s:{cpu:x}")
        self._stopped(self._timeout)

    def start(self, cpus: list[int]) -> None:
        """Let these CPUs run, the others stand still."""
        self._send("vCont;" + ";".join(f"c:{cpu:x}" for cpu in cpus))

    def wait_break(self, timeout: float) -> int | None:
        """The CPU that came to a breakpoint; None: nobody did, all go on."""
        return self._stopped(timeout, may_fail=True)

    def stop(self) -> None:
        """All CPUs that run stand still again."""
        self._sock.sendall(b"\x03")
        self._stopped(self._timeout)

    def _stopped(self, timeout: float, may_fail: bool = False) -> int | None:
        answer = self._packet(timeout)
        if answer is None and may_fail:
            return None
        found = re.match(r"T..thread:(?:p[0-9a-f]+\.)?([0-9a-f]+);", answer or "")
        if found is None:
            raise Stopped(f"no CPU stopped: {answer}")
        return int(found[1], 16)
