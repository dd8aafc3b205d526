# SPDX-License-Identifier: MIT
"""What the guard meets, as formulas: its state page, staging that changes at will, a ring, the NIC, a doorbell.

One call of commit, for ANY ring number, state, staging and tail. Of the ring only ONE slot is followed, `j`; it is any
slot, so what holds for it holds for all. Of that slot: `owned` (the NIC may write it), `valid` (both words come from
one descriptor that the rules accept, and the NIC has not written since), `dd`. `told` is the index that the NIC was
last told. Every access and every store has to be justified here; what cannot be is a Failed.
"""
from __future__ import annotations

import copy
from typing import Any, Optional

import z3

from x86 import RAX, RBX, RCX, RDX, RSP, Machine

# Whatever a product of 64 bits may be: nothing here depends on it. rules.py looks at real ones.
PRODUCT = z3.Function("product", z3.BitVecSort(64), z3.BitVecSort(64), z3.BitVecSort(64))
# Written by ring 0 while no vCPU can be in this guard
TRUSTED = {"ring": 64, "staging": 64, "doorbell": 64, "bus": 64, "limit": 64, "form.set": 64, "form.factor": 64,
           "form.fixed": 64, "form.length_min": 32, "form.length_span": 32, "form.dd": 32, "form.reason": 32}
QUICK, UNLIMITED = 100, 2**32 - 1  # milliseconds
_TACTIC = z3.Tactic("qfufbv")
KEPT = (RBX, RSP, 5, 12, 13, 14, 15)  # what commit gives back to its caller; 5: RBP


class Failed(Exception):
    """A claim that does not hold on some path."""


def low(value: z3.BitVecRef, bits: int = 32) -> z3.BitVecRef:
    return z3.simplify(z3.Extract(bits - 1, 0, value))


class Context:
    """What is the same for all paths: the facts of the build, trusted constants, and the solver."""

    def __init__(self, facts: dict[str, Any], mask: int) -> None:
        self.facts, self.page, self.mask = facts, bytes.fromhex(facts["page"]), z3.BitVecVal(mask, 32)
        self.solver = z3.Solver()
        self.claims = self.queries = 0
        self.proved: dict[tuple[frozenset[int], int], Any] = {}
        self.ring_number, self.tail, self.j = (z3.BitVec(n, 32) for n in ("ring_number", "tail", "j"))
        self.clean0, self.reaped0, self.rejected0 = (z3.BitVec(n, 32) for n in ("clean0", "reaped0", "rejected0"))
        self.kept = {n: z3.BitVec(f"kept{n}", 64) for n in KEPT}
        self.base = z3.simplify(z3.BitVecVal(facts["RF_STATE_VA"] + facts["GS_ring"], 64) +
                                z3.ZeroExt(32, self.ring_number) * facts["GR_bytes"])
        self.field: dict[int, tuple[str, z3.BitVecRef]] = {}
        self.value: dict[str, z3.BitVecRef] = {}
        for name, bits in TRUSTED.items():
            self.value[name] = z3.BitVec(name, bits)
            self.field[facts["GR_" + name]] = (name, self.value[name])
        self.field[facts["GR_mask"]] = ("mask", self.mask)
        v = self.value
        # What ring 0 puts there: rules.py shows that every form it has is so.
        self.solver.add(z3.ULE(self.j, self.mask), z3.Or(v["form.dd"] == 8, v["form.dd"] == 12),
                        low(v["form.set"], 16) == 0)

    # ---- the rules of descriptors, over the trusted constants
    def word_fits(self, word: z3.BitVecRef) -> z3.BoolRef:
        """fixed + factor * length, the length being the word's own low 16 bits."""
        length = z3.simplify(z3.ZeroExt(48, low(word, 16)))
        return word == PRODUCT(self.value["form.factor"], length) + self.value["form.fixed"]

    def length_fits(self, word: z3.BitVecRef) -> z3.BoolRef:
        length = z3.ZeroExt(16, low(word, 16))
        return z3.ULE(length - self.value["form.length_min"], self.value["form.length_span"])

    def accepts(self, lo: z3.BitVecRef, hi: z3.BitVecRef) -> z3.BoolRef:
        word = z3.simplify(hi | self.value["form.set"])
        return z3.And(z3.ULE(lo, self.value["limit"]), self.word_fits(word), self.length_fits(word))

    def reason(self, lo: z3.BitVecRef, hi: z3.BitVecRef) -> z3.BitVecRef:
        """Of a refusal."""
        word = z3.simplify(hi | self.value["form.set"])
        return z3.If(z3.UGT(lo, self.value["limit"]), z3.BitVecVal(self.facts["RF_COMMIT_ADDRESS"], 32),
                     z3.If(z3.Not(self.word_fits(word)), self.value["form.reason"],
                           z3.BitVecVal(self.facts["RF_COMMIT_LENGTH"], 32)))

    def dd_of(self, word: z3.BitVecRef) -> z3.BoolRef:
        return z3.If(self.value["form.dd"] == 8, z3.Extract(0, 0, word), z3.Extract(32, 32, word)) == 1

    # ---- solver
    def prove(self, claim: z3.BoolRef, what: str) -> None:
        if z3.is_and(claim):
            for part in claim.children():
                self.prove(part, what)
            return
        self.claims += 1
        claim = z3.simplify(claim)
        if z3.is_true(claim):
            return
        key = frozenset(e.get_id() for e in self.solver.assertions()), claim.get_id()
        if key in self.proved:
            return
        self.queries += 1
        self.solver.push()
        self.solver.add(z3.Not(claim))
        self.solver.set("timeout", QUICK)
        verdict = self.solver.check()
        if verdict == z3.unknown:  # rather than incrementally, from the beginning
            alone = _TACTIC.solver()
            alone.add(self.solver.assertions())
            verdict = alone.check()
        self.solver.set("timeout", UNLIMITED)
        self.solver.pop()
        if verdict != z3.unsat:
            raise Failed(what)
        self.proved[key] = list(self.solver.assertions()), claim  # kept alive: else their ids are given again

    def constant(self, value: z3.BitVecRef) -> z3.BitVecRef:
        """`value` as a number if it can be only one."""
        if self.solver.check() != z3.sat:
            return value
        number = self.solver.model().eval(value, model_completion=True)
        return value if self.possible(value != number) else number

    def possible(self, condition: z3.BoolRef) -> bool:
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return z3.is_true(condition)
        key = frozenset(e.get_id() for e in self.solver.assertions()), z3.Not(condition).get_id()
        if key in self.proved:
            return False
        self.queries += 1
        if self.solver.check(condition) != z3.unsat:
            return True
        self.proved[key] = list(self.solver.assertions()), z3.Not(condition)
        return False


