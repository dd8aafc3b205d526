# Small guests for tests, one .c file each; a guest that needs more files names them in GUEST_SRC_NAME.
# $(B)/guests/NAME.elf has the commit driver; TEST_GUEST_ELFS is all of them.
GUEST_SRC_badstore := tests/guests/badstore.c tests/guests/badstore_forms.c

GUEST_SRC_hardops := $(addprefix tests/guests/hardops/,hardops.c forms.c run.S) $(B)/guests/hardops_forms.S

TEST_GUESTS := hardops $(filter-out badstore_forms,$(patsubst tests/guests/%.c,%,$(wildcard tests/guests/*.c)))
TEST_GUEST_ELFS := $(TEST_GUESTS:%=$(B)/guests/%.elf)

$(foreach n,$(TEST_GUESTS),$(eval $(call guest_link,$(B)/guest,$(GUEST_CC),guestdrv/sdk/start.S $(GUEST_SHARED) \
        guestdrv/ring/commit.c $(or $(GUEST_SRC_$(n)),tests/guests/$(n).c),$(GUEST_BASE),$(B)/guests/$(n).elf)))

$(B)/guests/hardops_forms.S: tests/guests/hardops/generate.py tests/unit/dbos_hard.c
	@mkdir -p $(@D)
	$(PYTHON) -B $^ >$@

.PHONY: test-guests
test-guests: $(TEST_GUEST_ELFS)
