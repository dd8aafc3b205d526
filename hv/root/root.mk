# hv/root: the ring-3 root process, and its unit tests on the host.
# The DBOS engine comes as a library from dbos/.
ROOT_DIR := hv/root
ROOT_SOURCES := $(wildcard $(ROOT_DIR)/*.c)
ROOT_LIB_SOURCES := $(wildcard hv/lib/*.c)
ROOT_OBJECTS := $(ROOT_SOURCES:$(ROOT_DIR)/%.c=$(B)/ring3/%.o) $(B)/ring3/start.o \
        $(ROOT_LIB_SOURCES:hv/lib/%.c=$(B)/ring3/lib_%.o)
ROOT_DBOS := $(B)/dbos/libdbos-root.a

$(B)/ring3/%.o: $(ROOT_DIR)/%.c
	@mkdir -p $(@D)
	$(CC) $(ROOT_CFLAGS) -MMD -MP -c $< -o $@

$(B)/ring3/%.o: $(ROOT_DIR)/%.S
	@mkdir -p $(@D)
	$(CC) $(ROOT_CFLAGS) -MMD -MP -c $< -o $@

$(B)/ring3/lib_%.o: hv/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(ROOT_CFLAGS) -MMD -MP -c $< -o $@

$(ROOT_ELF): $(ROOT_OBJECTS) $(ROOT_DBOS) $(ROOT_DIR)/root.ld
	$(CC) -static -nostdlib -no-pie -Wl,-z,separate-code,-z,noexecstack,--build-id=none,--gc-sections \
	        -Wl,-T,$(ROOT_DIR)/root.ld $(ROOT_OBJECTS) $(ROOT_DBOS) -o $@

# ---- unit tests ------------------------------------------------------------------------------------
# Pure files, with the sanitizers. -fno-builtin: hv/lib defines what the compiler thinks it knows.
ROOT_UNIT_CFLAGS := $(HOST_CFLAGS) -fno-builtin
ROOT_UNIT_PURE := -fsanitize=address,undefined -fno-sanitize-recover=all
ROOT_UNIT_SHARED := hv/lib/rf_format.c hv/lib/rf_string.c
ROOT_HEADERS := $(wildcard $(ROOT_DIR)/*.h hv/include/rf/*.h hv/lib/*.h)
ROOT_UNIT_PURES := $(B)/unit/config_test $(B)/unit/elf_test $(B)/unit/root_pure_test

$(B)/unit/config_test: $(ROOT_DIR)/config.c $(ROOT_DIR)/config_keys.c
$(B)/unit/elf_test: $(ROOT_DIR)/elf.c $(ROOT_DIR)/symbols.c
$(B)/unit/root_pure_test: $(ROOT_DIR)/layout.c $(ROOT_DIR)/symbols.c dbos/trampoline.c $(ROOT_DIR)/cpuid.c
$(ROOT_UNIT_PURES): $(B)/unit/%: tests/unit/%.c $(ROOT_UNIT_SHARED) $(ROOT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ROOT_UNIT_CFLAGS) $(ROOT_UNIT_PURE) $(filter %.c,$^) -lcmocka -o $@

# Root as it is, with the engine, above a fake ring 0. Not under the address sanitizer, whose own memory lies
# where root's shared pages must be.
ROOT_UNIT_FAKED := $(filter-out %/main.c %/igb.c %/e1000.c %/serial.c %/screen.c %/keys.c %/table.c,$(ROOT_SOURCES))
ROOT_UNIT_BEDS := $(B)/unit/root_guest_test $(B)/unit/root_service_test $(B)/unit/root_same_test
$(ROOT_UNIT_BEDS): $(B)/unit/%: tests/unit/%.c tests/unit/root_bed.c tests/unit/root_fake.c $(ROOT_UNIT_FAKED) \
                $(ROOT_UNIT_SHARED) $(B)/dbos/libdbos.a $(ROOT_HEADERS) tests/unit/root_bed.h tests/unit/root_fake.h
	@mkdir -p $(@D)
	$(CC) $(ROOT_UNIT_CFLAGS) -fsanitize=undefined -fno-sanitize-recover=all $(filter %.c %.a,$^) -lcmocka -o $@

# The switch, with memory where root has it.
ROOT_UNIT_SWITCH := $(B)/unit/root_switch_test
$(ROOT_UNIT_SWITCH): tests/unit/root_switch_test.c $(addprefix $(ROOT_DIR)/,switch.c port.c wire.c) \
                hv/lib/rf_string.c $(ROOT_HEADERS) tests/unit/root_switch_bed.h
	@mkdir -p $(@D)
	$(CC) $(ROOT_UNIT_CFLAGS) -fsanitize=undefined -fno-sanitize-recover=all $(filter %.c,$^) -lcmocka -o $@

.PHONY: unit-root
# The command `dbos` and root must make the same of these images.
ROOT_UNIT_IMAGES := $(addprefix $(B)/guests/,hardops.elf halt.elf hello.elf jit.elf) $(B)/firewall-plain.elf
unit-root: $(ROOT_UNIT_PURES) $(ROOT_UNIT_BEDS) $(ROOT_UNIT_SWITCH) $(DBOS) $(ROOT_UNIT_IMAGES)
	@for t in $(ROOT_UNIT_PURES) $(filter-out %/root_same_test,$(ROOT_UNIT_BEDS)) $(ROOT_UNIT_SWITCH); do $$t || exit 1; done
	@$(B)/unit/root_same_test $(DBOS) $(ROOT_UNIT_IMAGES)

-include $(ROOT_OBJECTS:.o=.d)
