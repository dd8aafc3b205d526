# SPDX-License-Identifier: MIT
"""One emulated machine: starts the emulator on an image, reads its serial port, ends it for certain.

What the platforms share; qemu.py and bochs.py say what is theirs. Everything that waits has a deadline; what
failed to come is reported with the last serial lines and the emulator's own reason. The whole serial output is
kept in a log file.
"""
import contextlib
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Iterator

if TYPE_CHECKING:
    import link

PLATFORM = os.environ.get("PLATFORM") or "qemu"
BUILD = Path(os.environ.get("B", "build"))
LOGS = BUILD / "logs"
# Seconds without a serial line, where lines must come: the machine hangs. Bochs's firmware is silent for as long as
# it takes, which on a busy computer is ten times the usual 10 s.
SILENCE = 300 if PLATFORM == "bochs" else 120
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")  # should this process die unseen, the kernel ends the emulator
_TAIL_LINES = 15
_ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[ -/]*[@-~]|[()].|[=>78cDEHM])")


class Failure(Exception):
    """The machine did not do what was waited for. The text says what it did instead."""


class Machine:
    """A running emulator. Use it as a context manager: it is gone afterwards, whatever happened."""

    EMULATOR: ClassVar[str]
    PATIENCE: ClassVar[float] = 1  # how much longer than on the quickest platform everything may take
    _process: "subprocess.Popen[bytes]"

    def __init__(self, options: Any, wire: "link.Wire | None", name: str, show: BinaryIO | None = None) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._show = show  # gets every byte of the serial port as it comes
        self._lines: list[str] = []
        self._partial = ""
        self._changed = threading.Condition()
        self._log = (LOGS / f"{name}.serial").open("w", encoding="utf-8")
        self._errors = LOGS / f"{name}.stderr"
        self.started = self._last = time.monotonic()
        self.heard = False  # whether the serial port has said anything yet
        self._process = self._launch(options, wire)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    # What a platform brings.

    def _launch(self, options: Any, wire: "link.Wire | None") -> "subprocess.Popen[bytes]":
        """Start the emulator; its messages go to self._errors."""
        raise NotImplementedError

    def _output(self) -> Iterator[bytes]:
        """What comes out of the serial port, until the emulator ends."""
        raise NotImplementedError

    def _type(self, keys: bytes) -> None:
        """Into the serial port."""
        raise NotImplementedError

    def _reason(self) -> list[str]:
        """The emulator's own words on how it goes, most telling last."""
        return self._errors.read_text(errors="replace").splitlines()[-_TAIL_LINES:]

    def _quit(self) -> None:
        """Ask the emulator to end."""
        self._process.terminate()

    def _close(self) -> None:
        """Close what _launch opened; the emulator has ended."""

    # What all have.

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        for data in self._output():
            text = data.decode("utf-8", "replace")
            self._log.write(text)
            self._log.flush()
            if self._show is not None:
                self._show.write(data)
                self._show.flush()
            with self._changed:
                *lines, self._partial = re.split(r"\r*\n", self._partial + text)
                self._lines += [_ESCAPES.sub("", line) for line in lines]
                self.heard, self._last = True, time.monotonic()
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

    def silent(self) -> float:
        """Seconds since the serial port last said something."""
        return time.monotonic() - self._last

    def wait(self, pattern: str, timeout: float = 30, since: int = 0, silence: float = 0) -> re.Match[str]:
        """The first serial line from `since` on in which pattern is found. `silence`: give up after so many
        seconds without any output, too."""
        timeout *= self.PATIENCE
        deadline = time.monotonic() + timeout
        wanted, at = re.compile(pattern), since
        what = f"no serial line with /{pattern}/ within {timeout:g} s"
        with self._changed:
            while True:
                for at in range(at, len(self._lines)):
                    if found := wanted.search(self._lines[at]):
                        return found
                at = max(since, len(self._lines))
                left = deadline - time.monotonic()
                if not self._thread.is_alive():
                    what = f"{self.EMULATOR} ended, with no serial line with /{pattern}/"
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(5)
                    break
                if left <= 0:
                    break
                if silence and self.silent() > silence:
                    what = f"the machine hangs: no output for {silence:g} s, and no line with /{pattern}/"
                    break
                self._changed.wait(min(left, 1))
        raise Failure(self.story(what))

    def found(self, pattern: str, since: int = 0) -> list[re.Match[str]]:
        """All matches so far."""
        return [m for line in self.lines[since:] if (m := re.search(pattern, line))]

    def story(self, what: str) -> str:
        """`what`, and what there is to know about how the machine came to it."""
        state = "is running" if self.running() else f"ended with status {self._process.returncode}"
        parts = [f"{what} ({self.EMULATOR} {state}; whole log: {self._log.name})"]
        rest = _ESCAPES.sub("", self._partial)
        tail = [*self.lines[-_TAIL_LINES:], *([rest] if rest else [])]
        parts += [f"  serial | {line}" for line in tail] or ["  serial | (nothing)"]
        parts += [f"  {self.EMULATOR.lower():6} | {line}" for line in self._reason()]
        return "\n".join(parts)

    def key(self, keys: str) -> None:
        """Type on the serial console."""
        try:
            self._type(keys.encode())
        except OSError:
            raise Failure(self.story(f"could not send key {keys!r}")) from None

    def stop(self) -> None:
        """End the emulator: by asking, else by signal. Its exit is waited for."""
        if self.running():
            try:
                self._quit()
                self._process.wait(10)
            except (Failure, OSError, ValueError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait(30)
        self._thread.join(10)
        self._log.close()
        self._close()
