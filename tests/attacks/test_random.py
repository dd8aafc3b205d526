# SPDX-License-Identifier: MIT
"""A random attacker: descriptors, code, registers and hypercalls at random, between canaries that fill nearly all
memory. An escape shows as a canary on the wire (read), as one that is gone (written), or as a ring slot that no guard
wrote.

  make attacks ONLY=random SEED=n ROUNDS=n     the same again, or for longer
"""
import os
import time
import unittest

from evil import EvilTest, Exchange
from machine import PLATFORM

NO_KEYS_WD, NO_VALIDATE = 0x1, 0x20
SEED = int(os.environ.get("SEED") or time.time())
ROUNDS = int(os.environ.get("ROUNDS") or (400 if PLATFORM == "qemu" else 150))
CANARY = b"RFCANARY"


def canaries(got: Exchange) -> int:
    return sum(CANARY in frame for frame in got.strange) + got.words.get(CANARY.decode(), 0)


class Release(EvilTest):
    """Whatever the dice say, nothing leaves its pool."""

    WORDS = f"random seed={SEED} rounds={ROUNDS}"
    OPTIONS = {"memory_mb": 256}
    SECONDS = 90 + ROUNDS / 10

    def test_descriptors(self) -> None:
        tally = self.blocked("random", "descriptors", 800)
        self.assertGreater(tally.other, 50, "hardly one was good: dice too mild or queue dead")
        for got in self.exchanges("random"):
            self.held(canaries(got) == 0, f"seed {SEED}: memory of others on the wire", got.sent)

    def test_code(self) -> None:
        print(f"        seed {SEED}, {ROUNDS} rounds", flush=True)
        self.blocked("random", "code", ROUNDS)

    def test_memory(self) -> None:
        self.blocked("random", "canaries", 1)
        self.blocked("random", "audit", 1)

    def test_no_panic(self) -> None:
        self.assert_no_panic()


class Controls(EvilTest):
    """The same eyes see what gets out when a defence is off."""

    WORDS = "random seed=1 rounds=150 controls"
    OPTIONS = {"memory_mb": 256}
    TEST_KERNEL = True
    SECONDS = 90

    def test_descriptors_without_address_check(self) -> None:
        self.succeeds("random", "descriptors", 1, NO_VALIDATE)
        self.succeeds("random", "canaries", 1, NO_VALIDATE)
        seen = [canaries(got) for got in self.exchanges("random", NO_VALIDATE)]
        self.effective(sum(seen) > 0, f"canaries on the wire: {seen}")

    def test_code_without_write_disable(self) -> None:
        self.succeeds("random", "code", 1, NO_KEYS_WD)


if __name__ == "__main__":
    unittest.main()
