## dbos/
##   make fuzz-dbos  feed the engine random code for FUZZ_SECONDS, with clang's sanitizers
##   make dbos     the host command build/dbos/dbos: check, rewrite, explain a guest image
##   make install  puts it into PREFIX/bin (default /usr/local)
##   make unit-dbos  the engine's unit and equivalence tests
DBOS_B := $(B)/dbos
ZYDIS_DIR := $(B)/zydis
ZYDIS_STAMP := $(ZYDIS_DIR)/stamp-4.0.0
ZYDIS_NAMES := Decoder DecoderData MetaInfo Mnemonic Register Segment SharedData String Utils Zydis
ZYDIS_FLAGS := -w -O2 -std=gnu11 -DZYAN_NO_LIBC -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_DISABLE_FORMATTER \
        -DZYDIS_DISABLE_ENCODER -ffunction-sections
ZYDIS_INC := -isystem $(ZYDIS_DIR)/src/include -isystem $(ZYDIS_DIR)/src/src \
        -isystem $(ZYDIS_DIR)/src/dependencies/zycore/include
# What a file that includes Zydis.h needs beyond the common flags.
DBOS_FLAGS := -Idbos $(ZYDIS_INC) -DZYAN_NO_LIBC -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_DISABLE_FORMATTER \
        -DZYDIS_DISABLE_ENCODER -MMD -MP

