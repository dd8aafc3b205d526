# The guard proved (Z3), entered at every byte (Unicorn), mutated: hv/kernel/guard/README.md says what of it shows what.
PROOF ?= short
# Z3, Unicorn and Capstone for Python are Debian's packages, so the interpreter is Debian's, too.
PROOF_PYTHON ?= /usr/bin/python3
PROOF_DIR := tests/proof
PROOF_GUARD := $(addprefix hv/kernel/guard/,guard.S guard_build.c desc.c)
PROOF_STATES_short := 4
PROOF_STATES_long := 200
PROOF_ROUNDS_short := 1000
PROOF_ROUNDS_long := 8000
PROOF_MASKS_long := 1 3 7 15 31 63 127 255 511 4095

$(B)/unit/proof_facts: $(PROOF_DIR)/facts.c $(PROOF_GUARD) $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) $< $(PROOF_GUARD) -o $@
$(B)/unit/guard.json: $(B)/unit/proof_facts
	$< >$@

$(B)/unit/proof_enter: $(PROOF_DIR)/enter.c $(PROOF_DIR)/enter_bed.c tests/unit/guard_random.c $(PROOF_GUARD) \
                $(PROOF_DIR)/enter_bed.h $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) -iquote tests/unit $(filter %.c %.S,$^) -lunicorn -lcmocka -o $@

$(B)/unit/proof_twin: $(PROOF_DIR)/twin.c $(addprefix tests/unit/guard_,pages.c random.c) $(PROOF_GUARD) \
                hv/kernel/guard/hand_over.c $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) -iquote tests/unit $(filter %.c %.S,$^) -lcmocka -o $@

PROOF_TABLES := $(wildcard hv/kernel/nic/*_table.c)
$(B)/unit/proof_registers: $(PROOF_DIR)/registers_facts.c $(PROOF_TABLES) hv/kernel/guard/desc.c hv/kernel/nic/regs.h \
                $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Ihv/kernel -Ihv/kernel/nic $(filter %.c,$^) -o $@
$(B)/unit/registers.json: $(B)/unit/proof_registers
	$< >$@

.PHONY: unit-proof
unit-proof: $(B)/unit/guard.json $(B)/unit/registers.json $(B)/unit/proof_enter $(B)/unit/proof_twin
	$(PROOF_PYTHON) -B $(PROOF_DIR)/registers.py $(B)/unit/registers.json
	$(B)/unit/proof_twin
	PROOF_ROUNDS=$(PROOF_ROUNDS_$(PROOF)) $(B)/unit/proof_enter
	$(B)/unit/proof_enter low
	$(PROOF_PYTHON) -B $(PROOF_DIR)/rules.py $<
	$(if $(filter long,$(PROOF)),$(PROOF_PYTHON) -B $(PROOF_DIR)/prove.py $< $(PROOF_MASKS_long))
	$(PROOF_PYTHON) -B $(PROOF_DIR)/compare.py $< $(PROOF_STATES_$(PROOF))
	$(PROOF_PYTHON) -B $(PROOF_DIR)/mutate.py $< $(if $(filter long,$(PROOF)),all)
