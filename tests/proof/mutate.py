# SPDX-License-Identifier: MIT
"""The proof (prove.py), and whether it needs every instruction: guards with one fault each must fail it.

  mutate.py FACTS            each instruction removed, each jump turned round or made to be taken always
  mutate.py FACTS all        also: constants, displacements and jump distances one off, every other register, 32 bits
                             for 64 and the other way round, other operations

A fault that the proof does not notice must stand in NOT_NEEDED, with the reason, or this fails.
"""
from __future__ import annotations

import json
import sys
import time
from pathlib import Path as File
from typing import Any, Iterator

import capstone

import rules
from prove import STARTS, Prover, instructions, proved
from world import Failed
from x86 import Unknown, decode

NOP, JMP_SHORT, JMP_NEAR = 0x90, b"\xeb", b"\x90\xe9"
Mutant = tuple[str, int, bytes]  # what, offset, bytes that stand there instead

# (instruction, what was done to it): why it is all the same
_WIDE = "64 bits for 32: the upper halves are 0 there, or the next 32-bit instruction clears them"
_DEAD = "XOR and SUB set ZF as CMP does, and EAX is not looked at again"
NOT_NEEDED: dict[tuple[str, str], str] = {
    **{(text, "REX.W"): _WIDE for text in (
        "cmp r10d, r9d", "mov eax, r10d", "sub ecx, r9d", "add edi, r10d", "sub edi, r9d", "xor r10d, r10d",
        "mov edi, r9d", "mov eax, r9d", "mov esi, r9d", "xor r9d, r9d")},
    **{(text, f"ModRM reg ^{other}"): _DEAD for text in ("cmp eax, -0x40", "cmp eax, -8") for other in (1, 2)},
}

# Of a receive descriptor the word must be 0, so the length is 0: either of the two alone sees to that.
SPARE = {(f"{model} receive", key) for model in ("82576", "82540EM") for key in ("factor", "length_span")}

_DECODER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
_DECODER.detail = True
# opcodes that swap meaning in one byte, for those that the guard has
_SWAPS = {0x03: 0x2b, 0x2b: 0x03, 0x01: 0x29, 0x29: 0x01, 0x21: 0x09, 0x23: 0x0b, 0x0b: 0x23, 0x09: 0x21, 0x31: 0x29,
          0x39: 0x85, 0x3b: 0x85, 0x85: 0x39, 0x87: 0x89, 0x89: 0x8b, 0x8b: 0x89}


def _jumps(code: bytes) -> Iterator[tuple[str, bytes]]:
    if code[0] & 0xf0 == 0x70:
        yield "turned round", bytes([code[0] ^ 1]) + code[1:]
        yield "always taken", JMP_SHORT + code[1:]
    elif code[0] == 0x0f and code[1] & 0xf0 == 0x80:
        yield "turned round", code[:1] + bytes([code[1] ^ 1]) + code[2:]
        yield "always taken", JMP_NEAR + code[2:]


def _changed(code: bytes, at: int, value: int) -> bytes:
    return code[:at] + bytes([value & 0xff]) + code[at + 1:]


def _off_by_one(code: bytes, insn: Any) -> Iterator[tuple[str, bytes]]:
    for what, at, size in (("constant", insn.imm_offset, insn.imm_size),
                           ("displacement", insn.disp_offset, insn.disp_size)):
        if not at:
            continue
        number = int.from_bytes(code[at:at + size], "little")
        for delta in (1, -1):
            changed = ((number + delta) % (1 << 8 * size)).to_bytes(size, "little")
            yield f"{what} {delta:+}", code[:at] + changed + code[at + size:]


def _registers(code: bytes, insn: Any) -> Iterator[tuple[str, bytes]]:
    at = insn.modrm_offset
    if at:
        for other in range(1, 8):
            yield f"ModRM reg ^{other}", _changed(code, at, code[at] ^ other << 3)
            yield f"ModRM rm ^{other}", _changed(code, at, code[at] ^ other)
            if code[at] >> 6 != 3 and code[at] & 7 == 4:
                yield f"SIB base ^{other}", _changed(code, at + 1, code[at + 1] ^ other)
                yield f"SIB index ^{other}", _changed(code, at + 1, code[at + 1] ^ other << 3)
    if code[0] & 0xf0 == 0x40:
        for bit, name in enumerate("BXRW"):
            yield f"REX.{name}", _changed(code, 0, code[0] ^ 1 << bit)
    if not at and (code[0] & 0xf8) == 0xb8:
        yield from ((f"register ^{other}", _changed(code, 0, code[0] ^ other)) for other in range(1, 8))


