# SPDX-License-Identifier: MIT
"""The instructions of the guard as formulas over bit-vectors (Z3). Bytes are decoded by Capstone.

An instruction that is not here is not understood: Unknown, and the proof fails where it could be met. compare.py holds
every one of these against Unicorn. Flags: only CF and ZF, which is what the guard's branches look at; an
instruction that leaves one undefined makes it None, and a branch on None is Unknown.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Callable, Optional

import capstone
import capstone.x86_const as c86
import z3

WRPKRU = bytes.fromhex("0f01ef")
VMMCALL = bytes.fromhex("0f01d9")
_DECODER = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
_DECODER.detail = True

_WIDE = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
_HALF = "eax ecx edx ebx esp ebp esi edi".split() + [f"r{n}d" for n in range(8, 16)]
_WORD = "ax cx dx bx sp bp si di".split() + [f"r{n}w" for n in range(8, 16)]
_BYTE = "al cl dl bl spl bpl sil dil".split() + [f"r{n}b" for n in range(8, 16)]
REGISTERS = {name: (n, bits) for names, bits in ((_WIDE, 64), (_HALF, 32), (_WORD, 16), (_BYTE, 8))
             for n, name in enumerate(names)}
RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11 = range(12)


class Unknown(Exception):
    """Bytes that this translator does not understand."""


@dataclass
class Decoded:
    """One instruction, as far as we care."""
    name: str
    size: int
    operands: list[Any] = field(default_factory=list)
    text: str = ""
    prefixes: bytes = b""


@lru_cache(maxsize=None)
def decode(code: bytes) -> Decoded:
    """The instruction at the head of `code` (up to 15 bytes)."""
    if code[:3] == WRPKRU:
        return Decoded("wrpkru", 3, text="wrpkru")
    if code[:3] == VMMCALL:
        return Decoded("vmmcall", 3, text="vmmcall")
    for insn in _DECODER.disasm(code, 0, 1):
        prefixes = bytes(p for p in insn.prefix if p)
        return Decoded(insn.mnemonic, insn.size, [_operand(insn, o) for o in insn.operands],
                       f"{insn.mnemonic} {insn.op_str}", prefixes)
    raise Unknown(f"undecodable: {code[:4].hex()}")


def _operand(insn: Any, o: Any) -> tuple:
    if o.type == c86.X86_OP_REG:
        return ("reg", *_register(insn.reg_name(o.reg)))
    if o.type == c86.X86_OP_IMM:
        return ("imm", o.imm, 8 * o.size)
    if o.type != c86.X86_OP_MEM or o.mem.segment:
        raise Unknown(f"operand of {insn.mnemonic} {insn.op_str}")
    base, index = (insn.reg_name(r) if r else None for r in (o.mem.base, o.mem.index))
    return ("mem", base, index, o.mem.scale, o.mem.disp, 8 * o.size)


def _register(name: str) -> tuple[int, int]:
    if name not in REGISTERS:
        raise Unknown(f"register {name}")
    return REGISTERS[name]


class Machine:
    """Registers and flags; memory is somebody else's (load, store)."""

    def __init__(self, registers: list[z3.BitVecRef], cf: Optional[z3.BoolRef], zf: Optional[z3.BoolRef]) -> None:
        self.reg, self.cf, self.zf = list(registers), cf, zf
        self.load: Callable[[z3.BitVecRef, int], z3.BitVecRef]
        self.store: Callable[[z3.BitVecRef, int, z3.BitVecRef], None]
        self.push: Callable[[int], None]

    def multiply(self, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left * right

    # ---- operands
    def address(self, mem: tuple, after: int) -> z3.BitVecRef:
        _, base, index, scale, disp, _bits = mem
        total = z3.BitVecVal(disp, 64)
        if base == "rip":
            total = total + after
        elif base:
            total = total + self._wide(base)
        if index:
            total = total + self._wide(index) * scale
        return total

    def _wide(self, name: str) -> z3.BitVecRef:
        number, bits = _register(name)
        if bits != 64:
            raise Unknown(f"address of {bits} bits")
        return self.reg[number]

    def read(self, o: tuple, after: int) -> z3.BitVecRef:
        if o[0] == "reg":
            return z3.simplify(z3.Extract(o[2] - 1, 0, self.reg[o[1]]))
        if o[0] == "imm":
            return z3.BitVecVal(o[1], o[2])
        return self.load(self.address(o, after), o[5] // 8)

    def write(self, o: tuple, value: z3.BitVecRef, after: int) -> None:
        if o[0] == "mem":
            self.store(self.address(o, after), o[5] // 8, value)
            return
        number, bits = o[1:]
        if bits == 32:
            value = z3.ZeroExt(32, value)
        elif bits < 32:
            value = z3.Concat(z3.Extract(63, bits, self.reg[number]), value)
        self.reg[number] = z3.simplify(value)

    # ---- instructions
    def execute(self, i: Decoded, at: int) -> None:
        """All but those that change RIP, and WRPKRU: the caller's."""
        action = _ACTIONS.get(i.name)
        if action is None or i.prefixes:
            raise Unknown(i.text)
        action(self, i.operands, at + i.size)

    def condition(self, name: str) -> z3.BoolRef:
        """Of a conditional jump."""
        if name not in _CONDITIONS:
            raise Unknown(name)
        flags = {"cf": self.cf, "zf": self.zf}
        if any(flags[f] is None for f in _CONDITIONS[name][0]):
            raise Unknown(f"{name} on an undefined flag")
        return _CONDITIONS[name][1](self)


_CONDITIONS: dict[str, tuple[tuple[str, ...], Callable[[Machine], z3.BoolRef]]] = {
    "je": (("zf",), lambda m: m.zf),
    "jne": (("zf",), lambda m: z3.Not(m.zf)),
    "jb": (("cf",), lambda m: m.cf),
    "jae": (("cf",), lambda m: z3.Not(m.cf)),
    "ja": (("cf", "zf"), lambda m: z3.Not(z3.Or(m.cf, m.zf))),
    "jbe": (("cf", "zf"), lambda m: z3.Or(m.cf, m.zf)),
}


def _same_width(m: Machine, ops: list[tuple], after: int) -> tuple[z3.BitVecRef, z3.BitVecRef]:
    """Both sources; an immediate is sign-extended to the width of the destination."""
    left = m.read(ops[0], after)
    if ops[1][0] == "imm":
        return left, z3.BitVecVal(ops[1][1], left.size())
    return left, m.read(ops[1], after)


def _arithmetic(result: Callable, carry: Callable, keep: bool) -> Callable:
    def act(m: Machine, ops: list[tuple], after: int) -> None:
        left, right = _same_width(m, ops, after)
        value = z3.simplify(result(left, right))
        m.cf, m.zf = carry(left, right, value), value == 0
        if keep:
            m.write(ops[0], value, after)
    return act


def _step(delta: int) -> Callable:
    def act(m: Machine, ops: list[tuple], after: int) -> None:
        value = z3.simplify(m.read(ops[0], after) + delta)
        m.zf = value == 0
        m.write(ops[0], value, after)
    return act


def _mov(m: Machine, ops: list[tuple], after: int) -> None:
    bits = ops[0][-1]
    value = z3.BitVecVal(ops[1][1], bits) if ops[1][0] == "imm" else m.read(ops[1], after)
    m.write(ops[0], value, after)


def _movzx(m: Machine, ops: list[tuple], after: int) -> None:
    value = m.read(ops[1], after)
    m.write(ops[0], z3.ZeroExt(ops[0][2] - value.size(), value), after)


def _lea(m: Machine, ops: list[tuple], after: int) -> None:
    m.write(ops[0], z3.Extract(ops[0][2] - 1, 0, m.address(ops[1], after)), after)


def _shl(m: Machine, ops: list[tuple], after: int) -> None:
    value, count = m.read(ops[0], after), ops[1][1]
    bits = value.size()
    if ops[1][0] != "imm" or not 0 < count < bits:
        raise Unknown("shl by something else than 1 to its width")
    m.cf = z3.Extract(bits - count, bits - count, value) == 1
    value = z3.simplify(value << count)
    m.zf = value == 0
    m.write(ops[0], value, after)


def _imul(m: Machine, ops: list[tuple], after: int) -> None:
    if len(ops) != 2:
        raise Unknown("imul")
    value = m.multiply(m.read(ops[0], after), m.read(ops[1], after))
    m.cf = m.zf = None
    m.write(ops[0], value, after)


def _xchg(m: Machine, ops: list[tuple], after: int) -> None:
    first, second = m.read(ops[0], after), m.read(ops[1], after)
    m.write(ops[0], second, after)
    m.write(ops[1], first, after)


def _nothing(_m: Machine, _ops: list[tuple], _after: int) -> None:
    pass


def _clear(_l: z3.BitVecRef, _r: z3.BitVecRef, _v: z3.BitVecRef) -> z3.BoolRef:
    return z3.BoolVal(False)


def _borrow(left: z3.BitVecRef, right: z3.BitVecRef, _v: z3.BitVecRef) -> z3.BoolRef:
    return z3.ULT(left, right)


_ACTIONS: dict[str, Callable[[Machine, list[tuple], int], None]] = {
    "mov": _mov, "movabs": _mov, "movzx": _movzx, "lea": _lea, "shl": _shl, "imul": _imul, "xchg": _xchg,
    "nop": _nothing, "inc": _step(1), "dec": _step(-1),
    "add": _arithmetic(lambda a, b: a + b, lambda a, b, v: z3.ULT(v, a), True),
    "sub": _arithmetic(lambda a, b: a - b, _borrow, True),
    "cmp": _arithmetic(lambda a, b: a - b, _borrow, False),
    "and": _arithmetic(lambda a, b: a & b, _clear, True),
    "or": _arithmetic(lambda a, b: a | b, _clear, True),
    "xor": _arithmetic(lambda a, b: a ^ b, _clear, True),
    "test": _arithmetic(lambda a, b: a & b, _clear, False),
}
