# SPDX-License-Identifier: MIT
"""The guard's own bytes, proved: every way from every entry, for all registers, states, descriptors and interleavings.

Windows open only at two places (entries.py), so what can happen with an open window starts behind one of them:

  open      behind the first WRPKRU, with any registers at all; so does every call of commit
  close     behind the second, likewise
  commit    from the entry point to the first WRPKRU
  revoked   where ring 0 resumes a vCPU whose window it took away
  reap      the head of the loop that takes slots back, under its invariant
  slot      the head of the loop that hands slots over, likewise

Each is followed to its ends: a return, UD2, or a loop head, where the invariant must hold again and the count have gone
down. So the six together are the guard, whatever the number of rounds.
"""
from __future__ import annotations

import json
import sys
import time
from pathlib import Path as File
from typing import Any, Iterable

import z3

from world import KEPT, Context, Failed, Path, low
from x86 import R8, R9, R10, RAX, RCX, RDI, RDX, RSI, Decoded, Unknown, decode

STARTS = ("commit", "open", "close", "revoked", "reap", "slot")
STEPS = 200  # of one segment: there is no loop in it
CODE = 16  # no instruction is longer


class Prover:
    """One page, one ring size."""

    def __init__(self, facts: dict[str, Any], mask: int) -> None:
        self.facts, self.ctx = facts, Context(facts, mask)
        self.met: set[int] = set()  # offsets of instructions on some way
        self.ends: dict[str, int] = {}
        self.longest: dict[str, int] = {}

    def run(self, start: str) -> None:
        """Every way from `start`; Failed or Unknown if a claim does not hold."""
        self.ctx.solver.push()
        try:
            path, at = getattr(self, "_start_" + start)()
            self._follow(path, at)
        finally:
            self.ctx.solver.pop()

    # ---- where ways begin
    def _caller(self, start: str) -> Path:
        path, ctx = Path(self.ctx, start), self.ctx
        for number in KEPT:
            path.reg[number] = ctx.kept[number]
        path.reg[RDI] = z3.Concat(low(path.reg[RDI]), ctx.ring_number)
        path.reg[RSI] = z3.Concat(low(path.reg[RSI]), ctx.tail)
        path.assume(path.invariant(ctx.reaped0, ctx.clean0))
        path.rounds = low(path.reg[RCX])
        return path

    def _start_commit(self) -> tuple[Path, int]:
        return self._caller("commit"), self.facts["RF_GUARD_COMMIT"]

    def _start_open(self) -> tuple[Path, int]:
        path = self._caller("open")
        path.pkru = low(path.reg[RAX])
        return path, self.facts["open"] + 3

    def _start_close(self) -> tuple[Path, int]:
        path = Path(self.ctx, "close")
        path.pkru = low(path.reg[RAX])
        return path, self.facts["close"] + 3

    def _start_revoked(self) -> tuple[Path, int]:
        return self._caller("revoked"), self.facts["revoked"]

    def _start_reap(self) -> tuple[Path, int]:
        path = self._caller("reap")
        path.pkru = z3.BitVecVal(self.facts["RF_PKRU_OPEN"], 32)
        path.reg[R8], path.reg[R9] = self.ctx.base, z3.ZeroExt(32, self.ctx.clean0)
        path.reg[RDI] = self.ctx.value["ring"] + z3.ZeroExt(32, self.ctx.value["form.dd"])
        path.reg[R10] = z3.ZeroExt(32, low(path.reg[R10]))
        for _, claim in self._at_reap(path):
            path.assume(claim)
        return path, self.facts["reap"]

    def _start_slot(self) -> tuple[Path, int]:
        path = self._caller("slot")
        path.pkru = z3.BitVecVal(self.facts["RF_PKRU_OPEN"], 32)
        path.reaped = z3.BitVec("reaped1", 32)
        path.reg[R8], path.reg[R9] = self.ctx.base, z3.ZeroExt(32, low(path.reg[R9]))
        path.reg[R10] = z3.ZeroExt(32, low(path.reg[R10]))
        path.done = z3.simplify(low(path.reg[R9]) - self.ctx.clean0)
        for _, claim in self._at_slot(path):
            path.assume(claim)
        return path, self.facts["slot"]

    # ---- loop heads: (what, claim); assumed where a way begins, proved where one arrives
    def _common(self, path: Path) -> Iterable[tuple[str, z3.BoolRef]]:
        ctx = self.ctx
        yield "R8 is the ring's", path.reg[R8] == ctx.base
        yield "such a ring", z3.ULT(ctx.ring_number, self.facts["GUARD_RINGS"])
        yield "window open", path.pkru == self.facts["RF_PKRU_OPEN"]
        yield "`clean` untouched", path.clean == ctx.clean0
        yield "nothing refused yet", path.rejected == ctx.rejected0
        yield "doorbell untouched", path.told == ctx.clean0
        yield "tail in the ring", z3.ULE(ctx.tail, ctx.mask)
        yield "upper half of R9 is 0", path.reg[R9] == z3.ZeroExt(32, low(path.reg[R9]))
        yield "upper half of R10 is 0", path.reg[R10] == z3.ZeroExt(32, low(path.reg[R10]))
        yield "P6", path.invariant(path.reaped, path.clean)
        for number in KEPT:
            yield "a register of the caller's", path.reg[number] == ctx.kept[number]

    def _at_reap(self, path: Path) -> Iterable[tuple[str, z3.BoolRef]]:
        ctx, count = self.ctx, low(path.reg[RCX])
        taken = low(path.reg[R10]) - ctx.reaped0
        yield from self._common(path)
        yield "R9 is `clean`", low(path.reg[R9]) == ctx.clean0
        yield "RDI points to DD", path.reg[RDI] == ctx.value["ring"] + z3.ZeroExt(32, ctx.value["form.dd"])
        yield "tail in ESI", low(path.reg[RSI]) == ctx.tail
        yield "`reaped` untouched", path.reaped == ctx.reaped0
        yield "rounds left", z3.And(z3.UGE(count, 1), z3.ULE(count, self.facts["RF_REAP_MAX"]))
        yield "one slot a round", taken == self.facts["RF_REAP_MAX"] - count
        yield "not past `clean`", z3.ULE(taken, ctx.clean0 - ctx.reaped0)
        yield "what is taken back was written back", z3.Implies(
            z3.ULT((ctx.j - ctx.reaped0) & ctx.mask, taken), z3.And(path.dd, z3.Not(path.owned)))

    def plan(self, path: Path) -> tuple[z3.BitVecRef, z3.BitVecRef]:
        """How many slots this call should hand over, and the reason if not all: the ABI, once more."""
        ctx, facts, zero = self.ctx, self.facts, z3.BitVecVal(0, 32)
        want = (ctx.tail - ctx.clean0) & ctx.mask
        limited = z3.UGT(want, facts["RF_COMMIT_MAX"])
        count = z3.If(limited, z3.BitVecVal(facts["RF_COMMIT_MAX"], 32), want)
        room = ctx.mask - (ctx.clean0 - path.reaped)
        full = z3.UGT(count, room)
        reason = z3.If(full, z3.BitVecVal(facts["RF_COMMIT_FULL"], 32),
                       z3.If(limited, z3.BitVecVal(facts["RF_COMMIT_LIMIT"], 32), zero))
        return z3.If(full, room, count), reason

    def _at_slot(self, path: Path) -> Iterable[tuple[str, z3.BoolRef]]:
        ctx, done = self.ctx, low(path.reg[R9]) - self.ctx.clean0
        count, reason = self.plan(path)
        yield from self._common(path)
        yield "slots left", z3.And(z3.ULT(done, count), low(path.reg[RCX]) == count - done)
        yield "the reason so far", low(path.reg[R10]) == reason
        yield "what was handed over is valid", z3.Implies(
            z3.ULT((ctx.j - ctx.clean0) & ctx.mask, done), z3.And(path.valid, z3.Not(path.dd), z3.Not(path.owned)))

    # ---- on the way
    def _follow(self, path: Path, at: int) -> None:
        """Depth first; the solver's stack holds what the way assumes."""
        while True:
            if not 0 <= at < len(self.ctx.page) - CODE:
                return self._left(path)
            if path.steps and at in (self.facts["reap"], self.facts["slot"]) and not path.closed():
                return self._arrived(path, "reap" if at == self.facts["reap"] else "slot")
            if path.start == "commit" and at == self.facts["open"]:
                return self._opened(path)
            self.met.add(at)
            path.steps += 1
            if path.steps > STEPS:
                raise Failed("a loop without a bound")
            i = decode(self.ctx.page[at:at + CODE - 1])
            if i.name[0] == "j" and i.name != "jmp":
                taken, after = path.condition(i.name), at + i.size
                if path.ctx.possible(taken):
                    if self._fork(path, z3.Not(taken), after):
                        path.assume(taken)
                        at += i.operands[0][1]
                        continue
                    at += i.operands[0][1]
                    path.assume(taken)
                    continue
                at = after
                continue
            here = at
            at = self._step(path, i, at)
            if at < 0:
                return self._end(path, i, here)

    def _fork(self, path: Path, condition: z3.BoolRef, at: int) -> bool:
        """Follow the other branch, if there can be one."""
        if not self.ctx.possible(condition):
            return False
        self.ctx.solver.push()
        try:
            other = path.fork()
            other.assume(condition)
            self._follow(other, at)
        finally:
            self.ctx.solver.pop()
        return True

    def _step(self, path: Path, i: Decoded, at: int) -> int:
        """The next offset; -1: the way ends here."""
        if i.name == "jmp" and i.operands[0][0] == "imm":
            return at + i.operands[0][1]
        if i.name in ("ret", "ud2"):
            return self._return(path) if i.name == "ret" else -1
        if i.name == "call" and i.operands[0][0] == "imm":
            if not path.closed():
                raise Failed("a call with the window open")
            path.calls.append(at + i.size)
            return at + i.operands[0][1]
        if i.name == "wrpkru":
            path.wrpkru()
        elif i.name == "vmmcall":
            self._hypercall(path, at)
        else:
            path.execute(i, at)
            path.fence |= i.name == "xchg" and any(o[0] == "mem" for o in i.operands)
        return at + i.size

    @staticmethod
    def _return(path: Path) -> int:
        if not path.closed():
            raise Failed("a return with the window open")
        return path.calls.pop() if path.calls else -1

    def _hypercall(self, path: Path, at: int) -> None:
        if not path.closed():
            raise Failed("a hypercall with the window open")
        if path.start != "close":
            self.ctx.prove(low(path.reg[RAX]) == self.facts["RF_HC_YIELD"], "another hypercall than YIELD")
        if at != self.facts["RF_GUARD_HYPERCALL"]:
            raise Failed("a hypercall elsewhere")
        path.hypercalls += 1
        for number in (RAX, RCX, 11):  # lost, says the ABI
            path.reg[number] = z3.BitVec(f"lost{number}", 64)

    # ---- where ways end
    def _count(self, path: Path, end: str) -> None:
        self.ends[end] = self.ends.get(end, 0) + 1
        self.longest[path.start] = max(self.longest.get(path.start, 0), path.steps)

    @staticmethod
    def _left(path: Path) -> None:
        raise Failed("a jump out of the page" + ("" if path.closed() else " with the window open"))

    def _opened(self, path: Path) -> None:
        ctx = self.ctx
        for number, value in ((RAX, self.facts["RF_PKRU_OPEN"]), (RCX, 0), (RDX, 0)):
            ctx.prove(low(path.reg[number]) == value, "commit opens the window with a wrong value")
        ctx.prove(z3.And(low(path.reg[RDI]) == ctx.ring_number, low(path.reg[RSI]) == ctx.tail),
                  "arguments of commit lost")
        ctx.prove(z3.And(*(path.reg[n] == ctx.kept[n] for n in KEPT)), "a register of the caller's")
        self.met.add(self.facts["open"])
        self._count(path, "opened")

    def _arrived(self, path: Path, head: str) -> None:
        if path.bells or path.refusals or path.moved or path.start == "close":
            raise Failed(f"comes to {head} again")
        if path.start == "slot" and set(path.written) != {0, 8}:
            raise Failed("a round without both words stored")
        if path.start != "slot" and path.written:
            raise Failed("a slot before its time")
        if head == "slot" and path.took == (path.start == "slot"):
            raise Failed("`reaped` is not stored, or late")
        if path.start == head:  # a round: it must bring the end nearer
            self.ctx.prove(z3.ULT(low(path.reg[RCX]), path.rounds), f"at {head}: no end in sight")
        for what, claim in (self._at_reap if head == "reap" else self._at_slot)(path):
            self.ctx.prove(claim, f"at {head}: {what}")
        self._count(path, head)

    def _end(self, path: Path, i: Decoded, at: int) -> None:
        if i.name == "ud2":
            self.met.add(at)
            self.ctx.prove(path.pkru != self.facts["RF_PKRU_OPEN"], "UD2 in a proper commit")
            return self._count(path, "died")
        self._count(path, "returned")
        if path.start == "close":
            return None
        return self._contract(path)

    def _contract(self, path: Path) -> None:
        """What a caller of commit gets."""
        ctx, rax = self.ctx, path.reg[RAX]
        tail, reason = low(rax), low(z3.LShR(rax, 32))
        want_tail, want_reason = self._refused(path) if path.start in ("open", "revoked") else self._done(path)
        ctx.prove(tail == want_tail, "the tail in RAX is wrong")
        ctx.prove(reason == want_reason, "the reason in RAX is wrong")
        ctx.prove(z3.And(*(path.reg[n] == ctx.kept[n] for n in KEPT)), "a register of the caller's")
        refused = path.start == "revoked" or len(path.modes) in (0, 2) and path.start == "open"
        if path.pending is None or (path.notify is None) != refused:
            raise Failed("`pending` or `notify` is not looked at, or without need")
        asked = path.pending != 0 if path.notify is None else z3.Or(path.pending != 0, path.notify != 0)
        ctx.prove(asked == (path.hypercalls == 1), "YIELD without need, or none")

    def _refused(self, path: Path) -> tuple[z3.BitVecRef, z3.BitVecRef]:
        """Neither loop was reached: why."""
        ctx, facts, zero = self.ctx, self.facts, z3.BitVecVal(0, 32)
        if path.stores:
            raise Failed("a store by a commit that does nothing")
        if path.start == "revoked":
            return zero, z3.BitVecVal(facts["RF_COMMIT_REVOKED"], 32)
        ring = z3.BitVecVal(facts["RF_COMMIT_RING"], 32)
        if not path.modes:
            ctx.prove(z3.UGE(ctx.ring_number, facts["GUARD_RINGS"]), "a ring refused without need")
            return zero, ring
        if len(path.modes) == 2:
            ctx.prove(path.modes[0] != facts["GR_MODE_ON"], "a ring refused without need")
            return zero, z3.If(path.modes[1] == facts["GR_MODE_REVOKED"],
                               z3.BitVecVal(facts["RF_COMMIT_REVOKED"], 32), ring)
        ctx.prove(z3.And(path.modes[0] == facts["GR_MODE_ON"], z3.UGT(ctx.tail, ctx.mask)),
                  "a tail refused without need")
        return ctx.clean0 & ctx.mask, z3.BitVecVal(facts["RF_COMMIT_TAIL"], 32)

    def _done(self, path: Path) -> tuple[z3.BitVecRef, z3.BitVecRef]:
        """A commit that went through the loops."""
        ctx = self.ctx
        count, reason = self.plan(path)
        moved = path.clean - ctx.clean0
        if path.took == (path.start == "slot"):
            raise Failed("`reaped` is not stored, or late")
        if path.bells != path.moved or path.refusals > 1:
            raise Failed("`clean` moves without the doorbell, or the other way round")
        if path.refusals:
            if set(path.words) != {0, 8} or path.written:
                raise Failed("a refusal without a descriptor in hand")
            lo, hi = path.words[0], path.words[8]
            ctx.prove(z3.Not(ctx.accepts(lo, hi)), "a descriptor refused without need")
            ctx.prove(z3.And(moved == path.done, path.slot == path.clean & ctx.mask),
                      "the tail is not at the slot refused")
            reason = ctx.reason(lo, hi)
        else:
            ctx.prove(moved == count, "not as many slots as there should be")
        ctx.prove(path.told == path.clean, "the doorbell was not told")
        return path.clean & ctx.mask, reason


