/* SPDX-License-Identifier: MIT
 * What an ELF64 file looks like. System V ABI, chapters 4 (ELF header, sections, symbols) and 5 (segments).
 */
#ifndef ELF_FORMAT_H
#define ELF_FORMAT_H

#include <stdint.h>

enum { ET_REL = 1, ET_EXEC = 2, ET_DYN = 3, EM_X86_64 = 62, ELF_MAX_HEADERS = 64 };
enum { PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3 };
enum { SHT_SYMTAB = 2, SHT_STRTAB = 3, SHT_NOBITS = 8 };
enum { STT_NOTYPE = 0, STT_FUNC = 2, STT_MASK = 15 };

struct elf64_header {
        uint8_t ident[16];
        uint16_t type, machine;
        uint32_t version;
        uint64_t entry, phoff, shoff;
        uint32_t flags;
        uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_segment {
        uint32_t type, flags;
        uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf64_section {
        uint32_t name, type;
        uint64_t flags, addr, offset, size;
        uint32_t link, info;
        uint64_t addralign, entsize;
};

struct elf64_symbol {
        uint32_t name;
        uint8_t info, other;
        uint16_t section;
        uint64_t value, size;
};

_Static_assert(sizeof(struct elf64_header) == 64, "ELF64");
_Static_assert(sizeof(struct elf64_segment) == 56, "ELF64");
_Static_assert(sizeof(struct elf64_section) == 64, "ELF64");
_Static_assert(sizeof(struct elf64_symbol) == 24, "ELF64");

#endif
