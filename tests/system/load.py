# SPDX-License-Identifier: MIT
"""The load generator: windowed flows of numbered frames, every answer compared byte by byte.

A flow sends frames to one guest and knows the exact frame that must come back for each. At most
`window` frames of a flow are outstanding. Whatever else comes back is counted for what it is.
"""
import random
import struct
import time
from dataclasses import dataclass, field
from typing import Callable, Iterable

import frames
from link import Link

WINDOW = 128
_TAG_AT = frames.UDP_OVERHEAD  # UDP and ICMP echo both have their payload there
_TAG = struct.Struct("!4sHI")  # magic, flow, number
_MAGIC = b"RFld"
TAG_BYTES = _TAG.size
_NOISE = random.Random(1).randbytes(1 << 16)


def payload(flow: int, number: int, length: int) -> bytes:
    """A tag, then bytes that differ from frame to frame."""
    start = (number * 7919 + flow * 104729) % (len(_NOISE) - frames.MAX_FRAME)
    return (_TAG.pack(_MAGIC, flow, number) + _NOISE[start:])[:length]


def mixed_size(number: int) -> int:
    """Frame lengths from 60 to 1514, all of them in turn, with both ends often."""
    if number % 8 < 2:
        return (frames.MIN_FRAME, frames.MAX_FRAME)[number % 8]
    return frames.MIN_FRAME + number * 211 % (frames.MAX_FRAME - frames.MIN_FRAME + 1)


@dataclass
class Flow:
    """`make(flow, number)` gives what to send and exactly what must come back."""

    name: str
    count: int
    make: Callable[[int, int], tuple[bytes, bytes]]
    sent: int = 0
    answered: int = 0
    waiting: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Result:
    """What happened to all flows of one run."""

    sent: int = 0
    answered: int = 0
    lost: int = 0
    altered: int = 0  # right number, wrong bytes: misdelivered frames show up here too
    duplicated: int = 0
    unsent: int = 0
    overruns: int = 0  # lost by the harness itself
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        bad = self.lost + self.altered + self.duplicated + self.unsent + self.overruns
        return bad == 0 and self.answered > 0

    @property
    def rate(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def add(self, other: "Result") -> None:
        """Count another run to this one."""
        for name in ("sent", "answered", "lost", "altered", "duplicated", "unsent", "overruns", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes += other.notes[: 10 - len(self.notes)]

    def note(self, text: str) -> None:
        if len(self.notes) < 10:
            self.notes.append(text)

    def text(self) -> str:
        words = f"{self.sent} sent, {self.answered} answered, {self.lost} lost, {self.altered} altered, "
        words += f"{self.duplicated} duplicated, {self.unsent} unsent"
        if self.seconds:
            words += f", {self.rate:.0f} frames/s"
        return "\n".join([words + (f", {self.overruns} lost in the harness" if self.overruns else ""), *self.notes])


def difference(wanted: bytes, got: bytes) -> str:
    """Where two frames part, for a note."""
    at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
    return f"at byte {at} of {len(wanted)}/{len(got)}: want {wanted[at:at + 16].hex()}, got {got[at:at + 16].hex()}"


class Generator:
    """Runs flows over a link. `other` sees every received frame that carries no tag of ours."""

    def __init__(self, link: Link, other: Callable[[bytes], None] | None = None) -> None:
        self._link, self._other = link, other
        self._flows: list[Flow] = []
        self._result = Result()

    def run(self, flows: Iterable[Flow], window: int = WINDOW, patience: float = 15.0,
            linger: float = 0.3) -> Result:
        """Until every flow has its answers, or nothing has come back for `patience` seconds. Then waits
        `linger` seconds for frames that should not come."""
        self._flows, self._result = list(flows), Result()
        self._link.overruns()
        window = min(window, max(1, self._link.capacity // max(1, len(self._flows))))
        begin = last = time.monotonic()
        while any(f.answered < f.count for f in self._flows):
            self._fill(window)
            if self._receive(0.05):
                last = time.monotonic()
            elif time.monotonic() - last > patience:
                break
        self._result.seconds = time.monotonic() - begin
        self._linger(linger)
        return self._sum_up()

    def _fill(self, window: int) -> None:
        for index, flow in enumerate(self._flows):
            while flow.sent < flow.count and len(flow.waiting) < window:
                frame, answer = flow.make(index, flow.sent)
                if not self._link.send(frame):
                    break
                flow.waiting[flow.sent] = answer
                flow.sent += 1

    def _receive(self, timeout: float) -> bool:
        """Take what is there, at most a window's worth, so that sending goes on. True: progress."""
        progress = False
        for _ in range(WINDOW // 2):
            frame = self._link.receive(timeout)
            if frame is None:
                break
            progress |= self._judge(frame)
            timeout = 0.0
        return progress

    def _linger(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._receive(left)

    def _judge(self, frame: bytes) -> bool:
        if len(frame) < _TAG_AT + TAG_BYTES or frame[_TAG_AT : _TAG_AT + 4] != _MAGIC:
            if self._other is not None:
                self._other(frame)
            return False
        _, index, number = _TAG.unpack_from(frame, _TAG_AT)
        flow = self._flows[index] if index < len(self._flows) else None
        wanted = flow.waiting.pop(number, None) if flow else None
        if flow is None or wanted is None:
            self._result.duplicated += 1
            self._result.note(f"frame {number} of flow {index} came a second time: {frame[:48].hex()}")
            return False
        flow.answered += 1
        if frame != wanted:
            self._result.altered += 1
            self._result.note(f"{flow.name}: frame {number} {difference(wanted, frame)}")
        return True

    def _sum_up(self) -> Result:
        result = self._result
        result.overruns = self._link.overruns()
        for flow in self._flows:
            result.sent += flow.sent
            result.answered += flow.answered
            result.lost += len(flow.waiting)
            result.unsent += flow.count - flow.sent
            if flow.waiting:
                result.note(f"{flow.name}: no answer to frames {sorted(flow.waiting)[:8]}")
        return result
