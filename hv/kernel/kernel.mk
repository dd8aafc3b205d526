# Ring 0: ringfence.elf, and a second build of it with the test controls (positive controls of the attacks).
KERNEL_DIRS := hv/kernel hv/kernel/svm hv/kernel/vmx hv/kernel/guard hv/kernel/nic
KERNEL_SRCS := $(foreach d,$(KERNEL_DIRS),$(wildcard $(d)/*.c $(d)/*.S)) hv/lib/rf_string.c hv/lib/rf_format.c \
        hv/lib/rf_font.c
KERNEL_HDRS := $(foreach d,$(KERNEL_DIRS),$(wildcard $(d)/*.h)) $(wildcard hv/include/rf/*.h hv/lib/*.h)
KERNEL_INC := $(foreach d,$(KERNEL_DIRS),-I$(d))
KERNEL_TEST_ELF := $(B)/test/ringfence.elf

define KERNEL_BUILD # name of the object folder, extra flags, result
$(B)/$(1)/%.c.o: %.c $(KERNEL_HDRS)
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	$$(CC) $$(KERNEL_CFLAGS) $(KERNEL_INC) $(2) -c $$< -o $$@
$(B)/$(1)/%.S.o: %.S $(KERNEL_HDRS)
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	$$(CC) $$(KERNEL_CFLAGS) $(KERNEL_INC) $(2) -Wa,--noexecstack -c $$< -o $$@
$(3): $$(KERNEL_SRCS:%=$(B)/$(1)/%.o) hv/kernel/kernel.ld
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	$$(CC) -nostdlib -static -no-pie -Wl,-T,hv/kernel/kernel.ld -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 \
		-Wl,--build-id=none -Wl,--gc-sections -o $$@ $$(KERNEL_SRCS:%=$(B)/$(1)/%.o)
endef
$(eval $(call KERNEL_BUILD,kernel,,$(B)/ringfence.elf))
$(eval $(call KERNEL_BUILD,kernel-test,-DRF_TEST_CONTROLS=1,$(KERNEL_TEST_ELF)))

##   make kernel     ring 0 alone: build/ringfence.elf, and build/test/ringfence.elf with the test controls
.PHONY: kernel
kernel: $(B)/ringfence.elf $(KERNEL_TEST_ELF)

# ---- unit tests on the host: ring 0's own files, with its physmap where a process can have one ------------------
KERNEL_UNIT := $(B)/unit/kernel_frame_test $(B)/unit/kernel_paging_test
$(KERNEL_UNIT): $(B)/unit/%: tests/unit/%.c tests/unit/kernel_bed.c hv/kernel/frame.c hv/kernel/paging.c \
                tests/unit/kernel_bed.h $(KERNEL_HDRS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(KERNEL_INC) -Itests/unit -DPHYSMAP_BASE=0x200000000000ull -fsanitize=undefined \
		-fno-sanitize-recover=all $(filter %.c,$^) -lcmocka -o $@

##   make unit-kernel  unit tests of ring 0's frames and tables on this machine
.PHONY: unit-kernel
unit-kernel: $(KERNEL_UNIT)
	@set -e; for t in $^; do $$t; done
