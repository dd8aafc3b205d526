# Fuzzing with libFuzzer and clang's sanitizers. Each harness starts from seeds that are made here.
FUZZ_CONFIG := hv/root/config.c hv/root/config_keys.c boot/loader/conf.c hv/lib/rf_string.c hv/lib/rf_format.c
FUZZ_ELF := hv/root/elf.c hv/root/symbols.c boot/loader/elf_check.c hv/lib/rf_string.c hv/lib/rf_format.c
FUZZ_NET := $(addprefix guestdrv/net/,checksum.c parse.c stack.c neighbour.c) hv/lib/rf_string.c
FUZZERS := $(B)/fuzz/config $(B)/fuzz/elf $(B)/fuzz/net $(DBOS_FUZZ)

$(B)/fuzz/config: tests/fuzz/fuzz_config.c $(FUZZ_CONFIG)
$(B)/fuzz/elf: tests/fuzz/fuzz_elf.c $(FUZZ_ELF)
$(B)/fuzz/net: tests/fuzz/fuzz_net.c $(FUZZ_NET)
$(B)/fuzz/config $(B)/fuzz/elf $(B)/fuzz/net:
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) $(INC) -fno-builtin -fsanitize=fuzzer,address,undefined \
	        -fno-sanitize-recover=all $(filter %.c,$^) -o $@

.PHONY: fuzz fuzz-short
fuzz: deps-test $(FUZZERS) $(B)/echo.elf
	@$(PY) tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZERS)
fuzz-short: deps-test $(FUZZERS) $(B)/echo.elf
	@$(PY) tests/fuzz/run.py --seconds 8 $(FUZZERS)
