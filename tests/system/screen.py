# SPDX-License-Identifier: MIT
"""Reads the text on a screendump: Ringfence draws its own font on an 8 by 16 grid, so this is exact.

The firmware's font (8 by 19) we do not know; shows() finds a known line in any font of fixed width.
"""
import re
from pathlib import Path

FONT = Path("hv/lib/rf_font.c")
FIRMWARE_HEIGHT = 19
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


def _cells(path: Path, cell_height: int, at: tuple[int, int] = (0, 0)) -> list[list[bytes]]:
    """The screen's cells from pixel `at` on, row by row, one byte a pixel line."""
    width, height, data = _pixels(path)
    grid = []
    for top in range(at[1], height - cell_height + 1, cell_height):
        rows = [_bits(data[(top + y) * width * 3 : (top + y + 1) * width * 3]) for y in range(cell_height)]
        lefts = range(at[0], width - _WIDTH + 1, _WIDTH)
        grid.append([bytes(sum(row[left + x] << (7 - x) for x in range(_WIDTH)) for row in rows) for left in lefts])
    return grid


def read_text(path: Path) -> list[str]:
    """One string a text row; cells that are no glyph of ours read as '\\ufffd'."""
    glyphs = _glyphs()
    return ["".join(glyphs.get(cell, "\ufffd") for cell in row).rstrip() for row in _cells(path, _HEIGHT)]


def shows(path: Path, text: str, cell_height: int = FIRMWARE_HEIGHT, at: tuple[int, int] = (0, 0)) -> bool:
    """Does some row start with `text`, whatever its letters look like? Same letters must have same cells,
    different ones different cells: for a line of some length nothing else fits."""
    shape = [text.index(letter) for letter in text]
    rows = (row[: len(text)] for row in _cells(path, cell_height, at))
    return any([row.index(cell) for cell in row] == shape for row in rows)