DBOS_SRC := $(wildcard dbos/*.c)
DBOS_ROOT_OBJ := $(DBOS_SRC:dbos/%.c=$(DBOS_B)/bare/%.o) $(ZYDIS_NAMES:%=$(DBOS_B)/bare/zydis/%.o)
DBOS_HOST_OBJ := $(DBOS_SRC:dbos/%.c=$(DBOS_B)/host/%.o) $(ZYDIS_NAMES:%=$(DBOS_B)/host/zydis/%.o)
# The command reads and lays out images with hv/root's own files.
DBOS_TOOL_OBJ := $(patsubst dbos/host/%.c,$(DBOS_B)/tool/%.o,$(wildcard dbos/host/*.c)) \
        $(DBOS_B)/tool/root_elf.o $(DBOS_B)/tool/root_symbols.o $(DBOS_B)/tool/root_layout.o
DBOS_TOOL_LIB := $(DBOS_B)/libdbos-tool.a
DBOS_LIB := $(DBOS_B)/libdbos.a
DBOS_ROOT_LIB := $(DBOS_B)/libdbos-root.a
DBOS := $(DBOS_B)/dbos

.PHONY: dbos
dbos: $(DBOS)

$(ZYDIS_STAMP): dbos/zydis.sh
	dbos/zydis.sh $(ZYDIS_DIR)
	touch $@

$(DBOS_ROOT_OBJ) $(DBOS_HOST_OBJ) $(DBOS_TOOL_OBJ): | $(ZYDIS_STAMP)

$(DBOS_B)/bare/%.o: dbos/%.c
	@mkdir -p $(@D)
	$(CC) $(ROOT_CFLAGS) $(DBOS_FLAGS) -c $< -o $@

$(DBOS_B)/host/%.o: dbos/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(DBOS_FLAGS) -c $< -o $@

$(DBOS_B)/tool/%.o: dbos/host/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(DBOS_FLAGS) -c $< -o $@

$(DBOS_B)/tool/root_%.o: hv/root/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

# The Zydis sources exist only once they are fetched, so these rules name no prerequisite of theirs.
$(ZYDIS_NAMES:%=$(DBOS_B)/bare/zydis/%.o): $(DBOS_B)/bare/zydis/%.o: $(ZYDIS_STAMP)
	@mkdir -p $(@D)
	$(CC) $(filter-out $(WARN),$(ROOT_CFLAGS)) $(ZYDIS_FLAGS) $(ZYDIS_INC) -c $(ZYDIS_DIR)/src/src/$*.c -o $@

$(ZYDIS_NAMES:%=$(DBOS_B)/host/zydis/%.o): $(DBOS_B)/host/zydis/%.o: $(ZYDIS_STAMP)
	@mkdir -p $(@D)
	$(CC) $(filter-out $(WARN),$(HOST_CFLAGS)) $(ZYDIS_FLAGS) $(ZYDIS_INC) -c $(ZYDIS_DIR)/src/src/$*.c -o $@

$(DBOS_ROOT_LIB): $(DBOS_ROOT_OBJ)
	rm -f $@
	ar rcs $@ $^

# The engine formats with hv/lib on the host too: one behaviour.
$(DBOS_B)/host/rf_format.o: hv/lib/rf_format.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -c $< -o $@

$(DBOS_LIB): $(DBOS_HOST_OBJ) $(DBOS_B)/host/rf_format.o
	rm -f $@
	ar rcs $@ $^

$(DBOS_TOOL_LIB): $(filter-out %/main.o,$(DBOS_TOOL_OBJ))
	rm -f $@
	ar rcs $@ $^

$(DBOS): $(DBOS_B)/tool/main.o $(DBOS_TOOL_LIB) $(DBOS_LIB)
	$(CC) -o $@ $^

# For driver authors who use the command outside this tree.
PREFIX ?= /usr/local
.PHONY: install
install: $(DBOS)
	install -D -m 755 $(DBOS) $(DESTDIR)$(PREFIX)/bin/dbos

# Real drivers to look at, from Debian's packages.
DRIVERS_STAMP := $(B)/drivers/files/stamp-1
$(DRIVERS_STAMP): tests/drivers/fetch.sh boot/apt-source.sh
	tests/drivers/fetch.sh $(B)/drivers
	touch $@

DRIVERS_ELF := $(addprefix $(B)/drivers/files/,igb.ko e1000.ko net_e1000_igb_rxtx.c.o net_e1000_em_rxtx.c.o \
        net_ixgbe_ixgbe_rxtx.c.o net_ixgbe_ixgbe_rxtx_vec_sse.c.o libc.so.6)

# Unit tests: tests/unit/dbos_NAME.c are programs, tests/unit/dbos/ is what they share. They get the real drivers.
DBOS_TESTS := $(patsubst tests/unit/dbos_%.c,$(DBOS_B)/test/dbos_%,$(wildcard tests/unit/dbos_*.c))
DBOS_TEST_OBJ := $(patsubst tests/unit/dbos/%.c,$(DBOS_B)/test/%.o,$(wildcard tests/unit/dbos/*.c))
DBOS_TEST_FLAGS := $(HOST_CFLAGS) $(DBOS_FLAGS) -Itests/unit -fno-stack-protector

$(DBOS_B)/test/%.o: tests/unit/dbos/%.c
	@mkdir -p $(@D)
	$(CC) $(DBOS_TEST_FLAGS) -c $< -o $@

# What the assembler says of lengths; Capstone's opinion, Unicorn's.
$(DBOS_B)/test/lengths.o: tests/unit/dbos/lengths.py
	@mkdir -p $(@D)
	$(PYTHON) -B $< >$(@:.o=.S)
	$(CC) -c $(@:.o=.S) -o $@
$(DBOS_B)/test/dbos_lengths: $(DBOS_B)/test/lengths.o
DBOS_LIBS_dbos_lengths := -lcapstone
DBOS_LIBS_dbos_unicorn := -lunicorn

$(DBOS_TESTS): $(DBOS_B)/test/%: tests/unit/%.c $(DBOS_TEST_OBJ) $(DBOS_TOOL_LIB) $(DBOS_LIB)
	@mkdir -p $(@D)
	$(CC) $(DBOS_TEST_FLAGS) $< $(filter %.o,$^) $(DBOS_TOOL_LIB) $(DBOS_LIB) $(DBOS_LIBS_$*) -lcmocka -o $@

.PHONY: unit-dbos
unit-dbos: $(DBOS_TESTS) $(DBOS) $(B)/firewall-plain.elf $(DRIVERS_STAMP)
	@for t in $(DBOS_TESTS); do echo "== $$t"; timeout 300 $$t $(DRIVERS_ELF) || exit 1; done
	@$(PY) tests/runner.py tests/unit/dbos_command.py tests/unit/dbos_drivers.py

# libFuzzer with sanitizers; Zydis is compiled into it too, so that its reads are watched.
FUZZ_FLAGS := -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $(INC) $(DBOS_FLAGS) \
        -w -Itests/unit
DBOS_FUZZ := $(DBOS_B)/fuzz_dbos

$(DBOS_FUZZ): tests/fuzz/fuzz_dbos.c $(DBOS_SRC) dbos/engine.h dbos/host/arena.c hv/lib/rf_format.c $(ZYDIS_STAMP)
	@mkdir -p $(@D)
	clang $(filter-out -MMD -MP,$(FUZZ_FLAGS)) $(filter %.c,$^) \
	        $(ZYDIS_NAMES:%=$(ZYDIS_DIR)/src/src/%.c) -o $@

.PHONY: fuzz-dbos
fuzz-dbos: $(DBOS_FUZZ)
	@mkdir -p $(DBOS_B)/corpus
	$(DBOS_FUZZ) -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=8300 -artifact_prefix=$(DBOS_B)/ -print_final_stats=1 \
	        $(DBOS_B)/corpus $(wildcard tests/fuzz/corpus/dbos)

-include $(DBOS_TEST_OBJ:.o=.d) $(DBOS_TESTS:=.d)
-include $(DBOS_ROOT_OBJ:.o=.d) $(DBOS_HOST_OBJ:.o=.d) $(DBOS_TOOL_OBJ:.o=.d)
