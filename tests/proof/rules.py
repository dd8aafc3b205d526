# SPDX-License-Identifier: MIT
"""P7, and what else the proof of the guard stands on.

The trusted constants of each model and direction (struct guard_form, from the compiled desc.c) against the
datasheets: for ALL descriptors and pools, what guard and hypercall accept is exactly what the fields allow, and what
they hand to the NIC lies inside the pool. Then what prove.py assumes of those constants; then the page and the layout.
"""
from __future__ import annotations

import json
import sys
from pathlib import Path as File
from typing import Any, Callable

import z3

import datasheet as sheet

PHYSICAL_BITS = 52  # no pool lies above what a page table can name


class Rules:
    """One form; lo and hi are any two words, the pool any that ring 0 gives."""

    def __init__(self, facts: dict[str, Any], name: str) -> None:
        self.facts, self.name, self.form = facts, name, facts["forms"][name]
        self.dd, self.fields = sheet.DESCRIPTORS[name]
        self.lo, self.hi, self.bus, self.pool = z3.BitVecs("lo hi bus pool", 64)
        self.limit = self.pool - facts["RF_BUFFER_BYTES"]
        self.word = self.hi | self.form["set"]
        self.context = [z3.UGE(self.pool, facts["RF_BUFFER_BYTES"]), z3.ULE(self.pool, 1 << PHYSICAL_BITS),
                        z3.ULE(self.bus, (1 << PHYSICAL_BITS) - self.pool)]

    def prove(self, claim: z3.BoolRef, *given: z3.BoolRef) -> bool:
        solver = z3.SolverFor("QF_BV")
        solver.add(*self.context, *given, z3.Not(claim))
        return solver.check() == z3.unsat

    def accepted(self) -> z3.BoolRef:
        """As guard.S (proved by prove.py) and guard_check() have it."""
        f, length = self.form, z3.Extract(15, 0, self.word)
        return z3.And(z3.ULE(self.lo, self.limit),
                      self.word == f["fixed"] + z3.BitVecVal(f["factor"], 64) * z3.ZeroExt(48, length),
                      z3.ULE(z3.ZeroExt(16, length) - f["length_min"], z3.BitVecVal(f["length_span"], 32)))

    def _field(self, high: int, low: int, rule: Any) -> z3.BoolRef:
        value, length = z3.Extract(high, low, self.hi), z3.Extract(15, 0, self.hi)
        if rule == sheet.REPORT:
            return z3.BoolVal(True)
        if rule == sheet.LENGTH:
            return z3.And(z3.UGE(value, sheet.SHORTEST), z3.ULE(value, sheet.LONGEST))
        if rule == sheet.AGAIN:
            return value == z3.ZeroExt(high - low - 15, length)
        return value == rule

    def allowed(self) -> z3.BoolRef:
        """As the datasheets and P7 have it."""
        inside = z3.And(z3.ULT(self.lo, self.pool), z3.ULE(self.lo, self.pool - sheet.BUFFER))
        return z3.And(inside, *(self._field(high, low, rule) for _, high, low, rule in self.fields))

    # ---- claims
    def fields_cover_the_word_once(self) -> bool:
        expected = 63
        for _, high, low, _ in self.fields:
            if high != expected or low > high:
                return False
            expected = low - 1
        return expected == -1

    def accepts_no_more(self) -> bool:
        return self.prove(z3.Implies(self.accepted(), self.allowed()))

    def accepts_no_less(self) -> bool:
        return self.prove(z3.Implies(self.allowed(), self.accepted()))

    def dma_stays_in_the_pool(self) -> bool:
        """First and last byte, without a wrap of 64 bits."""
        first = self.lo + self.bus
        last = first + (sheet.BUFFER - 1)
        return self.prove(z3.And(z3.UGE(first, self.bus), z3.UGE(last, first), z3.ULT(last, self.bus + self.pool)),
                          self.accepted())

    def a_frame_fits_a_buffer(self) -> bool:
        length = z3.ZeroExt(48, z3.Extract(15, 0, self.word))
        return self.prove(z3.ULE(length, sheet.BUFFER), self.accepted())

    def report_is_asked_for(self) -> bool:
        bits = [low for _, _, low, rule in self.fields if rule == sheet.REPORT]
        return self.prove(z3.And(*(z3.Extract(b, b, self.word) == 1 for b in bits)), self.accepted())

    def starts_without_dd(self) -> bool:
        bit = 8 * (self.form["dd"] - 8)
        return self.form["dd"] == self.dd and self.prove(z3.Extract(bit, bit, self.word) == 0, self.accepted())

    def constants_are_as_the_proof_assumes(self) -> bool:
        return self.form["dd"] in (8, 12) and self.form["set"] & 0xffff == 0

    def reason_names_the_rule(self) -> bool:
        wanted = "RF_COMMIT_FLAGS" if "transmit" in self.name else "RF_COMMIT_HEADER"
        return self.form["reason"] == self.facts[wanted]


