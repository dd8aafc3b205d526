# tests/: what runs, drives and judges the rest. Python 3 of the system, standard library only.
PYTHON ?= python3
PY := $(PYTHON) -B

# Each folder's own rules bring its unit target.
UNIT := unit-dbos unit-root unit-nic unit-guestdrv unit-guard

.PHONY: shell unit system
##   make shell    a shell in the network of a running `make run`: ping, nc, tcpdump reach the guests
shell:
	@$(PY) tests/system/shell.py

##   make unit     the unit tests, on this machine, no emulator
unit:
	@$(PY) tests/unit/run.py $(UNIT)