def instructions(facts: dict[str, Any]) -> list[int]:
    """Where the instructions of the guard start: straight from its entry, and the hypercall."""
    page, offsets, at = bytes.fromhex(facts["page"]), [], facts["RF_GUARD_COMMIT"]
    while page[at] != 0xcc:
        offsets.append(at)
        at += decode(page[at:at + 15]).size
    return offsets


def proved(prover: Prover) -> tuple[int, dict[str, set[int]]]:
    """Every start; how many fail, and which instructions the ways from each meet."""
    failed, began = 0, time.monotonic()
    ways: dict[str, set[int]] = {}
    for start in STARTS:
        prover.met = ways[start] = set()
        try:
            prover.run(start)
        except (Failed, Unknown) as error:
            print(f"FAILED  from {start}: {error}")
            failed += 1
    never = set(instructions(prover.facts)) - set().union(*ways.values())
    if prover.ctx.mask.as_long() <= prover.facts["RF_COMMIT_MAX"]:
        never = set()  # a ring too small for the limit
    if never:
        print(f"FAILED  met on no way: {[hex(at) for at in sorted(never)]}")
    bound = prover.longest.get("open", 0) + prover.facts["RF_REAP_MAX"] * prover.longest.get("reap", 0)
    bound += prover.facts["RF_COMMIT_MAX"] * prover.longest.get("slot", 0)
    print(f"a ring of {prover.ctx.mask.as_long() + 1}: {prover.ctx.claims} claims, {prover.ctx.queries} of them by Z3; "
          f"ends of ways {prover.ends}; a commit is at most {bound} instructions; {time.monotonic() - began:.0f} s")
    return failed + bool(never), ways


def main() -> int:
    facts = json.loads(File(sys.argv[1]).read_text())
    masks = [int(word) for word in sys.argv[2:]] or [facts["RF_RING_ENTRIES"] - 1]
    failed = sum(proved(Prover(facts, mask))[0] for mask in masks)
    print(f"{len(masks) * len(STARTS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
