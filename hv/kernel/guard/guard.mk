# hv/kernel/guard, hv/kernel/svm, hv/kernel/vmx: their unit tests on the host. The objects are kernel.mk's.
GUARD_UNITS := $(addprefix $(B)/unit/,guard_commit_test guard_rules_test guard_jump_test guard_controls_test svm_test \
        vmx_test)
GUARD_UNIT_CFLAGS := $(HOST_CFLAGS) -D_GNU_SOURCE -iquote hv/kernel -iquote hv/kernel/guard \
        -iquote hv/kernel/svm -iquote hv/kernel/vmx -fPIE -pie
GUARD_UNIT_BED := $(addprefix tests/unit/guard_,bed.c pages.c random.c) $(addprefix hv/kernel/guard/,guard.S desc.c \
        hand_over.c guard_build.c)
GUARD_UNIT_HDRS := tests/unit/guard_bed.h $(wildcard hv/include/rf/*.h hv/kernel/*.h hv/kernel/guard/*.h \
        hv/kernel/svm/*.h hv/kernel/vmx/*.h guestdrv/include/*.h)

$(B)/unit/guard_controls_test $(B)/unit/svm_test $(B)/unit/vmx_test: GUARD_UNIT_CFLAGS += -DRF_TEST_CONTROLS=1
$(B)/unit/guard_%_test: tests/unit/guard_%_test.c $(GUARD_UNIT_BED) $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) $< $(GUARD_UNIT_BED) -lcmocka -lpthread -o $@

$(B)/unit/svm_test: tests/unit/svm_test.c hv/kernel/policy.c $(addprefix hv/kernel/svm/,exits.c npt.c vmcb.c) \
                $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) $(filter %.c,$^) -lcmocka -o $@

$(B)/unit/vmx_test: tests/unit/vmx_test.c hv/kernel/policy.c $(addprefix hv/kernel/vmx/,controls.c ept.c exits.c state.c) \
                $(GUARD_UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(GUARD_UNIT_CFLAGS) $(filter %.c,$^) -lcmocka -o $@

.PHONY: unit-guard
unit-guard: $(GUARD_UNITS)
	@set -e; for unit in $^; do $$unit; done
