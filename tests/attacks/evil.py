# SPDX-License-Identifier: MIT
"""Boots evilroot in root.elf's place and plays the host's part on the wire. See evilroot/evil.h."""
import contextlib
import os
import re
import threading
import time
import unittest
from dataclasses import dataclass, field
from typing import ClassVar

import booted
import conf
import frames
import image
from machine import PLATFORM, Failure

EVILROOT = image.BUILD / "attacks" / "evilroot.elf"
ETH_LOCAL = 0x88B5
WIRE_IDENTS = (0xBEEF, 0)  # IP identification of the frames we send: where the NIC puts it, a buffer address stood
BEAT_SECONDS = 2.0
MEMORY_MB = 160 if PLATFORM == "bochs" else 512  # some attacks use all of it
CPUS = 1 if PLATFORM == "bochs" else 2  # there, what needs two at once asks for them
SETTLE = 0.4 if PLATFORM == "qemu" else 1.0  # seconds until what was sent has been seen
ATTACKER = frames.Station(frames.mac("52:54:00:77:01:01"), "10.77.0.11")
PAYLOAD = b"FROM-THE-WIRE:" + bytes(range(64))


def count(kind: str, number: int = 1) -> None:
    """For the closing line of `make attacks` (run.py): held, escaped, control, powerless, tries."""
    if path := os.environ.get("RINGFENCE_SCORE"):
        with open(path, "a", encoding="ascii") as score:
            score.write(f"{kind} {number}\n")


@dataclass(frozen=True)
class Tally:
    """One `attack:` line."""

    name: str
    part: str
    controls: int
    tried: int
    blocked: int
    succeeded: int
    other: int
    hung: int


@dataclass
class Exchange:
    """One `want:` line, and the frames with a word of ours that the host saw until then."""

    name: str
    controls: int
    allowed: int
    sent: int
    values: dict[str, str]
    words: dict[str, int] = field(default_factory=dict)
    strange: list[bytes] = field(default_factory=list)
    memory: bytes = b""  # physical memory at lo=, after the frames were sent


class Evil:
    """One boot of evilroot, to its end."""

    def __init__(self, name: str, words: str, test_kernel: bool, timeout: float, **options: object) -> None:
        self.exchanges: list[Exchange] = []
        self.stack = contextlib.ExitStack()
        kernel = image.TEST_KERNEL if test_kernel else image.BUILD / "ringfence.elf"
        if not EVILROOT.exists():
            raise FileNotFoundError(f"no {EVILROOT}: make test-attacks")
        img = image.make(name, conf.text(()) + f"# evil = {words}\n", [],
                         {image.ROOT: EVILROOT, image.KERNEL: kernel})
        self.machine, wire = booted.boot(self.stack, name, img, **{"cpus": CPUS, "memory_mb": MEMORY_MB} | options)
        self.link = wire.open()
        self.stack.callback(self.link.close)
        self._frames: list[bytes] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()
        self.stack.callback(self._stop_receiving)
        try:
            self._play(timeout)
        except BaseException:
            self.close()  # the next machine needs the wire
            raise

    def _receive(self) -> None:
        while not self._over.is_set():
            frame = self.link.receive(0.1)
            if frame is not None:
                self._frames.append(frame)

    def _stop_receiving(self) -> None:
        self._over.set()
        self._thread.join()

    def close(self) -> None:
        self.stack.close()

    def _play(self, timeout: float) -> None:
        """Answer `want:` lines until evilroot is done or dead."""
        mark, end = 0, time.monotonic() + timeout * self.machine.PATIENCE
        self.machine.wait("evilroot: ready", 90)
        while True:
            pattern = r"want: (.*)|evilroot: (done|BROKEN.*)|root died: (.*)|(panic.*)"
            found = self.machine.wait(pattern, max(1.0, (end - time.monotonic()) / self.machine.PATIENCE), mark)
            mark = next(i for i, line in enumerate(self.machine.lines) if i >= mark and found[0] in line) + 1
            if found[1] is None:
                break
            self.exchanges.append(self._exchange(found[1]))
            self.machine.key("g")
        if found[2] and found[2] != "done" or found[4]:
            raise Failure(self.machine.story(f"evilroot did not come to its end: {found[0]}"))

    def _exchange(self, text: str) -> Exchange:
        name, *words = text.split()
        values = dict(word.split("=", 1) for word in words)
        got = Exchange(name, int(values["controls"], 16), int(values["allowed"]), int(values["send"]), values)
        shots = [frames.udp(conf.GENERATOR, ATTACKER, (9000, 7), PAYLOAD, ident=n) for n in WIRE_IDENTS]
        for number in range(got.sent):
            while not self.link.send(shots[number % 2]):
                time.sleep(0.001)
            time.sleep(0.002)
        time.sleep(SETTLE)
        seen, self._frames = self._frames, []
        for one in seen:
            if frames.kind_of(one) == ETH_LOCAL and one[6:11] == ATTACKER.mac[:5]:
                word = one[14:22].decode("latin-1")
                got.words[word] = got.words.get(word, 0) + 1
            elif one[6:12] != conf.GENERATOR.mac and frames.kind_of(one) not in (0x86DD, frames.ETH_ARP):
                got.strange.append(one)
        if "lo" in values:
            got.memory = self.physical(int(values["lo"], 16), 256)
        return got

    def physical(self, address: int, size: int) -> bytes:
        """Memory as QEMU sees it, from outside; b'' where there is none."""
        text = str(self.machine.monitor("human-monitor-command", **{"command-line": f"xp /{size}xb {address:#x}"}))
        values = " ".join(line.split(":", 1)[-1] for line in text.splitlines())
        return bytes(int(value, 16) for value in re.findall(r"0x([0-9a-f]{2})\b", values))

    def beats(self, seconds: float) -> int:
        """Heartbeat frames of the surviving guest in that time."""
        self._frames = []
        time.sleep(seconds)
        return sum(frames.kind_of(f) == ETH_LOCAL and f[14:22] == b"RFBEAT!!" for f in list(self._frames))

    def tallies(self) -> list[Tally]:
        found = self.machine.found(r"attack: name=(\S+) part=(\S+) controls=([0-9a-f]+) tried=(\d+) blocked=(\d+) "
                                   r"succeeded=(\d+) other=(\d+) hung=(\d+)")
        return [Tally(m[1], m[2], int(m[3], 16), *(int(m[i]) for i in range(4, 9))) for m in found]

    def landed(self, controls: int, stored: bool = False) -> set[str]:
        """Control-state snippets that nothing stopped; with `stored` those whose store changed the ring."""
        end = "1$" if stored else ""
        return {m[1] for m in self.machine.found(rf"landed: (\S+) controls={controls:x} stored={end}")}

    def write_back(self) -> str:
        """The address word of a slot that the NIC has written back."""
        return self.machine.found(r"handover: slot 0 after write-back: ([0-9a-f]+) ")[0][1]


