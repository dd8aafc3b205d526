# Guests and programs that `make bench` measures with, in build/bench/.
BENCH_B := $(B)/bench
BENCH_APPS := echo firewall
BENCH_SRC := tests/bench/loop.c tests/bench/sample.c
MICRO_SRC := tests/bench/micro.c tests/bench/sample.c
BENCH_ELFS := $(foreach n,$(BENCH_APPS),$(BENCH_B)/$(n).elf $(BENCH_B)/$(n)-plain.elf $(BENCH_B)/bare-$(n).elf) \
        $(BENCH_B)/micro.elf $(BENCH_B)/bare-micro.elf

# Our loop in the place of the apps' own; see loop.c.
$(foreach n,$(BENCH_APPS),$(BENCH_B)/$(n).elf $(BENCH_B)/$(n)-plain.elf $(BENCH_B)/bare-$(n).elf): \
        GUEST_LDFLAGS += -Wl,--wrap=net_app_run
$(foreach n,$(BENCH_APPS),$(foreach form,commit plain,$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),\
        guestdrv/sdk/start.S $(GUEST_SHARED) guestdrv/ring/$(form).c $(call guest_sources,$(n)) $(BENCH_SRC),$(GUEST_BASE),\
        $(BENCH_B)/$(n)$(if $(filter plain,$(form)),-plain).elf))))
$(foreach n,$(BENCH_APPS),$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),$(GUEST_BARE) $(GUEST_SHARED) \
        guestdrv/ring/plain.c $(call guest_sources,$(n)) $(BENCH_SRC),$(BARE_BASE),$(BENCH_B)/bare-$(n).elf)))
$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),guestdrv/sdk/start.S $(GUEST_SDK) $(MICRO_SRC),$(GUEST_BASE),$(BENCH_B)/micro.elf))
$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),$(GUEST_BARE) $(GUEST_SDK) guestdrv/net/args.c $(MICRO_SRC),$(BARE_BASE),\
        $(BENCH_B)/bare-micro.elf))

# The engine on this machine.
BENCH_DBOS := $(BENCH_B)/dbos_speed
$(BENCH_DBOS): tests/bench/dbos_speed.c $(DBOS_TOOL_LIB) $(DBOS_LIB)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Idbos/host $^ -o $@

.PHONY: bench-images
bench-images: $(BENCH_ELFS) $(BENCH_DBOS)
bench: bench-images
