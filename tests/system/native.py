# SPDX-License-Identifier: MIT
"""Runs functions of a guest image in this process, unchanged: its segments at their own addresses.

  native.py IMAGE    prints what hardops prints, from the same bytes, without a hypervisor or a rewriter
"""
import ctypes
import mmap
import sys
from pathlib import Path

from elf import P_FILESZ, P_FLAGS, P_MEMSZ, P_OFFSET, P_VADDR, PF_X, Elf

_FIXED_NOREPLACE = 0x100000
_PAGE = 4096


def _map(image: Elf) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    for load in range(len(image.loads)):
        va, size, offset = (image.get(load, field) for field in (P_VADDR, P_FILESZ, P_OFFSET))
        first, end = va & -_PAGE, (va + image.get(load, P_MEMSZ) + _PAGE - 1) & -_PAGE
        allowed = mmap.PROT_READ | mmap.PROT_WRITE
        if image.get(load, P_FLAGS) & PF_X:
            allowed |= mmap.PROT_EXEC
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _FIXED_NOREPLACE
        if libc.mmap(first, end - first, allowed, flags, -1, 0) != first:
            raise OSError(ctypes.get_errno(), f"cannot map {first:#x}")
        ctypes.memmove(va, image.data[offset : offset + size], size)


def main() -> int:
    image = Elf(Path(sys.argv[1]).read_bytes())
    symbols = image.symbols()
    _map(image)
    run = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)(symbols["hardops_run"])
    count = ctypes.c_uint64.from_address(symbols["hardops_count"]).value
    for number in range(count):
        entry = symbols["hardops_forms"] + number * 40
        name = ctypes.string_at(ctypes.c_uint64.from_address(entry + 8).value).decode()
        print(f"form {number} result {run(number):016x} {name}", flush=True)
    print(f"hardops: done, {count} forms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