class Path(Machine):
    """One way through the guard, and all that it has done so far."""

    def __init__(self, ctx: Context, start: str) -> None:
        self.names = 0
        super().__init__([self.fresh(f"r{n}", 64) for n in range(16)], self.truth("cf"), self.truth("zf"))
        self.ctx, self.start, self.steps = ctx, start, 0
        self.pkru: z3.BitVecRef = z3.BitVecVal(ctx.facts["RF_PKRU_CLOSED"], 32)
        self.clean, self.reaped, self.rejected = ctx.clean0, ctx.reaped0, ctx.rejected0
        self.told = ctx.clean0
        self.owned, self.valid, self.dd = self.truth("owned"), self.truth("valid"), self.truth("dd")
        self.done = z3.BitVecVal(0, 32)  # slots handed over before the one in hand
        self.rounds = low(self.reg[RCX])  # left, where a way begins at the head of a loop
        self.modes: list[z3.BitVecRef] = []
        self.slot: Optional[z3.BitVecRef] = None  # in hand: its number,
        self.words: dict[int, z3.BitVecRef] = {}  # ... what was read of it (8: second word),
        self.written: list[int] = []  # ... and what was stored
        self.last_dd: Optional[tuple[z3.BitVecRef, z3.BoolRef]] = None
        self.pending: Optional[z3.BitVecRef] = None
        self.notify: Optional[z3.BitVecRef] = None
        self.stores = self.bells = self.refusals = self.hypercalls = 0
        self.took = self.moved = self.fence = False
        self.calls: list[int] = []  # return addresses

    # Names start again on each way: two ways are never in the solver together, and alike ways share what is proved.
    def fresh(self, name: str, bits: int) -> z3.BitVecRef:
        self.names += 1
        return z3.BitVec(f"{name}!{self.names}", bits)

    def truth(self, name: str) -> z3.BoolRef:
        self.names += 1
        return z3.Bool(f"{name}!{self.names}")

    def fork(self) -> Path:
        other = copy.copy(self)
        other.reg, other.modes, other.words = list(self.reg), list(self.modes), dict(self.words)
        other.written, other.calls = list(self.written), list(self.calls)
        return other

    def assume(self, condition: z3.BoolRef) -> None:
        self.ctx.solver.add(condition)

    def multiply(self, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return PRODUCT(left, z3.simplify(right)) if left.size() == 64 else left * right

    # ---- the window
    def is_pkru(self, name: str) -> bool:
        try:
            self.ctx.prove(self.pkru == self.ctx.facts[name], name)
        except Failed:
            return False
        self.pkru = z3.BitVecVal(self.ctx.facts[name], 32)
        return True

    def closed(self) -> bool:
        return self.is_pkru("RF_PKRU_CLOSED")

    def wrpkru(self) -> None:
        self.ctx.prove(z3.And(low(self.reg[RCX]) == 0, low(self.reg[RDX]) == 0), "WRPKRU with ECX or EDX set faults")
        self.pkru = low(self.reg[RAX])

    # ---- the NIC
    def invariant(self, reaped: z3.BitVecRef, clean: z3.BitVecRef) -> z3.BoolRef:
        """P6 between any two instructions, for slot j."""
        mask, off = self.ctx.mask, (self.ctx.j - reaped) & self.ctx.mask
        told = self.told - reaped
        return z3.And(z3.ULE(clean - reaped, mask), z3.ULE(told, clean - reaped),
                      z3.Implies(self.owned, z3.And(z3.ULT(off, told), self.valid, z3.Not(self.dd))),
                      z3.Implies(z3.And(z3.UGE(off, told), z3.ULT(off, clean - reaped)),
                                 z3.And(self.valid, z3.Not(self.dd), z3.Not(self.owned))))

    def nic_acts(self) -> None:
        """At any moment it may write any slot it owns, with any bits but DD set, and never again."""
        fired = z3.And(self.owned, self.truth("fired"))
        self.owned, self.valid = z3.And(self.owned, z3.Not(fired)), z3.And(self.valid, z3.Not(fired))
        self.dd = z3.Or(self.dd, fired)

    # ---- memory
    def _where(self, address: z3.BitVecRef) -> tuple[str, Any]:
        """Which memory an address is in, and where there; by what it is computed from, then proved."""
        address, v = z3.simplify(address), self.ctx.value
        names = {str(x) for x in _symbols(address)}
        for region in ("ring", "staging", "doorbell"):
            if region in names:
                return region, z3.simplify(address - v[region])
        offset = z3.simplify(address - self.ctx.base)
        if not z3.is_bv_value(offset) and names == {"ring_number"}:
            offset = self.ctx.constant(offset)
        if z3.is_bv_value(offset):
            return "field", offset.as_long()
        pending = self.ctx.facts["RF_STATE_VA"] + self.ctx.facts["GS_pending"]
        if z3.is_bv_value(address) and address.as_long() == pending:
            return "pending", 0
        return "unknown", 0

    def _slot_of(self, offset: z3.BitVecRef, first: z3.BitVecRef | int, what: str) -> z3.BitVecRef:
        """The slot that contains the byte `first` at this offset; it is inside the ring."""
        inner = offset - first
        self.ctx.prove(z3.And(z3.ULE(inner, z3.ZeroExt(32, self.ctx.mask) * 16), inner & 15 == 0),
                       f"{what}: outside a slot")
        return low(z3.LShR(inner, 4))

    def load(self, address: z3.BitVecRef, size: int) -> z3.BitVecRef:  # type: ignore[override]
        place, offset = self._where(address)
        if self.closed():
            if place == "pending" and size == 4:
                self.pending = self.fresh("pending", 32)
                return self.pending
            return self.fresh("anything", 8 * size)
        if not self.is_pkru("RF_PKRU_OPEN"):
            raise Failed("a load after a wrong value in PKRU")
        if place == "field" and (value := self._field(offset, size)) is not None:
            return value
        if place == "ring" and size == 1:
            return self._look_at_dd(offset)
        if place == "staging" and size == 8:
            return self._stage(offset)
        raise Failed(f"a load of {size} bytes from {place} with the window open")

    def _field(self, offset: int, size: int) -> Optional[z3.BitVecRef]:
        facts = self.ctx.facts
        if offset == facts["GR_mode"] and size == 4:  # ring 0 may change it at any moment
            self.modes.append(self.fresh("mode", 32))
            return self.modes[-1]
        if offset == facts["GR_notify"] and size == 4:  # likewise
            if self.moved and not self.fence:
                raise Failed("`notify` is looked at before the index is seen by all")
            self.notify = self.fresh("notify", 32)
            return self.notify
        for name in ("clean", "reaped", "rejected"):
            if offset == facts["GR_" + name] and size == 4:
                return getattr(self, name)
        value = self.ctx.field.get(offset, ("", None))[1]
        return value if value is not None and value.size() == 8 * size else None

    def _look_at_dd(self, offset: z3.BitVecRef) -> z3.BitVecRef:
        k = self._slot_of(offset, z3.ZeroExt(32, self.ctx.value["form.dd"]), "load of DD")
        self.nic_acts()
        byte = self.fresh("byte", 8)
        bit = z3.Extract(0, 0, byte) == 1
        self.assume(z3.Implies(k == self.ctx.j, bit == self.dd))
        self.last_dd = (k, bit)
        return byte

    def _stage(self, offset: z3.BitVecRef) -> z3.BitVecRef:
        """Any value at each read: another vCPU may be writing."""
        second = 8 if 0 in self.words else 0
        if second in self.words:
            raise Failed("a word of staging is read twice")
        k = self._slot_of(offset, second, "load of staging")
        if self.slot is not None:
            self.ctx.prove(k == self.slot, "words of two descriptors")
        self.slot, self.words[second] = k, self.fresh("staged", 64)
        return self.words[second]

    def store(self, address: z3.BitVecRef, size: int, value: z3.BitVecRef) -> None:  # type: ignore[override]
        if self.closed():  # it faults, or it is the guest's own memory
            if self.start != "close":
                raise Failed("a store to somewhere after the close")
            return
        if not self.is_pkru("RF_PKRU_OPEN"):
            raise Failed("a store after a wrong value in PKRU")
        place, offset = self._where(address)
        self.stores += 1
        if place == "field" and size == 4:
            self._store_field(offset, value)
        elif place == "ring" and size == 8:
            self._store_slot(offset, value)
        elif place == "doorbell" and size == 4:
            self.ctx.prove(offset == 0, "a store beside the doorbell")
            self._ring_bell(value)
        else:
            raise Failed(f"a store of {size} bytes to {place} with the window open")
        self.ctx.prove(self.invariant(self.reaped, self.clean), "P6 does not hold after a store")

    def _store_field(self, offset: int, value: z3.BitVecRef) -> None:
        ctx, facts = self.ctx, self.ctx.facts
        if offset == facts["GR_reaped"]:
            gained = value - ctx.reaped0
            ctx.prove(z3.ULE(gained, ctx.clean0 - ctx.reaped0), "`reaped` past `clean`")
            k, bit = self.last_dd or (ctx.j, z3.BoolVal(True))
            ctx.prove(z3.Or(value == ctx.clean0, gained == facts["RF_REAP_MAX"],
                            z3.And(k == value & ctx.mask, z3.Not(bit))), "`reaped` stops for no reason")
            self.reaped, self.took = value, True
        elif offset == facts["GR_clean"]:
            ctx.prove(z3.ULE(value - self.clean, facts["RF_COMMIT_MAX"]), "`clean` goes back, or too far")
            ctx.prove(value != self.clean, "`clean` stored without need")
            self.clean, self.moved = value, True
        elif offset == facts["GR_rejected"]:
            ctx.prove(value == self.rejected + 1, "`rejected` is not counted by one")
            self.rejected, self.refusals = value, self.refusals + 1
        else:
            raise Failed(f"a store to offset {offset} of struct guard_ring")

    def _store_slot(self, offset: z3.BitVecRef, value: z3.BitVecRef) -> None:
        ctx, second = self.ctx, 8 if 0 in self.written else 0
        k = self._slot_of(offset, second, "store to the ring")
        if set(self.words) != {0, 8} or second in self.written:
            raise Failed("a store to the ring without a descriptor in hand")
        lo, hi = self.words[0], self.words[8]
        self.nic_acts()
        ctx.prove(z3.And(k == self.slot, k == (ctx.clean0 + self.done) & ctx.mask), "the wrong slot")
        ctx.prove(z3.Implies(k == ctx.j, z3.Not(self.owned)), "a store to a slot that the NIC owns")
        ctx.prove(ctx.accepts(lo, hi), "a store of a descriptor that the rules refuse")
        ctx.prove(value == (hi | ctx.value["form.set"] if second else lo + ctx.value["bus"]),
                  "another word than was read")
        self.written.append(second)
        if second:  # what is accepted has no DD: rules.py
            self.assume(z3.Not(ctx.dd_of(value)))
        self.valid = z3.If(k == ctx.j, z3.BoolVal(second == 8), self.valid)
        self.dd = z3.If(k == ctx.j, ctx.dd_of(value), self.dd) if second else self.dd

    def _ring_bell(self, value: z3.BitVecRef) -> None:
        ctx = self.ctx
        self.nic_acts()
        ctx.prove(value == self.clean & ctx.mask, "the doorbell says something else than `clean`")
        ctx.prove((value - self.told) & ctx.mask == self.clean - self.told, "the tail goes back, or past itself")
        given = z3.ULT((ctx.j - self.told) & ctx.mask, self.clean - self.told)
        ctx.prove(z3.Implies(given, z3.And(self.valid, z3.Not(self.dd), z3.Not(self.owned))),
                  "the tail passes a slot that was not rewritten")
        self.owned, self.told, self.bells = z3.Or(self.owned, given), self.clean, self.bells + 1


def _symbols(expression: z3.ExprRef) -> set[z3.ExprRef]:
    seen, work, found = set(), [expression], set()
    while work:
        e = work.pop()
        if e.get_id() in seen:
            continue
        seen.add(e.get_id())
        if z3.is_const(e) and e.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found.add(e)
        work.extend(e.children())
    return found
