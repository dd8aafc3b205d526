# SPDX-License-Identifier: MIT
"""One emulated machine: starts QEMU on an image, reads its serial port, stops it for certain.

Everything that waits has a deadline; what failed to come is reported with the last serial lines and
QEMU's own messages. The whole serial output is kept in a log file.
"""
import json
import os
import re
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import link

BUILD = Path(os.environ.get("B", "build"))
LOGS = BUILD / "logs"
NIC_MAC = "52:54:00:77:00:01"  # the NIC's own; guests have theirs from ringfence.conf
_TAIL_LINES = 15
_ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[ -/]*[@-~]|[()].|[=>78cDEHM])")


class Failure(Exception):
    """The machine did not do what was waited for. The text says what it did instead."""


@dataclass(frozen=True)
class Options:
    """What differs from boot to boot."""

    image: Path
    cpus: int = 4
    cpu: str = ""  # QEMU's -cpu; the script's own choice if empty
    memory_mb: int = 1024
    nic: bool = True
    serial: bool = True
    extra: tuple[str, ...] = field(default=())


def command(options: Options, wire: link.Wire | None) -> tuple[list[str], dict[str, str]]:
    """boot/run-qemu.sh, which knows the machine that README promises; its words and environment."""
    env = dict(os.environ, B=str(BUILD), SMP=str(options.cpus), MEM=str(options.memory_mb), SERIAL="none")
    words = ["boot/run-qemu.sh", str(options.image)]
    if options.cpu:
        env["CPU"] = options.cpu
    if options.nic and wire is not None:
        env["NETDEV"] = f"-netdev {wire.netdev('wire')} -device igb,netdev=wire,mac={NIC_MAC}"
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


class Machine:
    """A running QEMU. Use it as a context manager: it is gone afterwards, whatever happened."""

    def __init__(self, options: Options, wire: link.Wire | None, name: str,
                 show: BinaryIO | None = None) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._show = show  # gets every byte of the serial port as it comes
        self._lines: list[str] = []
        self._partial = ""
        self._changed = threading.Condition()
        self._log = (LOGS / f"{name}.serial").open("w", encoding="utf-8")
        self._errors = LOGS / f"{name}.stderr"
        self._monitor = _Monitor()
        self.started = time.monotonic()
        words, env = command(options, wire)
        words += self._monitor.words()
        # Should this process die unseen, the kernel ends QEMU too.
        words = ["setpriv", "--pdeathsig", "KILL", "--", *words]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                env=env, pass_fds=[self._monitor.theirs.fileno()],
            )
        self._monitor.theirs.close()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := self._process.stdout.read(65536):
            text = data.decode("utf-8", "replace")
            self._log.write(text)
            self._log.flush()
            if self._show is not None:
                self._show.write(data)
                self._show.flush()
            with self._changed:
                *lines, self._partial = re.split(r"\r*\n", self._partial + text)
                self._lines += [_ESCAPES.sub("", line) for line in lines]
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def lines(self) -> list[str]:
        with self._changed:
            return list(self._lines)

    def mark(self) -> int:
        """A place in the serial output, for `since`."""
        with self._changed:
            return len(self._lines)

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, pattern: str, timeout: float = 30, since: int = 0) -> re.Match[str]:
        """The first serial line from `since` on in which pattern is found."""
        deadline = time.monotonic() + timeout
        wanted, at = re.compile(pattern), since
        with self._changed:
            while True:
                for at in range(at, len(self._lines)):
                    if found := wanted.search(self._lines[at]):
                        return found
                at = max(since, len(self._lines))
                left = deadline - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    break
                self._changed.wait(min(left, 1))
        raise Failure(self.story(f"no serial line with /{pattern}/ within {timeout:g} s"))

    def found(self, pattern: str, since: int = 0) -> list[re.Match[str]]:
        """All matches so far."""
        return [m for line in self.lines[since:] if (m := re.search(pattern, line))]

    def story(self, what: str) -> str:
        """`what`, and what there is to know about how the machine came to it."""
        state = "QEMU is running" if self.running() else f"QEMU ended with status {self._process.returncode}"
        parts = [f"{what} ({state}; whole log: {self._log.name})"]
        rest = _ESCAPES.sub("", self._partial)
        tail = [*self.lines[-_TAIL_LINES:], *([rest] if rest else [])]
        parts += [f"  serial | {line}" for line in tail] or ["  serial | (nothing)"]
        errors = self._errors.read_text(errors="replace").splitlines()
        parts += [f"  qemu   | {line}" for line in errors[-_TAIL_LINES:]]
        return "\n".join(parts)

    def key(self, keys: str) -> None:
        """Type on the serial console."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(keys.encode())
        except BrokenPipeError:
            raise Failure(self.story(f"could not send key {keys!r}")) from None

    def monitor(self, name: str, **arguments: object) -> object:
        return self._monitor.execute(name, **arguments)

    def screendump(self, path: Path) -> None:
        self.monitor("screendump", filename=str(path.absolute()))

    def stop(self) -> None:
        """End QEMU: by the monitor, else by signal. Its exit is waited for."""
        if self.running():
            try:
                self.monitor("quit")
                self._process.wait(10)
            except (Failure, OSError, ValueError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait(30)
        self._thread.join(10)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()
        self._monitor.close()