class EvilTest(unittest.TestCase):
    """One boot of evilroot for all tests of a class."""

    WORDS: ClassVar[str]
    TEST_KERNEL: ClassVar[bool] = False
    SECONDS: ClassVar[float] = 60
    OPTIONS: ClassVar[dict[str, object]] = {}  # fields of platforms.Options
    evil: ClassVar[Evil]

    @classmethod
    def setUpClass(cls) -> None:
        name = f"evil-{PLATFORM}-{cls.OPTIONS.get('card', 'own')}-{cls.__name__}-{cls.WORDS.split()[0]}"
        cls.evil = Evil(name, cls.WORDS, cls.TEST_KERNEL, cls.SECONDS, **cls.OPTIONS)
        cls.addClassCleanup(cls.evil.close)

    def tally(self, name: str, part: str, controls: int = 0) -> Tally:
        found = [t for t in self.evil.tallies() if (t.name, t.part, t.controls) == (name, part, controls)]
        self.assertTrue(found, f"evilroot did not report {name} {part} with controls {controls:x}")
        return found[-1]

    def held(self, good: bool, what: object, tries: int = 1) -> None:
        """One attack; `what` tells what came of it."""
        count("held" if good else "escaped")
        count("tries", tries)
        self.assertTrue(good, f"an attack got through: {what}")

    def effective(self, good: bool, what: object) -> None:
        """One positive control."""
        count("control" if good else "powerless")
        self.assertTrue(good, f"the attack proves nothing: {what}")

    def blocked(self, name: str, part: str, least: int, controls: int = 0) -> Tally:
        """All tries failed, and at least so many were there."""
        tally = self.tally(name, part, controls)
        self.held((tally.succeeded, tally.hung) == (0, 0), tally, tally.tried)
        self.assertGreaterEqual(tally.blocked, least, tally)
        return tally

    def succeeds(self, name: str, part: str, least: int, controls: int) -> None:
        tally = self.tally(name, part, controls)
        self.effective(tally.succeeded >= least, tally)

    def exchanges(self, name: str, controls: int = 0) -> list[Exchange]:
        found = [x for x in self.evil.exchanges if (x.name, x.controls) == (name, controls)]
        self.assertTrue(found, f"evilroot did not come to {name}")
        return found

    def only_allowed(self, name: str) -> None:
        """The wire carried every allowed frame of the attacker, and no other but heartbeats from before."""
        for got in self.exchanges(name):
            words = {word: number for word, number in got.words.items() if word != "RFBEAT!!"}
            self.held(got.strange == [] and set(words) <= {"RFALLOW!"}, got)
            self.assertEqual(words, {"RFALLOW!": got.allowed} if got.allowed else {}, got)

    def on_the_wire(self, name: str, word: str, controls: int) -> None:
        """A control: a frame with this word, which no guest may send, is there."""
        for got in self.exchanges(name, controls):
            self.effective(word in got.words, got)

    def assert_no_panic(self) -> None:
        self.assertEqual([m[0] for m in self.evil.machine.found(r".*(PANIC|panic).*")], [])

    def assert_root_died(self, how: str) -> None:
        self.evil.machine.wait(rf"root died: {how}", 10)
        self.held(self.evil.beats(BEAT_SECONDS) > 0, "the guest beside it stopped sending")
        self.assert_no_panic()
