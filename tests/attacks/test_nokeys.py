# SPDX-License-Identifier: MIT
"""A CPU without protection keys: the window is read-only for the guest, and each commit is a hypercall with the same
rules. What is said of the guard's own code (attacks 3 and 4) has no meaning here: the guard page only calls."""
import unittest

from evil import EvilTest
from machine import PLATFORM
from test_fence import CONTROL_FORMS, FORMS, HARMLESS, STORE_TARGETS

NO_KEYS_WD, NO_BYTE_CHECK, NO_VALIDATE, NO_REAP, NO_TXFLAGS = 0x1, 0x2, 0x20, 0x40, 0x800
FEW = "ring-rx", "ring-tx", "ring-end", "state"
# a store forms' page costs Bochs most: the pages that only keys tell from others are enough there
STORES = "stores " if PLATFORM == "qemu" else ""


class Release(EvilTest):
    """Nothing gets through."""

    WORDS = STORES + "wrpkru control step far revoke dma handover flags states"
    SECONDS = 150
    OPTIONS = {"keys": False}

    def test_no_keys(self) -> None:
        self.assertTrue(self.evil.machine.found("no protection keys"), "the CPU has keys: this shows nothing")

    @unittest.skipUnless(STORES, "only PLATFORM=qemu: 20 s; with keys the same store forms run on both")
    def test_01_store_forms(self) -> None:
        for target in STORE_TARGETS:
            with self.subTest(target):
                self.blocked("stores", target, FORMS - 20)

    def test_02_wrpkru(self) -> None:
        self.blocked("wrpkru", "every-offset", 4094)
        self.blocked("wrpkru", "payload", 19)

    def test_04_steps(self) -> None:
        self.blocked("step", "handler", 1)
        self.blocked("step", "every-entry", 32)

    def test_05_control_state(self) -> None:
        self.held(self.evil.landed(0) <= HARMLESS, self.evil.landed(0), 110)

    def test_07_revoked(self) -> None:
        tally = self.blocked("revoke", "running", 150)
        self.assertEqual(tally.other, 0, tally)

    def test_08_addresses(self) -> None:
        for part in ("transmit", "receive", "transmit-call", "receive-call"):
            self.blocked("dma", part, 170)
        self.blocked("dma", "victim-pool", 1)
        self.only_allowed("dma")

    def test_13_guests_that_do_not_come_back(self) -> None:
        self.blocked("states", "spin", 10)

    def test_18_written_back_slots(self) -> None:
        self.blocked("handover", "full", 256)
        self.blocked("handover", "written-back", 20)

    def test_19_descriptor_kinds(self) -> None:
        self.blocked("flags", "transmit", 80)
        self.only_allowed("flags")

    def test_no_panic(self) -> None:
        self.assert_no_panic()


class Controls(EvilTest):
    """The rules are those of ring 0's C here, not of the guard: they must matter, too."""

    WORDS = STORES + "wrpkru dma handover flags controls"
    SECONDS = 120
    TEST_KERNEL = True
    OPTIONS = {"keys": False}

    @unittest.skipUnless(STORES, "only PLATFORM=qemu: as above")
    def test_01_without_write_protection(self) -> None:
        """CR0.WP = 0 alone opens nothing: the nested table is read-only, too, and no single control undoes that."""
        for target in FEW:
            with self.subTest(target):
                self.blocked("stores", target, CONTROL_FORMS, NO_KEYS_WD)

    def test_02_without_byte_check(self) -> None:
        self.succeeds("wrpkru", "every-offset", 4094, NO_BYTE_CHECK)

    def test_08_without_address_check(self) -> None:
        self.succeeds("dma", "transmit", 1, NO_VALIDATE)
        self.succeeds("dma", "victim-pool", 1, NO_VALIDATE)
        self.on_the_wire("dma", "RFCANARY", NO_VALIDATE)

    def test_18_without_reaping(self) -> None:
        self.succeeds("handover", "written-back", 20, NO_REAP)

    def test_19_without_flag_check(self) -> None:
        self.succeeds("flags", "transmit", 2, NO_TXFLAGS)
        self.on_the_wire("flags", "RFFORBID", NO_TXFLAGS)


del EvilTest

if __name__ == "__main__":
    unittest.main()
