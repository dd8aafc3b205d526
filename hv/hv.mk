# hv/: ring 0 (kernel/), the ring-3 root process (root/), what they share (include/, lib/).
##   make unit-root   unit tests of hv/root on this machine
##   make unit-guard  unit tests of the guard (the real page, run here) and of the SVM tables
KERNEL_ELF := $(B)/ringfence.elf
ROOT_ELF := $(B)/root.elf

include hv/root/root.mk
-include hv/kernel/kernel.mk
-include hv/kernel/nic/nic.mk
-include hv/kernel/guard/guard.mk