FORM_CLAIMS: list[Callable[[Rules], bool]] = [
    Rules.fields_cover_the_word_once, Rules.accepts_no_more, Rules.accepts_no_less, Rules.dma_stays_in_the_pool,
    Rules.a_frame_fits_a_buffer, Rules.report_is_asked_for, Rules.starts_without_dd,
    Rules.constants_are_as_the_proof_assumes, Rules.reason_names_the_rule]


def _places(page: bytes, pattern: bytes) -> list[int]:
    return [at for at in range(len(page)) if page[at:at + len(pattern)] == pattern]


def wrpkru_only_where_it_is_checked(facts: dict[str, Any]) -> bool:
    """At every byte offset, so in whatever way the bytes are decoded."""
    return (_places(bytes.fromhex(facts["page"]), b"\x0f\x01\xef") == [facts["open"], facts["close"]] and
            not _places(bytes.fromhex(facts["nokeys"]), b"\x0f\x01\xef"))


def no_state_is_restored(facts: dict[str, Any]) -> bool:
    """XRSTOR and XRSTORS (0F AE /5, 0F C7 /3) write PKRU, too, where XCR0 has it; ours has not."""
    for name in ("page", "nokeys"):
        page = bytes.fromhex(facts[name])
        for at in range(len(page) - 2):
            group, reg = page[at:at + 2], page[at + 2] >> 3 & 7
            if (group == b"\x0f\xae" and reg == 5) or (group == b"\x0f\xc7" and reg == 3):
                return False
    return True


def beyond_the_reach_of_32_bits(facts: dict[str, Any]) -> bool:
    """Outside 64-bit mode an address has 32 bits: neither the guard nor anything it guards can be named."""
    return all(facts[name] >= 1 << 32 for name in
               ("RF_GUARD_VA", "RF_STATE_VA", "RF_DOORBELL_VA", "RF_RING_VA", "RF_STAGING_VA"))


def keys_are_what_they_say(facts: dict[str, Any]) -> bool:
    """Bits 2k (no access) and 2k + 1 (no write): open frees 0 to 2; closed leaves 1 readable and 2 shut."""
    opened, closed = facts["RF_PKRU_OPEN"], facts["RF_PKRU_CLOSED"]
    return (opened & 0x3f == 0 and opened >> 6 == 0x3ffffff and closed & 3 == 0 and closed >> 2 & 3 == 2 and
            closed >> 4 & 3 == 3)


def numbers_are_the_abis(facts: dict[str, Any]) -> bool:
    """guard.S has them by other names (guard_numbers.h); prove.py compares what the bytes do with these."""
    return len({facts[n] for n in facts if n.startswith("RF_COMMIT_") and n != "RF_COMMIT_MAX"}) == 9


PAGE_CLAIMS: list[Callable[[dict[str, Any]], bool]] = [
    wrpkru_only_where_it_is_checked, no_state_is_restored, beyond_the_reach_of_32_bits, keys_are_what_they_say,
    numbers_are_the_abis]


def failures(facts: dict[str, Any]) -> tuple[int, list[str]]:
    """How many claims there are, and which do not hold."""
    bad = [claim.__name__ for claim in PAGE_CLAIMS if not claim(facts)]
    if set(facts["forms"]) != set(sheet.DESCRIPTORS):
        bad.append("forms and datasheets are not the same set")
    for name in sheet.DESCRIPTORS:
        rules = Rules(facts, name)
        bad += [f"{name}: {claim.__name__}" for claim in FORM_CLAIMS if not claim(rules)]
    return len(PAGE_CLAIMS) + len(sheet.DESCRIPTORS) * len(FORM_CLAIMS), bad


def main() -> int:
    count, bad = failures(json.loads(File(sys.argv[1]).read_text()))
    for what in bad:
        print(f"FAILED  {what}")
    print(f"{count - len(bad)} passed, {len(bad)} failed, 0 skipped")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
