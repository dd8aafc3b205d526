# Fuzzing with libFuzzer and clang's sanitizers. Each harness starts from seeds that are made here.
FUZZ_CONFIG := hv/root/config.c hv/root/config_keys.c boot/loader/conf.c hv/lib/rf_string.c hv/lib/rf_format.c
FUZZ_ELF := hv/root/elf.c hv/root/symbols.c boot/loader/elf_check.c hv/lib/rf_string.c hv/lib/rf_format.c
FUZZ_NET := $(addprefix guestdrv/net/,checksum.c parse.c stack.c neighbour.c) hv/lib/rf_string.c
FUZZ_HYPERCALL := hv/kernel/hypercall.c $(addprefix hv/kernel/guard/,commit.c hand_over.c desc.c)
FUZZERS := $(B)/fuzz/config $(B)/fuzz/elf $(B)/fuzz/net $(B)/fuzz/hypercall $(B)/fuzz/image $(DBOS_FUZZ)

$(B)/fuzz/config: tests/fuzz/fuzz_config.c $(FUZZ_CONFIG)
$(B)/fuzz/elf: tests/fuzz/fuzz_elf.c $(FUZZ_ELF)
$(B)/fuzz/net: tests/fuzz/fuzz_net.c $(FUZZ_NET)
$(B)/fuzz/hypercall: tests/fuzz/fuzz_hypercall.c $(FUZZ_HYPERCALL)
$(B)/fuzz/hypercall: INC += -Ihv/kernel -Ihv/kernel/nic -Ihv/kernel/guard
$(B)/fuzz/config $(B)/fuzz/elf $(B)/fuzz/net $(B)/fuzz/hypercall:
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) $(INC) -fno-builtin -fsanitize=fuzzer,address,undefined \
	        -fno-sanitize-recover=all $(filter %.c,$^) -o $@


# The command's file reading, with the engine and Zydis under the sanitizers too.
FUZZ_IMAGE := $(filter-out %/main.c,$(wildcard dbos/host/*.c)) dbos/host/image.h $(addprefix hv/root/,elf.c symbols.c layout.c)
$(B)/fuzz/image: tests/fuzz/fuzz_image.c $(FUZZ_IMAGE) $(DBOS_SRC) hv/lib/rf_format.c $(ZYDIS_STAMP)
	@mkdir -p $(@D)
	clang $(filter-out -MMD -MP,$(FUZZ_FLAGS)) -Idbos $(filter %.c,$^) $(ZYDIS_NAMES:%=$(ZYDIS_DIR)/src/src/%.c) -o $@

.PHONY: fuzz fuzz-short
DBOS_LONG := $(DBOS_B)/test/dbos_unicorn $(DBOS_B)/test/dbos_store
fuzz: deps-test $(FUZZERS) $(B)/echo.elf $(DBOS_LONG) $(DRIVERS_STAMP)
	@$(PY) tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZERS) \
	        $(foreach t,$(DBOS_LONG),--equivalence 1000000 $(t) $(DRIVERS_ELF))
fuzz-short: deps-test $(FUZZERS) $(B)/echo.elf
	@$(PY) tests/fuzz/run.py --seconds 8 $(FUZZERS)
