# SPDX-License-Identifier: MIT
"""P2: ring 0's register tables (compiled) against the datasheets, read for this test alone. The tables give the cases.

What root may write must be known here, with every bit that must not be its own at its value; what moves DMA or blocks
others must be in no row that can be written. For ALL values: ring 0 stores (value & ~clear) | set, so a bit is out of
root's hands just when it is in `clear` or `set`. Then each row with one bit of those wrong: all must be noticed.

82576: datasheet, chapter 8. 82540EM: the 8254x developer's manual, chapter 13.
"""
from __future__ import annotations

import copy
import json
import sys
from pathlib import Path as File
from typing import Any, Iterator

Field = tuple[str, int, int, int]  # name, high bit, low bit, the value it must have whatever root writes
CONTROL: list[Field] = [("RFCE", 27, 27, 0), ("TFCE", 28, 28, 0), ("VME", 30, 30, 0), ("SDP data", 19, 18, 0)]
RECEIVE: list[Field] = [("SBP", 2, 2, 0), ("LPE", 5, 5, 0), ("LBM", 7, 6, 0), ("BSIZE", 17, 16, 0),
                        ("VFE, CFI", 20, 18, 0), ("DPF, PMCF", 23, 22, 0), ("BSEX", 25, 25, 0), ("SECRC", 26, 26, 1)]
TRANSMIT: list[Field] = [("PSP", 3, 3, 1), ("SWXOFF", 22, 22, 0)]
RST, ENABLE = 26, 1

# (first, step, count): name, gate bit, fields
WRITABLE: dict[str, dict[tuple[int, int, int], tuple[str, int | None, list[Field]]]] = {
    "82576": {
        (0x0000, 4, 1): ("CTRL", RST, [*CONTROL, ("DEV_RST", 29, 29, 0), ("SDP direction", 23, 22, 0)]),
        (0x0020, 4, 1): ("MDIC", None, [("interrupt", 29, 29, 0)]),
        (0x0100, 4, 1): ("RCTL", ENABLE, RECEIVE),
        (0x0400, 4, 1): ("TCTL", ENABLE, TRANSMIT),
        (0x0c8c, 4, 1): ("VFRE", None, []), (0x0c90, 4, 1): ("VFTE", None, []), (0x3500, 4, 1): ("DTXSWC", None, []),
        (0x5200, 4, 128): ("MTA", None, []), (0x5400, 4, 32): ("RAL, RAH", None, []),
        (0x54e0, 4, 16): ("RAL, RAH, upper", None, []), (0x581c, 4, 1): ("VT_CTL", None, []),
        (0x5818, 4, 1): ("MRQC", None, [("all but VMDq", 31, 2, 0)]),
        (0x5ad0, 4, 8): ("VMOLR", None, [("RLPML", 13, 0, 0), ("LPE, RSSE", 17, 16, 0), ("STRCRC", 31, 31, 1)]),
        (0x5af0, 4, 1): ("RPLOLR", None, [("STRCRC", 31, 31, 1)]), (0xa000, 4, 128): ("UTA", None, []),
        (0xc00c, 0x40, 16): ("SRRCTL", None, [("BSIZEPACKET", 6, 0, 2), ("BSIZEHEADER", 13, 8, 0),
                                               ("DESCTYPE", 27, 25, 1), ("DROP_EN", 31, 31, 1)]),
    },
    "82540EM": {
        (0x0000, 4, 1): ("CTRL", RST, [*CONTROL, ("LRST", 3, 3, 0), ("ILOS", 7, 7, 0), ("SDP", 25, 18, 0),
                                       ("PHY_RST", 31, 31, 0)]),
        (0x0014, 4, 1): ("EERD", None, []),
        (0x0020, 4, 1): ("MDIC", None, [("interrupt", 29, 29, 0)]),
        (0x0100, 4, 1): ("RCTL", ENABLE, [*RECEIVE, ("RDMTS, DTYP", 11, 8, 0)]),
        (0x0400, 4, 1): ("TCTL", ENABLE, TRANSMIT), (0x0410, 4, 1): ("TIPG", None, []),
        (0x5200, 4, 128): ("MTA", None, []), (0x5400, 4, 32): ("RAL, RAH", None, []),
    },
}
# never written by root: base, length, head, tail, control, DCA, write-back address; interrupts; aliases; pause frames
NEVER: dict[str, list[range]] = {
    "82576": [*(range(0xc000 + 0x40 * q + off, 0xc000 + 0x40 * q + off + 4)
                for q in range(16) for off in (0, 4, 8, 0x10, 0x14, 0x18, 0x28)),
              range(0xe000, 0xe400), range(0x2800, 0x2c00), range(0x3800, 0x3c00), range(0x1500, 0x1800),
              range(0x28, 0x34),
              range(0x4, 0x8), range(0x40, 0x100), range(0x600, 0x800), range(0x5b00, 0x5c00), range(0x10000, 0x20000)],
    "82540EM": [range(0x2800, 0x2900), range(0x3800, 0x3900), range(0xc0, 0x100), range(0x108, 0x200),
                range(0x28, 0x34), range(0x4, 0x8), range(0x40, 0xc0), range(0x200, 0x400), range(0x420, 0x450),
                range(0x600, 0x800),
                range(0x5800, 0x5900), range(0x10000, 0x20000)],
}
# reading them changes them
SHY = {"82576": [0x00c0, 0x1580], "82540EM": [0x00c0]}


