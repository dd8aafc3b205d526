# The guest side: SDK runtime, ring driver in two forms, network functions, and their bare-metal builds.
##   make guests           the network functions: commit form, plain form and bare-metal form
##   make guest-variants   the plain driver by gcc and clang at -O0, -O2 and -O3, in build/variants/
##   make test-guests      the small guests that system tests boot, in build/guests/
##   make unit-guestdrv    unit tests of SDK, ring driver and network functions on this machine
GUEST_CC ?= $(CC)
GUEST_OPT ?= -O2
GUEST_NAMES := echo firewall meter

GUEST_RUNTIME := calls.S start.c split.c console.c time.c memory.c
GUEST_SDK := $(GUEST_RUNTIME:%=guestdrv/sdk/%) hv/lib/rf_string.c hv/lib/rf_format.c
GUEST_RING := $(addprefix guestdrv/ring/,net.c rx.c tx.c)
GUEST_NET := $(addprefix guestdrv/net/,checksum.c parse.c stack.c neighbour.c build.c args.c options.c app.c app_start.c)
GUEST_BARE := $(addprefix guestdrv/bare/,start.S main.c serial.c trap.c tsc.c memory.c pci.c conf.c nic.c calls.c) \
        hv/root/igb.c hv/kernel/nic/igb_queue.c
GUEST_SHARED := $(GUEST_SDK) $(GUEST_RING) $(GUEST_NET)

# The linker would relax loads from the GOT to 32-bit absolute addresses, and we are linked above 4 GiB: --no-relax.
GUEST_LDFLAGS := -static -nostdlib -T guestdrv/guest.ld -Wl,-z,separate-code -Wl,-z,max-page-size=4096 \
        -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--gc-sections -Wl,--no-relax
GUEST_BASE := 0x400000000
BARE_BASE := 0xffffffff80000000

# Everything below is made in a folder of its own for each compiler and level:
# $(call guest_flavour,FOLDER,COMPILER,LEVEL)
define guest_flavour
$(1)/%.c.o: %.c
	@mkdir -p $$(@D)
	$(2) $$(GUEST_CFLAGS) $(3) -MMD -MP -c $$< -o $$@
$(1)/%.S.o: %.S
	@mkdir -p $$(@D)
	$(2) $$(GUEST_CFLAGS) -MMD -MP -c $$< -o $$@
-include $$(shell find $(1) -name '*.d' 2>/dev/null)
endef

guest_objects = $(addprefix $(1)/,$(addsuffix .o,$(2)))
guest_sources = $(or $(GUEST_SRC_$(1)),guestdrv/apps/$(1).c)

# $(call guest_link,FOLDER,COMPILER,SOURCES,BASE,OUTPUT)
define guest_link
$(5): $(call guest_objects,$(1),$(3)) guestdrv/guest.ld
	@mkdir -p $$(@D)
	$(2) $$(GUEST_LDFLAGS) -Wl,--defsym=guest_base=$(4) $$(filter %.o,$$^) -o $$@
endef

GUEST_SRC_firewall := $(addprefix guestdrv/apps/,firewall.c rules.c)
GUEST_SRC_meter := $(addprefix guestdrv/apps/,meter.c stream.c histogram.c)

$(eval $(call guest_flavour,$(B)/guest,$(GUEST_CC),$(GUEST_OPT)))
$(foreach n,$(GUEST_NAMES),$(foreach form,commit plain,$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),\
        guestdrv/sdk/start.S $(GUEST_SHARED) guestdrv/ring/$(form).c $(call guest_sources,$(n)),$(GUEST_BASE),\
        $(B)/$(n)$(if $(filter plain,$(form)),-plain).elf))))
$(foreach n,$(GUEST_NAMES),$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),\
        $(GUEST_BARE) $(GUEST_SHARED) guestdrv/ring/plain.c $(call guest_sources,$(n)),$(BARE_BASE),$(B)/bare-$(n).elf)))

GUEST_ELFS := $(foreach n,$(GUEST_NAMES),$(B)/$(n).elf $(B)/$(n)-plain.elf $(B)/bare-$(n).elf)

.PHONY: guests
guests: $(GUEST_ELFS)

# ---- the plain driver as several compilers make it -----------------------------------------------------
# build/variants/COMPILER-O0/NAME-plain.elf and so on: different stores, which the rewriter has to cope with.
GUEST_VARIANTS := $(foreach c,gcc clang,$(foreach o,O0 O2 O3,$(c)-$(o)))

define guest_variant
$(eval $(call guest_flavour,$(B)/variants/$(1),$(2),$(3)))
$(foreach n,$(GUEST_NAMES),$(eval $(call guest_link,$(B)/variants/$(1),$(2),guestdrv/sdk/start.S $(GUEST_SHARED) \
        guestdrv/ring/plain.c $(call guest_sources,$(n)),$(GUEST_BASE),$(B)/variants/$(1)/$(n)-plain.elf)))
endef
$(foreach v,$(GUEST_VARIANTS),$(call guest_variant,$(v),$(firstword $(subst -, ,$(v))),-$(lastword $(subst -, ,$(v)))))

GUEST_VARIANT_ELFS := $(foreach v,$(GUEST_VARIANTS),$(GUEST_NAMES:%=$(B)/variants/$(v)/%-plain.elf))

.PHONY: guest-variants
guest-variants: $(GUEST_VARIANT_ELFS)

include guestdrv/unit.mk
include tests/guests/guests.mk
