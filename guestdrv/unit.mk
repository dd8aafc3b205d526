# Unit tests of the guest side on this machine, with the sanitizers. -fno-builtin, as rf_string.h declares what the
# compiler thinks it knows.
GUEST_UNIT_CFLAGS := $(HOST_CFLAGS) -fno-builtin -fsanitize=address,undefined -fno-sanitize-recover=all
GUEST_UNIT_HEADERS := $(wildcard guestdrv/*/*.h hv/include/rf/*.h hv/lib/*.h tests/unit/net_*.h)
GUEST_UNITS := $(addprefix $(B)/unit/,net_ring_commit net_ring_plain net_commit net_stack net_checksum net_args net_stream net_firewall)

$(B)/unit/net_ring_%: tests/unit/net_ring.c tests/unit/net_bed.c $(GUEST_RING) guestdrv/ring/%.c $(GUEST_UNIT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(GUEST_UNIT_CFLAGS) $(filter %.c,$^) -lcmocka -o $@

NET_PURE := $(addprefix guestdrv/net/,checksum.c parse.c stack.c neighbour.c build.c)
ARGS_PURE := $(addprefix guestdrv/,net/args.c net/options.c sdk/split.c apps/rules.c bare/conf.c) hv/lib/rf_format.c
$(B)/unit/net_stack $(B)/unit/net_checksum: $(NET_PURE)
$(B)/unit/net_args: $(ARGS_PURE) guestdrv/net/checksum.c guestdrv/net/parse.c
$(B)/unit/net_commit: tests/unit/net_bed.c $(GUEST_RING) guestdrv/ring/commit.c
$(B)/unit/net_firewall: tests/unit/net_bed.c $(GUEST_RING) guestdrv/ring/commit.c $(GUEST_NET) guestdrv/apps/rules.c \
        hv/lib/rf_format.c guestdrv/apps/firewall.c
$(B)/unit/net_stream: guestdrv/apps/stream.c guestdrv/apps/histogram.c

# net_firewall.c includes firewall.c, to get at what is static in it.
$(addprefix $(B)/unit/,net_commit net_stack net_checksum net_args net_stream net_firewall): $(B)/unit/%: tests/unit/%.c \
                $(GUEST_UNIT_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(GUEST_UNIT_CFLAGS) $(filter-out guestdrv/apps/firewall.c,$(filter %.c,$^)) -lcmocka -o $@

.PHONY: unit-guestdrv
unit-guestdrv: $(GUEST_UNITS)
	@for t in $^; do $$t || exit 1; done
