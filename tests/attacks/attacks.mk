# tests/attacks: evilroot, which takes root.elf's place, and attack guests.
EVIL_DIR := tests/attacks/evilroot
EVIL_ELF := $(B)/attacks/evilroot.elf
EVIL_SRCS := $(wildcard $(EVIL_DIR)/*.c) $(EVIL_DIR)/snippets.S hv/root/start.S hv/root/igb.c hv/root/e1000.c \
        hv/lib/rf_string.c hv/lib/rf_format.c
EVIL_HDRS := $(wildcard $(EVIL_DIR)/*.h $(EVIL_DIR)/*.S hv/include/rf/*.h hv/root/sys.h)
EVIL_OBJS := $(EVIL_SRCS:%=$(B)/attacks/%.o)

$(B)/attacks/%.o: % $(EVIL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(ROOT_CFLAGS) -I$(EVIL_DIR) -Ihv/root -c $< -o $@

$(EVIL_ELF): $(EVIL_OBJS) hv/root/root.ld
	$(CC) -static -nostdlib -no-pie -Wl,-z,separate-code,-z,noexecstack,--build-id=none,--gc-sections \
	        -Wl,-T,hv/root/root.ld $(EVIL_OBJS) -o $@

.PHONY: test-attacks
test-attacks: $(EVIL_ELF)
