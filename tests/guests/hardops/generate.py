# SPDX-License-Identifier: MIT
"""Writes the assembly of the guest `hardops`: every form of the engine's unit test as code with certain
boundaries, once inside a page and once with WRPKRU's bytes across a page end or at a page's start.

  generate.py tests/unit/dbos_hard.c > forms.S
"""
import re
import sys
from pathlib import Path

HARD = bytes.fromhex("0f01ef")
_FORM = re.compile(r'\{"([^"]+)",\s*(\d+),\s*\{([^}]*)\},\s*([^,]+),\s*([^,]+),\s*([^,}]+)\}')
_LEAST = 40  # fewer means that the table was not found
# What the table's symbols are here: the middle of the data page, and the displacement with the bytes.
_SYMBOLS = {"D": "hardops_data + 0x800", "BIG": "0x00ef010f"}
PAGE = 4096


def register(text: str) -> str:
    return re.sub(r"\b(D|BIG)\b", lambda m: f"({_SYMBOLS[m[1]]})", text.strip())


def main() -> int:
    table = _FORM.findall(Path(sys.argv[1]).read_text().split("forms[] = {", 1)[1])
    if len(table) < _LEAST:
        print(f"only {len(table)} forms found in {sys.argv[1]}", file=sys.stderr)
        return 1
    out, names = [".section .text.hardops, \"ax\", @progbits"], []
    for number, (name, count, text, *registers) in enumerate(table):
        code = bytes(int(b, 0) for b in text.split(","))
        if len(code) != int(count) or HARD not in code:
            print(f"{name}: {count} bytes announced, {len(code)} found", file=sys.stderr)
            return 1
        across = ((PAGE - 1, PAGE - 2, 0)[number % 3] - code.index(HARD)) % PAGE
        for where in (None, across):
            label = f"form_{len(names)}"
            out += [f".type {label}, @function", f".balign {PAGE if where is not None else 16}"]
            if where is not None:
                out += [f".skip {where}, 0xcc"]
            out += [f"{label}:", ".byte " + ", ".join(f"{b:#04x}" for b in code), "jmp hardops_out"]
            out += [f".size {label}, . - {label}"]
            names.append((label, name + ("" if where is None else ", at a page end"), registers))
    out += [".section .rodata", ".balign 8", ".globl hardops_forms", "hardops_forms:"]
    for number, (label, _, registers) in enumerate(names):
        out += [f".quad {label}, name_{number}, " + ", ".join(register(r) for r in registers)]
    out += [".globl hardops_count", f"hardops_count: .quad {len(names)}"]
    out += [f'name_{number}: .asciz "{name}"' for number, (_, name, _) in enumerate(names)]
    out += ['.section .note.GNU-stack, "", @progbits']
    print("\n".join(out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
