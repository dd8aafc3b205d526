# boot/: the UEFI loader, the image, and what the project needs to be installed.

# gnu-efi gives the headers, the start-up code and the layout of a UEFI program; nothing of its
# library is used but the relocation of the start-up code.
EFI_INCLUDE := /usr/include/efi
EFI_LIB := /usr/lib
LOADER_CFLAGS := $(FREESTANDING) -fpic -fshort-wchar -mno-red-zone -mgeneral-regs-only \
        -DGNU_EFI_USE_MS_ABI -isystem $(EFI_INCLUDE) -isystem $(EFI_INCLUDE)/x86_64
LOADER_OBJS := $(patsubst boot/loader/%.c,$(B)/boot/%.o,$(wildcard boot/loader/*.c)) \
        $(B)/boot/lib/rf_string.o $(B)/boot/lib/rf_format.o
LOADER := $(B)/BOOTX64.EFI

.PHONY: deps-build
deps-build:
	@boot/deps.sh build

$(B)/boot/%.o: boot/loader/%.c | deps-build
	@mkdir -p $(@D)
	$(CC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@

$(B)/boot/lib/%.o: hv/lib/%.c | deps-build
	@mkdir -p $(@D)
	$(CC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@

-include $(LOADER_OBJS:.o=.d)

# The start-up code calls efi_main; since gnu-efi 3.0.18 it calls _entry, with the same arguments.
$(B)/boot/loader.so: $(LOADER_OBJS)
	ld -nostdlib -shared -Bsymbolic -z nocombreloc -z defs -z noexecstack --no-warn-rwx-segments --defsym=_entry=efi_main \
	        -T $(EFI_LIB)/elf_x86_64_efi.lds -o $@ $(EFI_LIB)/crt0-efi-x86_64.o $^ -L$(EFI_LIB) -lgnuefi

$(LOADER): $(B)/boot/loader.so
	objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j '.rel*' -j .reloc \
	        --target efi-app-x86_64 --subsystem=10 $< $@

# ---- the image -----------------------------------------------------------------------------------
# Included after hv/ and guestdrv/, which say what there is: KERNEL_ELF, ROOT_ELF, GUEST_ELFS.
IMAGE := $(B)/ringfence.img
IMAGE_FILES := boot/ringfence.conf $(KERNEL_ELF) $(ROOT_ELF) $(GUEST_ELFS)

.PHONY: image usb
##   make image    builds everything and writes build/ringfence.img
image: $(IMAGE)
$(IMAGE): $(LOADER) $(IMAGE_FILES) boot/image.sh | deps-build
	boot/image.sh $@ EFI/BOOT/BOOTX64.EFI=$(LOADER) $(foreach f,$(IMAGE_FILES),ringfence/$(notdir $(f))=$(f))

##   make usb      says how to write the image to a stick; DEV=/dev/sdX writes it
usb: $(IMAGE)
	@FORCE=$(FORCE) boot/usb.sh $< $(DEV)

# What a TFTP or HTTP server needs. snponly.efi, of the package ipxe, is for firmware without iPXE in the NIC.
SNPONLY ?= /usr/lib/ipxe/snponly.efi
NETBOOT_FILES := boot/ipxe/boot.ipxe $(LOADER) $(IMAGE_FILES)

.PHONY: netboot deps-netboot
deps-netboot:
	@boot/deps.sh netboot

##   make netboot  writes build/netboot: the folder for your TFTP or HTTP server
netboot: $(NETBOOT_FILES) | deps-netboot
	rm -rf $(B)/netboot
	boot/netboot.sh $(B)/netboot $(NETBOOT_FILES) $(SNPONLY)

.PHONY: tools
##   make tools    finds or fetches the emulator: QEMU >= 10, or with PLATFORM=bochs Bochs; and an OVMF for it
tools: $(B)/tools/$(PLATFORM).env
$(B)/tools/qemu.env: boot/qemu.sh
	B=$(B) QEMU=$(QEMU) boot/qemu.sh
$(B)/tools/bochs.env: boot/bochs.sh boot/apt-unpack.sh
	B=$(B) BOCHS=$(BOCHS) BOCHS_ROM=$(BOCHS_ROM) BOCHS_VGA=$(BOCHS_VGA) boot/bochs.sh

# The loader's test image: tests/system boots it in the kernel's place.
PROBE_ELF := $(B)/boot/probe.elf
PROBE_OBJS := $(B)/boot/probe/start.o $(B)/boot/probe/probe.o $(B)/boot/probe/rf_string.o $(B)/boot/probe/rf_format.o

$(B)/boot/probe/%.o: boot/probe/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/boot/probe/%.o: boot/probe/%.S
	@mkdir -p $(@D)
	$(CC) -c $< -o $@

$(B)/boot/probe/%.o: hv/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

$(PROBE_ELF): $(PROBE_OBJS) boot/probe/probe.ld
	ld -nostdlib -static -z noexecstack -z max-page-size=4096 -T boot/probe/probe.ld -o $@ $(PROBE_OBJS)

-include $(PROBE_OBJS:.o=.d)

.PHONY: unit-boot
##   make unit-boot   unit tests of the loader on this machine
unit-boot: $(B)/unit/loader_test $(B)/unit/sums_test
	$(B)/unit/loader_test
	$(B)/unit/sums_test

# -fno-builtin: hv/lib defines what the compiler thinks it knows.
$(B)/unit/loader_test: tests/unit/loader_test.c boot/loader/conf.c boot/loader/elf_check.c boot/loader/memmap.c \
                hv/lib/rf_string.c $(wildcard boot/loader/*.h hv/include/rf/*.h) | deps-build
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -fno-builtin -fsanitize=address,undefined -fno-sanitize-recover=all \
	        -DGNU_EFI_USE_MS_ABI -isystem $(EFI_INCLUDE) -isystem $(EFI_INCLUDE)/x86_64 $(filter %.c,$^) -lcmocka -o $@

$(B)/unit/sums_test: tests/unit/sums_test.c boot/loader/sums.c hv/lib/rf_string.c boot/loader/sums.h | deps-build
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -fno-builtin -fsanitize=address,undefined -fno-sanitize-recover=all $(filter %.c,$^) -lcmocka -o $@
