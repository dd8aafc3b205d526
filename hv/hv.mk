# hv/: ring 0 (kernel/), the ring-3 root process (root/), what they share (include/, lib/).
##   make unit-root   unit tests of hv/root on this machine
KERNEL_ELF := $(B)/ringfence.elf
ROOT_ELF := $(B)/root.elf

include hv/root/root.mk
-include hv/kernel/kernel.mk
-include hv/kernel/nic/nic.mk
