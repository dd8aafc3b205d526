# tests/: what runs, drives and judges the rest. Python 3, standard library only.
##   make run      builds what is missing, boots the image in an emulator, shows the live table; q stops it;
##   make run PLATFORM=bochs   the same image on Intel (VMX, e1000), in Bochs; smoke, system, attacks likewise
##   make run BOOT=ipxe    the same files over the network; PROTO=tftp or http, IPXE=rom or snponly
##                 in KVM where /dev/kvm offers guests svm or vmx, else in QEMU's TCG; ACCEL=tcg: always so
##   make shell    a shell in the network of a running `make run`: ping, nc, tcpdump reach the guests
##   make smoke    boots, drives real traffic to every guest, checks every frame; BARE=echo: without hypervisor
##   make test     all tests: unit, system and attacks on both platforms, a short fuzz; one closing line
##   make unit     unit tests on this machine, no emulator
##   make unit-proof  the guard's proof and its mutation test; PROOF=long: every ring size, every mutant
##   make system   tests that boot machines; ONLY=text: those whose name contains text
##   make attacks  what a hostile guest tries, each with its positive control; ONLY=text as above;
##                 SEED=n ROUNDS=n: the random attacker's dice, and for how long
##   make fuzz     longer fuzzing of parsers, hypercalls and engine, SECONDS=60 for each; then 1,000,000 cases of rewritten code
##   make bench    instructions and exits per frame: bare, commit, plain
##   make lint     formatting, style, sizes and promises about the tree
PYTHON ?= python3
PY := B=$(B) PLATFORM=$(PLATFORM) $(PYTHON) -B
ONLY ?=
BARE ?=
SEED ?=
ROUNDS ?=
FUZZ_SECONDS ?= $(or $(SECONDS),60)

# Each folder's own rules bring its unit target.
UNIT := unit-boot unit-kernel unit-dbos unit-root unit-nic unit-guestdrv unit-guard unit-proof
SYSTEM := $(sort $(wildcard tests/system/test_*.py))
ATTACKS := $(sort $(wildcard tests/attacks/test_*.py))

.PHONY: platform deps-run deps-test
platform:
	@case "$(PLATFORM)" in \
	qemu | bochs) ;; \
	*) echo "PLATFORM=$(PLATFORM): unknown; there are qemu (AMD) and bochs (Intel)"; exit 1 ;; \
	esac
deps-run:
	@boot/deps.sh build run
deps-test:
	@boot/deps.sh build run test

# What a boot needs. Tests also boot the kernel with the test controls and guests of their own.
.PHONY: bootable test-images
bootable: platform deps-run tools image
test-images: platform deps-test tools image kernel guests guest-variants test-guests test-attacks $(PROBE_ELF)

include tests/attacks/attacks.mk
include tests/fuzz/fuzz.mk
include tests/proof/proof.mk

.PHONY: run shell smoke captures
captures: deps-run
	@$(PY) tests/system/captures.py
BOOT ?= stick
PROTO ?= tftp
IPXE ?= rom
ACCEL ?=
run: bootable $(if $(filter ipxe,$(BOOT)),netboot)
	@$(PY) tests/system/run.py --boot "$(BOOT)" --proto "$(PROTO)" --ipxe "$(IPXE)" --accel "$(ACCEL)"
shell:
	@$(PY) tests/system/shell.py
smoke: bootable captures
	@$(PY) tests/system/smoke.py --bare "$(BARE)"

.PHONY: test unit system attacks bench lint
test: test-images
	@$(PY) tests/all.py unit system@qemu attacks@qemu system@bochs attacks@bochs fuzz-short
unit: deps-test
	@$(PY) tests/unit/run.py $(UNIT)
system: test-images captures
	@$(PY) tests/runner.py -k "$(ONLY)" $(SYSTEM)
attacks: test-images
	@SEED=$(SEED) ROUNDS=$(ROUNDS) $(PY) tests/attacks/run.py -k "$(ONLY)" $(ATTACKS)
bench: test-images
	@$(PY) tests/bench/bench.py
# Everything also builds with clang, under the same warnings.
lint: deps-test $(B)/ringfence.elf $(B)/root.elf
	@ZYDIS_SRC="$${ZYDIS_SRC:-$(abspath $(B))/zydis/src}" $(MAKE) --no-print-directory -s CC=clang B=$(B)/clang \
	        image kernel test-guests test-attacks dbos >$(B)/clang.log 2>&1 || { tail -n 30 $(B)/clang.log; echo "lint: the clang build failed"; exit 1; }
	@$(PY) tests/lint.py
-include tests/bench/bench.mk
