# The guest side: SDK runtime, ring driver in two forms, network functions, and their bare-metal builds.
##   make guests           the network functions: commit form, plain form and bare-metal form
##   make guest-variants   the plain driver by gcc and clang at -O0, -O2 and -O3, in build/variants/
GUEST_CC ?= $(CC)
GUEST_OPT ?= -O2
GUEST_NAMES := echo firewall meter

GUEST_RUNTIME := start.S start.c split.c console.c time.c memory.c
GUEST_SDK := $(GUEST_RUNTIME:%=guestdrv/sdk/%) hv/lib/rf_string.c hv/lib/rf_format.c
GUEST_RING := $(addprefix guestdrv/ring/,net.c rx.c tx.c)
GUEST_NET := $(addprefix guestdrv/net/,checksum.c parse.c stack.c neighbour.c build.c args.c options.c app.c app_start.c)
GUEST_SHARED := $(GUEST_SDK) $(GUEST_RING) $(GUEST_NET)

# The linker would relax loads from the GOT to 32-bit absolute addresses, and we are linked above 4 GiB: --no-relax.
GUEST_BASE := 0x400000000
GUEST_LDFLAGS := -static -nostdlib -T guestdrv/guest.ld -Wl,--defsym=guest_base=$(GUEST_BASE) \
        -Wl,-z,separate-code -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--gc-sections -Wl,--no-relax

# Everything below is made in a folder of its own for each compiler and level:
# $(call guest_flavour,FOLDER,COMPILER,LEVEL)
define guest_flavour
$(1)/%.c.o: %.c $$(GUEST_DEPS)
	@mkdir -p $$(@D)
	$(2) $$(GUEST_CFLAGS) $(3) -MMD -MP -c $$< -o $$@
$(1)/%.S.o: %.S
	@mkdir -p $$(@D)
	$(2) $$(GUEST_CFLAGS) -MMD -MP -c $$< -o $$@
-include $$(shell find $(1) -name '*.d' 2>/dev/null)
endef

guest_objects = $(addprefix $(1)/,$(addsuffix .o,$(2)))

# $(call guest_program,FOLDER,COMPILER,NAME,FORM,OUTPUT)
define guest_program
$(5): $$(call guest_objects,$(1),$$(GUEST_SHARED) guestdrv/ring/$(4).c $$(or $$(GUEST_SRC_$(3)),guestdrv/apps/$(3).c)) \
                guestdrv/guest.ld
	@mkdir -p $$(@D)
	$(2) $$(GUEST_LDFLAGS) $$(filter %.o,$$^) -o $$@
endef

GUEST_SRC_firewall := $(addprefix guestdrv/apps/,firewall.c rules.c)
GUEST_SRC_meter := $(addprefix guestdrv/apps/,meter.c stream.c histogram.c)

$(eval $(call guest_flavour,$(B)/guest,$(GUEST_CC),$(GUEST_OPT)))
$(foreach n,$(GUEST_NAMES),$(eval $(call guest_program,$(B)/guest,$(GUEST_CC),$(n),commit,$(B)/$(n).elf)) \
        $(eval $(call guest_program,$(B)/guest,$(GUEST_CC),$(n),plain,$(B)/$(n)-plain.elf)))

GUEST_ELFS := $(foreach n,$(GUEST_NAMES),$(B)/$(n).elf $(B)/$(n)-plain.elf)

.PHONY: guests
guests: $(GUEST_ELFS)
