# SPDX-License-Identifier: MIT
"""The harness itself: a checker that overlooks a lost or altered frame would make every test green."""
import unittest
from collections import deque

import frames
import link
import load
import net
import smoke

HOST = frames.Station(frames.mac("52:54:00:77:00:02"), "10.77.0.2")
GUEST = frames.Station(frames.mac("52:54:00:77:01:01"), "10.77.0.11")


def echo_flow(index: int, number: int) -> tuple[bytes, bytes]:
    data = load.payload(index, number, load.mixed_size(number) - frames.UDP_OVERHEAD)
    return frames.udp(HOST, GUEST, (9000, 7), data), frames.udp(GUEST, HOST, (7, 9000), data)


class FakeLink:
    """A wire with an echo at its end that misbehaves on one frame."""

    capacity = link.RING_FRAMES

    def __init__(self, fault: str = "", at: int = 17) -> None:
        self.fault, self.at, self.count = fault, at, 0
        self.queue: deque[bytes] = deque()
        self.most = 0

    def send(self, frame: bytes) -> bool:
        answer = frame[6:12] + frame[:6] + frame[12:26] + frame[30:34] + frame[26:30]
        answer += frame[36:38] + frame[34:36] + frame[38:]
        self.count += 1
        hit = self.count == self.at
        if hit and self.fault == "alter":
            answer = answer[:-1] + bytes([answer[-1] ^ 1])
        if hit and self.fault == "misdeliver":
            answer = answer[:6] + frames.mac("52:54:00:77:01:02") + answer[12:]
        if not (hit and self.fault == "lose"):
            self.queue.append(answer)
        if hit and self.fault == "double":
            self.queue.append(answer)
        self.most = max(self.most, len(self.queue))
        return True

    def receive(self, timeout: float) -> bytes | None:
        return self.queue.popleft() if self.queue else None

    def overruns(self) -> int:
        return 1 if self.fault == "overrun" and self.count else 0

    def close(self) -> None:
        pass


def run(fault: str) -> tuple[load.Result, FakeLink]:
    wire = FakeLink(fault)
    flows = [load.Flow(name, 200, echo_flow) for name in ("one", "two", "three")]
    return load.Generator(wire).run(flows, patience=0.2), wire


class GeneratorTest(unittest.TestCase):
    """Each fault of the wire shows up under its own name, and only there."""

    def test_good_wire(self) -> None:
        result, wire = run("")
        self.assertTrue(result.good, result.text())
        self.assertEqual((result.sent, result.answered), (600, 600))
        self.assertLessEqual(wire.most, 3 * load.WINDOW)

    def test_faults_are_seen(self) -> None:
        for fault, counter in (("lose", "lost"), ("alter", "altered"), ("misdeliver", "altered"),
                               ("double", "duplicated"), ("overrun", "overruns")):
            with self.subTest(fault):
                result, _ = run(fault)
                self.assertFalse(result.good)
                self.assertEqual(getattr(result, counter), 1, result.text())

    def test_sizes_cover_both_ends(self) -> None:
        sizes = {load.mixed_size(n) for n in range(10000)}
        self.assertEqual((min(sizes), max(sizes)), (frames.MIN_FRAME, frames.MAX_FRAME))
        self.assertGreater(len(sizes), 1000)

    def test_smoke_verdict(self) -> None:
        """The last line of `make smoke` and its exit status follow from what was counted."""
        for change, status in (({}, 0), ({"lost": 1}, 1), ({"altered": 1}, 1), ({"duplicated": 1}, 1),
                               ({"unsent": 1}, 1), ({"overruns": 1}, 1), ({"answered": 0}, 1)):
            run_ = smoke.Smoke([], None)  # type: ignore[arg-type]
            run_.total = load.Result(sent=10, answered=10)
            for name, value in change.items():
                setattr(run_.total, name, value)
            text, got = smoke.verdict(run_, "0.0000 exits/frame", net.Network("datagram"))
            self.assertEqual(got, status, change)
            self.assertRegex(text, r"^smoke: 0 guests, 10 frames, \d+ lost.*, 0.0000 exits/frame \(peer=datagram, ")
        run_.bad = 1
        self.assertEqual(smoke.verdict(run_, "", net.Network("user"))[1], 1)

    def test_checksum_of_a_known_header(self) -> None:
        head = bytes.fromhex("450000730000400040110000c0a80001c0a800c7")
        self.assertEqual(frames.checksum(head), 0xB861)  # worked out by hand


if __name__ == "__main__":
    unittest.main()
