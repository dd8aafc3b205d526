# Ring 0's NIC code is built by hv/kernel/kernel.mk; here are its unit tests on the host: the register table, the
# BAR checks, queue pairs and the libraries of both models, each compiled from the very files that ring 0 and root link.
NIC_UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/nic_*.c))
NIC_PURE := $(addprefix hv/kernel/nic/,regs.c igb_table.c igb_queue.c e1000_table.c e1000_queue.c pci_bar.c) \
        hv/kernel/guard/desc.c hv/root/igb.c hv/root/e1000.c
$(B)/unit/nic_queue $(B)/unit/nic_soft: NIC_PURE += $(addprefix hv/kernel/nic/,queue.c soft.c wait.c)

$(B)/unit/nic_%: tests/unit/nic_%.c $(wildcard hv/kernel/nic/*.[ch] hv/kernel/*.h hv/include/rf/*.h tests/unit/nic_*.h) $(NIC_PURE)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -fsanitize=undefined,address -Ihv/kernel -Ihv/kernel/nic $< $(NIC_PURE) -lcmocka -o $@

##   make unit-nic   unit tests of the NIC register table, queue pairs, PCI checks and both NIC libraries
.PHONY: unit-nic
unit-nic: $(NIC_UNIT)
	@set -e; for t in $^; do $$t; done