def _offsets(row: dict[str, Any]) -> range:
    return range(row["first"], row["first"] + row["step"] * row["count"], row["step"])


def _fields(row: dict[str, Any], fields: list[Field]) -> Iterator[str]:
    if row["set"] & row["gate"]:
        yield "the gate is forced"
    for name, high, low, value in fields:
        for bit in range(low, high + 1):
            stored = 1 if row["set"] >> bit & 1 else 0 if row["clear"] >> bit & 1 else None
            if stored != value >> (bit - low) & 1:
                yield f"bit {bit} ({name}) is {'root`s' if stored is None else stored}"


def faults(model: str, rows: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a table."""
    found, left = [], dict(WRITABLE[model])
    for row in rows:
        at, offsets = f"{model} {row['first']:#x}", set(_offsets(row))
        if row["readable"] and offsets & set(SHY[model]):
            found.append(f"{at}: reading it changes it")
        if row["class"] == "ring0":
            continue
        if any(offsets & set(never) for never in NEVER[model]):
            found.append(f"{at}: can be written")
        name, gate, fields = left.pop((row["first"], row["step"], row["count"]), ("", None, None))
        if fields is None:
            found.append(f"{at}: no such register here")
            continue
        gated = row["class"] in ("reset", "enable")
        if row["gate"] != (0 if gate is None else 1 << gate) or gated != (gate is not None):
            found.append(f"{at} {name}: wrong gate")
        if row["class"] == "free" and (fields or row["set"] or row["clear"]):
            found.append(f"{at} {name}: not to be free")
        found += [f"{at} {name}: {what}" for what in _fields(row, fields)]
    return found + [f"{model}: {name} is missing" for name, _, _ in left.values()]


def wrong_tables(model: str, rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """One fault each, wherever a datasheet has a say."""
    for number, row in enumerate(rows):
        name, gate, fields = WRITABLE[model].get((row["first"], row["step"], row["count"]), ("", None, []))
        changes: list[tuple[str, Any]] = [("class", "free" if row["class"] == "ring0" else "ring0")]
        for _, high, low, value in fields:
            for bit in range(low, high + 1):
                key = "set" if value >> (bit - low) & 1 else "clear"
                changes.append((key, row[key] & ~(1 << bit)))
        if gate is not None:
            changes.append(("gate", 0))
        for key, new in changes:
            bad = copy.deepcopy(rows)
            bad[number][key] = new
            yield f"{row['first']:#x} {name} {key}", bad


def main() -> int:
    tables, failed, noticed = json.loads(File(sys.argv[1]).read_text()), [], 0
    for model in WRITABLE:
        failed += faults(model, tables[model])
        for what, bad in wrong_tables(model, tables[model]):
            if faults(model, bad):
                noticed += 1
            else:
                failed.append(f"{model}: nobody notices a wrong {what}")
    for what in failed:
        print(f"FAILED  {what}")
    print(f"{sum(len(rows) for rows in tables.values())} rows; {noticed} wrong tables noticed")
    print(f"{int(not failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
