# Ringfence: see README.md. `make help` lists the commands.
# Each folder brings its own rules in FOLDER/FOLDER.mk; this file has what they share.
SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Commands are not echoed unless V=1; each rule says in one word what it makes.
ifndef V
MAKEFLAGS += --silent
endif
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B := build
PLATFORM ?= qemu

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
        -Wimplicit-fallthrough -Wno-unused-parameter -Werror
INC := -Ihv/include -Ihv/lib -Idbos/include -Iguestdrv/include
# Freestanding x86-64 code of ours: no libc, no stack protector, no CET, frame pointers for backtraces.
FREESTANDING := -std=gnu11 -O2 -g $(WARN) $(INC) -ffreestanding -fno-stack-protector -fno-omit-frame-pointer \
        -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing -ffunction-sections -m64 \
        -ffile-prefix-map=$(CURDIR)=.
KERNEL_CFLAGS := $(FREESTANDING) -mcmodel=kernel -fno-pic -mno-red-zone -mgeneral-regs-only
ROOT_CFLAGS := $(FREESTANDING) -fno-pic -mgeneral-regs-only
GUEST_CFLAGS := $(FREESTANDING) -fpie
HOST_CFLAGS := -std=gnu11 -O2 -g $(WARN) $(INC)

.PHONY: all
all: image

include hv/hv.mk
include dbos/dbos.mk
include guestdrv/guestdrv.mk
include boot/boot.mk
include tests/tests.mk

.PHONY: clean help
clean:
	rm -rf $(B)

help:
	@sed -n 's/^##   make/  make/p' tests/tests.mk boot/boot.mk hv/hv.mk hv/*/*.mk dbos/dbos.mk guestdrv/guestdrv.mk
