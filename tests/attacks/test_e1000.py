# SPDX-License-Identifier: MIT
"""The attacks that concern descriptors, tail registers and NIC registers once more, on an 82540EM. The victim of DMA
has a pool whose address the NIC has known, and no queue: there is only one. Attack 18 has no control here: a legacy
descriptor keeps its address when it is written back."""
import unittest

import platforms
from evil import EvilTest

NO_KEYS_WD, NO_VALIDATE, NO_REGTABLE, NO_TXFLAGS = 0x1, 0x20, 0x80, 0x800
FORMS = 190
STORE_TARGETS = ("ring-rx", "ring-tx", "state", "own-tail", "own-tail-tx", "others-tail", "ring-base")
TAILS = ("own-tail", "own-tail-tx", "others-tail", "ring-base")


@platforms.only("qemu", "there all attacks are on this NIC")
class Window(EvilTest):
    """Nothing gets through to rings and tails."""

    WORDS = "stores revoke"
    SECONDS = 150
    OPTIONS = {"card": "e1000"}

    def test_01_store_forms(self) -> None:
        self.assertGreaterEqual(self.tally("stores", "plain-data").succeeded, FORMS)
        for target in STORE_TARGETS:
            with self.subTest(target):
                tally = self.blocked("stores", target, FORMS - 20)
                # #GP for want of alignment at a tail register is no verdict on the key
                self.assertLessEqual(tally.other, 20 if target in TAILS else 0, tally)

    def test_07_revoked_in_the_guard(self) -> None:
        tally = self.blocked("revoke", "running", 150)
        self.assertEqual(tally.other, 0, tally)

    def test_no_panic(self) -> None:
        self.assert_no_panic()


@platforms.only("qemu", "there all attacks are on this NIC")
class Release(EvilTest):
    """Nothing but what is allowed reaches the wire."""

    WORDS = "dma handover flags registers"
    SECONDS = 120
    OPTIONS = {"card": "e1000"}

    def test_08_addresses(self) -> None:
        for part in ("transmit", "receive", "transmit-call", "receive-call"):
            with self.subTest(part):
                self.blocked("dma", part, 170)
        self.blocked("dma", "victim-pool", 1)
        self.only_allowed("dma")

    def test_18_tails(self) -> None:
        self.blocked("handover", "full", 256)
        self.blocked("handover", "written-back", 20)
        self.only_allowed("handover")

    def test_19_descriptor_kinds(self) -> None:
        """Every single bit but another length, checksum offsets, lengths at and past the limits."""
        self.blocked("flags", "transmit", 75)
        self.blocked("flags", "transmit-call", 75)
        self.only_allowed("flags")

    def test_21_registers(self) -> None:
        """43 registers by name, the 82542's places of them too; every offset of the BAR; a ring of root's own."""
        self.blocked("registers", "named", 130)
        sweep = self.tally("registers", "sweep")
        self.assertEqual((sweep.tried, sweep.succeeded), (0x20000, 0), sweep)
        self.only_allowed("own-ring")

    def test_no_panic(self) -> None:
        self.assert_no_panic()


@platforms.only("qemu", "there all attacks are on this NIC")
class Controls(EvilTest):
    """With one defence off the same attack shows on the wire or in memory that is not the attacker's."""

    WORDS = "stores dma flags registers controls"
    TEST_KERNEL = True
    SECONDS = 120
    OPTIONS = {"card": "e1000"}

    def test_01_without_write_disable(self) -> None:
        for target in ("ring-rx", "ring-tx", "state", *TAILS):
            with self.subTest(target):
                self.succeeds("stores", target, 1, NO_KEYS_WD)

    def test_08_without_address_check(self) -> None:
        self.succeeds("dma", "transmit", 1, NO_VALIDATE)
        self.succeeds("dma", "transmit-call", 1, NO_VALIDATE)
        self.succeeds("dma", "victim-pool", 1, NO_VALIDATE)
        self.on_the_wire("dma", "RFCANARY", NO_VALIDATE)

    def test_19_without_flag_check(self) -> None:
        self.succeeds("flags", "transmit", 2, NO_TXFLAGS)
        self.succeeds("flags", "transmit-call", 2, NO_TXFLAGS)
        self.on_the_wire("flags", "RFFORBID", NO_TXFLAGS)

    def test_21_without_register_table(self) -> None:
        self.succeeds("registers", "named", 100, NO_REGTABLE)
        self.on_the_wire("own-ring", "RFCANARY", NO_REGTABLE)


if __name__ == "__main__":
    unittest.main()
