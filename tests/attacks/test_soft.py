# SPDX-License-Identifier: MIT
"""Attacks 1, 7, 8 and 19 on soft queues, and a root that reaches for what it has of them in ways it may not."""
import unittest

from evil import EvilTest
from machine import PLATFORM

NO_KEYS_WD, NO_VALIDATE, NO_REAP, NO_TXFLAGS = 0x1, 0x20, 0x40, 0x800
CONTROL_FORMS = 170 if PLATFORM == "qemu" else 18  # test_fence.py
FORMS = 190
WINDOW = ("ring-rx", "ring-tx", "ring-end", "state")
CLOSED = ("info", "guard", "own-tail", "own-tail-tx", "others-tail", "ring-base")  # no doorbell is there at all


class Release(EvilTest):
    """The fence of a soft queue is that of a hardware queue."""

    WORDS = "on-soft stores revoke soft"
    SECONDS = 150

    def test_01_store_forms(self) -> None:
        for target in WINDOW + CLOSED:
            with self.subTest(target):
                self.blocked("stores", target, FORMS - 20)

    def test_07_revoked_in_the_guard(self) -> None:
        tally = self.blocked("revoke", "running", 150)
        self.assertEqual(tally.other, 0, tally)

    def test_08_addresses(self) -> None:
        for part in ("addresses", "addresses-call"):
            self.assertEqual(self.blocked("soft", part, 120).other, 0)

    def test_18_slots_not_returned(self) -> None:
        """Every tail there is, on a ring whose slots are all the device's: none changes."""
        self.blocked("soft", "reuse", 256)

    def test_19_kinds(self) -> None:
        for part in ("kinds", "kinds-call"):
            self.assertEqual(self.blocked("soft", part, 200).other, 0)

    def test_no_panic(self) -> None:
        self.assert_no_panic()


class Controls(EvilTest):
    """With one defence off the same attack gets through."""

    WORDS = "on-soft stores soft controls"
    TEST_KERNEL = True
    SECONDS = 150

    def test_01_without_write_disable(self) -> None:
        for target in WINDOW:
            with self.subTest(target):
                self.succeeds("stores", target, CONTROL_FORMS, NO_KEYS_WD)
        for target in CLOSED:
            with self.subTest(target):
                self.blocked("stores", target, CONTROL_FORMS, NO_KEYS_WD)

    def test_08_without_address_check(self) -> None:
        self.succeeds("soft", "addresses", 1, NO_VALIDATE)
        self.succeeds("soft", "addresses-call", 1, NO_VALIDATE)

    def test_18_without_reaping(self) -> None:
        self.succeeds("soft", "reuse", 200, NO_REAP)

    def test_19_without_flag_check(self) -> None:
        self.succeeds("soft", "kinds", 1, NO_TXFLAGS)
        self.succeeds("soft", "kinds-call", 1, NO_TXFLAGS)


class RootWritesState(EvilTest):
    """Indices are the guard's: root, who reads them, dies of writing one."""

    WORDS = "soft-state"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 14, error 7, .*address 56002")


class RootKeepsARing(EvilTest):
    """A ring that was taken back is gone from root's space before its frame goes elsewhere."""

    WORDS = "soft-revoked"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 14, error 6, .*address 56001000")


class RootExecutesAPool(EvilTest):
    """What a guest writes into its pool is never root's code."""

    WORDS = "soft-execute"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 14, error 15, .*address 20?[0-9a-f]+")


if __name__ == "__main__":
    unittest.main()
