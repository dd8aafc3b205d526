# SPDX-License-Identifier: MIT
"""Broken copies of ELF64 images, for tests of those who load them. Offsets: System V ABI, "Object Files"."""
import struct

E_TYPE, E_MACHINE, E_ENTRY, E_PHOFF, E_PHNUM = 16, 18, 24, 32, 56
P_FLAGS, P_OFFSET, P_VADDR, P_FILESZ, P_MEMSZ = 4, 8, 16, 32, 40
_PH_BYTES = 56
PT_LOAD, PF_X, PF_W, SHT_SYMTAB = 1, 1, 2, 2
_HEADER_FORMS = {E_TYPE: "<H", E_MACHINE: "<H", E_PHNUM: "<H"}  # the others are 64 bits wide
_SEGMENT_FORMS = {P_FLAGS: "<I"}


class Elf:
    """An image as bytes, with its loadable segments in order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        start, count = self._get(E_PHOFF, "<Q"), self._get(E_PHNUM, "<H")
        heads = [start + n * _PH_BYTES for n in range(count)]
        self.loads = [at for at in heads if self._get(at, "<I") == PT_LOAD]

    def _get(self, at: int, form: str) -> int:
        return int(struct.unpack_from(form, self.data, at)[0])

    def segment(self, flag: int) -> int:
        """The number of the first loadable segment with this PF_ flag."""
        return next(n for n, at in enumerate(self.loads) if self._get(at + P_FLAGS, "<I") & flag)

    def get(self, load: int, field: int) -> int:
        """A field of loadable segment `load`."""
        return self._get(self.loads[load] + field, _SEGMENT_FORMS.get(field, "<Q"))

    def with_header(self, field: int, value: int) -> bytes:
        return self._with(field, _HEADER_FORMS.get(field, "<Q"), value)

    def with_segment(self, load: int, field: int, value: int) -> bytes:
        return self._with(self.loads[load] + field, _SEGMENT_FORMS.get(field, "<Q"), value)

    def symbols(self) -> dict[str, int]:
        """Name and value of every symbol. Section headers: offset at 40, size at 58, number at 60."""
        start, size, count = self._get(40, "<Q"), self._get(58, "<H"), self._get(60, "<H")
        heads = [struct.unpack_from("<IIQQQQIIQQ", self.data, start + n * size) for n in range(count)]
        table = next(h for h in heads if h[1] == SHT_SYMTAB)
        names = heads[table[6]][4]  # the offset of the string section it links to
        found = {}
        for at in range(table[4], table[4] + table[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
            found[self.data[names + name : self.data.index(b"\0", names + name)].decode()] = value
        return found

    def _place(self, va: int, size: int) -> int:
        """Where in the file an address of a loadable segment is."""
        for load in range(len(self.loads)):
            at = va - self.get(load, P_VADDR)
            if 0 <= at and at + size <= self.get(load, P_FILESZ):
                return self.get(load, P_OFFSET) + at
        raise ValueError(f"{va:#x} is in no segment")

    def read(self, va: int, size: int) -> bytes:
        """Bytes at an address of a loadable segment."""
        start = self._place(va, size)
        return self.data[start : start + size]

    def with_entry_code(self, code: bytes) -> bytes:
        """Other instructions at the entry point."""
        start = self._place(self._get(E_ENTRY, "<Q"), len(code))
        return self.data[:start] + code + self.data[start + len(code) :]

    def _with(self, at: int, form: str, value: int) -> bytes:
        data = bytearray(self.data)
        struct.pack_into(form, data, at, value)
        return bytes(data)
