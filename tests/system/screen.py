# SPDX-License-Identifier: MIT
"""Reads the text on a screendump: Ringfence draws its own font on an 8 by 16 grid, so this is exact."""
import re
from pathlib import Path

FONT = Path("hv/lib/rf_font.c")
_WIDTH, _HEIGHT = 8, 16


def _glyphs() -> dict[bytes, str]:
    rows = re.findall(r"^\s*\{((?:0x[0-9a-f]{2}(?:, )?){16})\}", FONT.read_text(), re.MULTILINE)
    return {bytes(int(b, 16) for b in row.split(", ")): chr(32 + n) for n, row in enumerate(rows)}


def _pixels(path: Path) -> tuple[int, int, bytes]:
    """Width, height and RGB bytes of a binary PPM."""
    data = path.read_bytes()
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if head is None:
        raise ValueError(f"{path} is not a binary PPM")
    return int(head[1]), int(head[2]), data[head.end() :]


def _bits(row: bytes) -> list[bool]:
    return [max(row[at : at + 3]) > 127 for at in range(0, len(row), 3)]


def read_text(path: Path) -> list[str]:
    """One string a text row; cells that are no glyph of ours read as '\\ufffd'."""
    width, height, data = _pixels(path)
    glyphs = _glyphs()
    lines = []
    for top in range(0, height - height % _HEIGHT, _HEIGHT):
        rows = [_bits(data[(top + y) * width * 3 : (top + y + 1) * width * 3]) for y in range(_HEIGHT)]
        line = ""
        for left in range(0, width - width % _WIDTH, _WIDTH):
            cell = bytes(sum(row[left + x] << (7 - x) for x in range(_WIDTH)) for row in rows)
            line += glyphs.get(cell, "\ufffd")
        lines.append(line.rstrip())
    return lines
