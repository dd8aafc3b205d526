# SPDX-License-Identifier: MIT
"""Attacks 8, 18, 19 and 21: DMA, hand-over and a hostile root. The host is on the wire: what leaves the NIC and what
QEMU's own view of memory shows decides, not what evilroot says."""
import unittest

import platforms
from evil import PAYLOAD, WIRE_IDENTS, EvilTest
from machine import PLATFORM

NO_VALIDATE, NO_REAP, NO_REGTABLE, NO_EXCLUSIVE, NO_TXFLAGS = 0x20, 0x40, 0x80, 0x100, 0x800
HANDOVER = "dma handover flags registers"


class Release(EvilTest):
    """Nothing gets through, and nothing but what is allowed reaches the wire."""

    WORDS = HANDOVER + " recycle calls memory fuzz"
    SECONDS = 120

    def test_08_addresses(self) -> None:
        """172 addresses in each direction: past every edge, wrapping, the victim's, ring 0's, devices'."""
        for part in ("transmit", "receive", "transmit-call", "receive-call"):
            with self.subTest(part):
                self.blocked("dma", part, 170)
        self.blocked("dma", "victim-pool", 1)
        self.only_allowed("dma")

    def test_10_pool_given_back(self) -> None:
        """Frames for a queue that is gone lie nowhere; while it was there the same eye saw them."""
        self.succeeds("recycle", "eye", 1, 0)
        self.blocked("recycle", "frames", 1)

    def test_18_written_back_slots(self) -> None:
        """No tail passes a slot the NIC may still use; slots with wire bits are rewritten before they go back."""
        self.blocked("handover", "full", 256)
        self.blocked("handover", "written-back", 20)
        if PLATFORM == "qemu":  # the 82540EM's write-back leaves the address alone
            self.assertIn(f"{WIRE_IDENTS[0]:x}0000", self.evil.write_back(), "no identification there")
        self.only_allowed("handover")

    def test_19_descriptor_kinds(self) -> None:
        """63 single bits, every type, lengths at and past the limits, beside allowed descriptors."""
        self.blocked("flags", "transmit", 80)
        self.blocked("flags", "transmit-call", 80)
        self.only_allowed("flags")

    def test_21_registers(self) -> None:
        self.blocked("registers", "named", 130)
        sweep = self.tally("registers", "sweep")
        self.assertEqual((sweep.tried, sweep.succeeded), (0x20000, 0), sweep)
        self.only_allowed("own-ring")

    def test_21_calls(self) -> None:
        edges = self.blocked("calls", "edges", 60)
        self.assertEqual(edges.other, 0, edges)
        self.blocked("calls", "audit", 1)

    def test_21_memory_used_up(self) -> None:
        for part in ("new-guest", "map", "queue", "audit", "given-back"):
            with self.subTest(part):
                self.blocked("memory", part, 1)

    def test_21_fuzz(self) -> None:
        """30,000 system calls with edge and random arguments: no leaf out of line, no frame missing, no panic."""
        self.blocked("fuzz", "audit", 1)
        storm = self.tally("fuzz", "calls")
        self.assertEqual(storm.succeeded, 0, "free pages are missing")
        self.assertGreater(storm.tried, 25000)
        self.assertGreater(storm.other, 500, "hardly any call succeeded: the storm is too mild to mean anything")

    def test_no_panic(self) -> None:
        self.assert_no_panic()


class Controls(EvilTest):
    """With one defence off the same attack shows on the wire or in memory that is not the attacker's."""

    WORDS = HANDOVER + " controls"
    TEST_KERNEL = True
    SECONDS = 90

    def test_08_without_address_check(self) -> None:
        """The victim's memory is sent, and what was sent to the attacker lands in the victim's."""
        self.succeeds("dma", "transmit", 1, NO_VALIDATE)
        self.succeeds("dma", "transmit-call", 1, NO_VALIDATE)
        self.succeeds("dma", "victim-pool", 1, NO_VALIDATE)
        self.on_the_wire("dma", "RFCANARY", NO_VALIDATE)

    def test_18_without_reaping(self) -> None:
        """The NIC owns slots as it left them: the 82576 takes bits of a frame for an address, and the next frame lies
        there, as QEMU sees physical memory."""
        self.succeeds("handover", "written-back", 20, NO_REAP)

    @platforms.only("qemu", "the 82540EM's write-back leaves the address alone: no frame can make one")
    def test_18_wire_bits_as_an_address(self) -> None:
        used = self.exchanges("handover-use", NO_REAP)[0]
        self.assertLess(int(used.values["lo"], 16), 0x10000, "not an address that the frames made")
        self.effective(PAYLOAD[:32] in used.memory, used)

    def test_19_without_flag_check(self) -> None:
        self.succeeds("flags", "transmit", 2, NO_TXFLAGS)
        self.succeeds("flags", "transmit-call", 2, NO_TXFLAGS)
        self.on_the_wire("flags", "RFFORBID", NO_TXFLAGS)

    def test_21_without_register_table(self) -> None:
        """A ring base of root's own: descriptors that no guard saw send the victim's memory."""
        self.succeeds("registers", "named", 100, NO_REGTABLE)
        self.on_the_wire("own-ring", "RFCANARY", NO_REGTABLE)


class RootWritesCode(EvilTest):
    """A page changed after acceptance, by root: root dies of it, guests go on."""

    WORDS = "write-code"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 14, error 7, .*address 200400010000")


class RootWritesCodeControl(EvilTest):
    """Where acceptance leaves root its writable mapping, root puts WRPKRU into a running guest."""

    WORDS = "write-code controls"
    TEST_KERNEL = True

    def test_it_works(self) -> None:
        found = self.evil.machine.found(r"last: written; the guest ended with end=(\d+) death=(\d+)")
        self.effective([(m[1], m[2]) for m in found] == [("5", "3")], "the window was not open outside the guard")


class RootReadsKernel(EvilTest):
    WORDS = "read-kernel"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 14, error 5, .*address ffffffff80000000")


class RootTouchesPorts(EvilTest):
    WORDS = "port"

    def test_root_dies_guests_do_not(self) -> None:
        self.assert_root_died(r"exception 13")


if __name__ == "__main__":
    unittest.main()
