# SPDX-License-Identifier: MIT
"""Sends captured frames to a guest, malformed ones included, and checks what comes of them."""
from collections import Counter

import flows
from conf import GENERATOR
from frames import Station
from link import Link
from load import Generator, Result

_BATCH = 60  # then a numbered echo: its answer says that the batch has been seen


class Replay:
    """One guest, one list of frames. UDP is readdressed to the guest, so that it must be answered."""

    def __init__(self, link: Link, target: Station) -> None:
        self._link, self._target = link, target
        self._waiting: Counter[bytes] = Counter()
        self._result = Result()
        self.barriers = 0

    def run(self, captured: list[bytes], all_kinds: bool) -> Result:
        """all_kinds: also frames that deserve no answer; a guest that forwards must not get those."""
        generator = Generator(self._link, self._other)
        todo = [flows.captured(frame, self._target) for frame in captured]
        todo = [(frame, answer) for frame, answer in todo if answer or all_kinds]
        for at in range(0, len(todo), _BATCH):
            for frame, answer in todo[at : at + _BATCH]:
                self._send(frame, answer)
            last = at + _BATCH >= len(todo)
            barrier = generator.run([flows.udp_echo(self._target, "barrier", 1)], linger=0.3 if last else 0)
            self.barriers += 1
            self._result.seconds += barrier.seconds
            self._result.overruns += barrier.overruns
            if not barrier.good:
                self._result.note(f"no echo after {at + _BATCH} captured frames: {barrier.text()}")
                self._result.lost += 1
                break
        self._result.lost += sum(self._waiting.values())
        for frame in list(self._waiting)[:3]:
            self._result.note(f"no answer like {frame[:64].hex()}")
        return self._result

    def _send(self, frame: bytes, answer: bytes | None) -> None:
        if not self._link.send(frame):
            self._result.unsent += 1
            return
        self._result.sent += 1
        if answer:
            self._waiting[answer] += 1

    def _other(self, frame: bytes) -> None:
        if self._waiting[frame] > 0:
            self._waiting -= Counter([frame])
            self._result.answered += 1
        elif frame[6:12] == self._target.mac and frame[:6] == GENERATOR.mac:
            self._result.altered += 1
            self._result.note(f"an answer nobody asked for: {frame[:64].hex()}")
