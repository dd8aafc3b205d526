# boot/: the UEFI loader, the image, and what the project needs to be installed.

.PHONY: tools
##   make tools    finds or fetches the emulator (QEMU >= 10, OVMF)
tools: $(B)/tools/qemu.env
$(B)/tools/qemu.env: boot/qemu.sh
	B=$(B) QEMU=$(QEMU) boot/qemu.sh