def _operations(code: bytes) -> Iterator[tuple[str, bytes]]:
    at = 1 if code[0] & 0xf0 == 0x40 else 0
    zeroed = code[at] == 0x31 and code[at + 1] & 7 == code[at + 1] >> 3 & 7  # XOR, SUB: 0 both ways
    if code[at] in _SWAPS and not zeroed:
        yield "another operation", _changed(code, at, _SWAPS[code[at]])


def _same(code: bytes, new: bytes) -> bool:
    """Another encoding of the very same instruction: no fault."""
    try:
        old, other = decode(code), decode(new + bytes([NOP]) * 8)
    except Unknown:
        return False
    return (old.name, old.operands, old.size, other.prefixes) == (other.name, other.operands, other.size, b"")


def mutants(page: bytes, offsets: list[int], every: bool) -> Iterator[Mutant]:
    """All of them, instruction by instruction."""
    for offset in offsets:
        size = decode(page[offset:offset + 15]).size
        code = page[offset:offset + size]
        yield "removed", offset, bytes([NOP]) * size
        yield from ((what, offset, new) for what, new in _jumps(code))
        insn = next(_DECODER.disasm(code, 0, 1), None)
        if every and insn is not None:
            for kind in (_off_by_one(code, insn), _registers(code, insn), _operations(code)):
                yield from ((what, offset, new) for what, new in kind if not _same(code, new))


class Judge:
    """The proof, once over the guard as it is, then over what a mutant changes of it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.prover = Prover(facts, facts["RF_RING_ENTRIES"] - 1)
        self.page = self.prover.ctx.page
        self.failed, self.ways = proved(self.prover)

    def verdict(self, offset: int, code: bytes) -> str:
        """Why the proof fails, or nothing."""
        page = self.page[:offset] + code + self.page[offset + len(code):]
        if not rules.wrpkru_only_where_it_is_checked({**self.facts, "page": page.hex()}):
            return "WRPKRU is not where it should be"
        self.prover.ctx.page = page
        try:
            for start in STARTS:
                if offset in self.ways[start]:
                    self.prover.run(start)
        except (Failed, Unknown) as error:
            return f"{start}: {error}"
        return ""


def wrong_forms(facts: dict[str, Any], every: bool) -> Iterator[tuple[str, str, int]]:
    """Forms of descriptors with one constant wrong."""
    for name, form in facts["forms"].items():
        for key, value in form.items():
            bits = 64 if key in ("set", "factor", "fixed") else 32
            wrong = {(value + delta) % (1 << bits) for delta in ((1, -1) if every else (1,))}
            if every and bits == 64:
                wrong |= {value ^ 1 << bit for bit in range(16, 64)}
            yield from ((name, key, new) for new in sorted(wrong))


def form_is_noticed(facts: dict[str, Any], name: str, key: str, new: int) -> bool:
    """Does rules.py see it?"""
    bad = {**facts, "forms": {**facts["forms"], name: {**facts["forms"][name], key: new}}}
    checked = rules.Rules(bad, name)
    return not all(claim(checked) for claim in rules.FORM_CLAIMS)


def main() -> int:
    facts, every, began = json.loads(File(sys.argv[1]).read_text()), sys.argv[2:] == ["all"], time.monotonic()
    judge = Judge(facts)
    if judge.failed:
        print(f"{len(STARTS) - judge.failed} passed, {judge.failed} failed, 0 skipped")
        return 1
    offsets = [facts["RF_GUARD_HYPERCALL"], facts["RF_GUARD_HYPERCALL"] + 3, *instructions(facts)]
    killed = excused = lived = 0
    for what, offset, code in mutants(judge.page, offsets, every):
        text = decode(judge.page[offset:offset + 15]).text
        if verdict := judge.verdict(offset, code):
            killed += 1
            if every:
                print(f"{offset:#05x} {text}: {what}: {verdict}")
        elif (text, what) in NOT_NEEDED:
            excused += 1
        else:
            lived += 1
            print(f"NOT NOTICED  {offset:#05x} {text}: {what}", flush=True)
    for name, key, new in wrong_forms(facts, every):
        if form_is_noticed(facts, name, key, new):
            killed += 1
        elif (name, key) in SPARE:
            excused += 1
        else:
            lived += 1
            print(f"NOT NOTICED  {name}: {key} = {new:#x}")
    print(f"mutants: {killed + excused + lived}, {killed} noticed, {excused} known to change nothing, "
          f"{lived} not noticed; {time.monotonic() - began:.0f} s")
    print(f"{len(STARTS) + int(not lived)} passed, {int(lived > 0)} failed, 0 skipped")
    return 1 if lived or not killed else 0


if __name__ == "__main__":
    sys.exit(main())
