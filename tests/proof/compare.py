# SPDX-License-Identifier: MIT
"""Is what x86.py says of each instruction what a CPU does? Each instruction of the guard, and each that a mutant puts
there and x86.py claims to understand, on random states: Unicorn against the formulas with numbers in them.

Compared: all sixteen registers, CF and ZF where they are defined, the next RIP, and every byte of memory that changed.
"""
from __future__ import annotations

import json
import random
import sys
from pathlib import Path as File
from typing import Any

import unicorn
import unicorn.x86_const as ux
import z3

from mutate import mutants
from prove import instructions
from x86 import REGISTERS, Decoded, Machine, Unknown, decode

CODE, DATA, DATA_BYTES = 0x8000010000, 0x700000000000, 0x10000
STATES, EDGES = 6, (0, 1, 31, 32, 255, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 63, (1 << 64) - 1)
REGISTER_IDS = [getattr(ux, f"UC_X86_REG_{name.upper()}") for name, (_, bits) in REGISTERS.items() if bits == 64]
CF, ZF = 1, 1 << 6
ELSEWHERE = ("ret", "ud2", "call", "wrpkru", "vmmcall")  # prove.py has these; they are run in enter.c


class Numbers(Machine):
    """The machine of the proof, with memory that is bytes."""

    def __init__(self, registers: list[int], flags: int, memory: bytes) -> None:
        super().__init__([z3.BitVecVal(r, 64) for r in registers], z3.BoolVal(bool(flags & CF)),
                         z3.BoolVal(bool(flags & ZF)))
        self.memory = bytearray(memory)
        self.load, self.store = self._load, self._store  # type: ignore[method-assign]

    def _at(self, address: z3.BitVecRef) -> int:
        return z3.simplify(address).as_long() - DATA

    def _load(self, address: z3.BitVecRef, size: int) -> z3.BitVecRef:
        at = self._at(address)
        return z3.BitVecVal(int.from_bytes(self.memory[at:at + size], "little"), 8 * size)

    def _store(self, address: z3.BitVecRef, size: int, value: z3.BitVecRef) -> None:
        at = self._at(address)
        self.memory[at:at + size] = z3.simplify(value).as_long().to_bytes(size, "little")


class Emulator:
    """One instruction at a time."""

    def __init__(self) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self.uc.mem_map(CODE - 0x1000, 0x3000)  # jumps lead to both sides
        self.uc.mem_map(DATA, DATA_BYTES)

    def run(self, code: bytes, registers: list[int], flags: int, memory: bytes) -> tuple[list[int], int, bytes, int]:
        self.uc.mem_write(CODE, code + bytes(16))
        self.uc.ctl_remove_cache(CODE, CODE + 0x1000)
        self.uc.mem_write(DATA, memory)
        for number, value in zip(REGISTER_IDS, registers):
            self.uc.reg_write(number, value)
        self.uc.reg_write(ux.UC_X86_REG_EFLAGS, flags | 2)
        self.uc.emu_start(CODE, 0, count=1)
        return ([self.uc.reg_read(number) for number in REGISTER_IDS], self.uc.reg_read(ux.UC_X86_REG_EFLAGS),
                bytes(self.uc.mem_read(DATA, DATA_BYTES)), self.uc.reg_read(ux.UC_X86_REG_RIP) - CODE)


def _states(i: Decoded, chance: random.Random) -> tuple[list[int], int]:
    """Registers at random and at edges; those that make an address, so that it lies in DATA."""
    registers = [chance.choice(EDGES) if chance.random() < 0.4 else chance.getrandbits(64) for _ in range(16)]
    if chance.random() < 0.3:
        registers[chance.randrange(16)] = registers[chance.randrange(16)]  # equal ones: ZF
    for o in i.operands:
        if o[0] == "mem" and i.name != "lea":
            base, index = (REGISTERS[name][0] if name else None for name in o[1:3])
            if index is not None and index != base:
                registers[index] = chance.randrange(0x1000)
            if base is not None:
                both = 2 if index == base else 1
                registers[base] = (DATA + 0x8000 + chance.randrange(0x1000)) // both
    return registers, chance.getrandbits(32) & (CF | ZF)


def _expected(i: Decoded, machine: Numbers) -> int:
    if i.name[0] != "j":
        machine.execute(i, 0)
        return i.size
    if i.operands[0][0] != "imm":
        raise Unknown(i.text)
    taken = i.name == "jmp" or z3.is_true(z3.simplify(machine.condition(i.name)))
    return i.operands[0][1] if taken else i.size


def differs(emulator: Emulator, code: bytes, chance: random.Random) -> str:
    """What one random state shows, or nothing."""
    i = decode(code)
    registers, flags = _states(i, chance)
    memory = chance.randbytes(DATA_BYTES)
    machine = Numbers(registers, flags, memory)
    rip = _expected(i, machine)
    regs, eflags, after, real_rip = emulator.run(code, registers, flags, memory)
    if (rip - real_rip) % (1 << 64):
        return f"goes to {real_rip:#x}, not {rip:#x}"
    for number, value in enumerate(regs):
        if z3.simplify(machine.reg[number]).as_long() != value:
            return f"register {number} is {value:#x}, not {machine.reg[number]}"
    for bit, flag in ((CF, machine.cf), (ZF, machine.zf)):
        if flag is not None and z3.is_true(z3.simplify(flag)) != bool(eflags & bit):
            return f"flag {bit:#x}"
    return "" if after == machine.memory else "memory"


def main() -> int:
    facts: dict[str, Any] = json.loads(File(sys.argv[1]).read_text())
    states = int(sys.argv[2]) if len(sys.argv) > 2 else STATES
    page, offsets, chance = bytes.fromhex(facts["page"]), instructions(facts), random.Random(1)
    codes = {page[at:at + decode(page[at:at + 15]).size] for at in offsets}
    codes |= {code for what, _, code in mutants(page, offsets, True) if what != "removed"}
    emulator, compared, bad, unknown = Emulator(), 0, 0, 0
    for code in sorted(codes):
        try:
            if decode(code + bytes(8)).size != len(code) or decode(code).name in ELSEWHERE:
                continue
            found = next(filter(None, (differs(emulator, code, chance) for _ in range(states))), "")
        except Unknown:
            unknown += 1
            continue
        compared += 1
        if found:
            bad += 1
            print(f"FAILED  {code.hex()} {decode(code).text}: {found}")
    print(f"{compared} different instructions agree with Unicorn on {states} states each; {unknown} not understood")
    print(f"{int(not bad)} passed, {int(bad > 0)} failed, 0 skipped")
    return 1 if bad or compared < len(offsets) // 2 else 0


if __name__ == "__main__":
    sys.exit(main())
