# SPDX-License-Identifier: MIT
"""`make bench`: the first figures, each with how it was obtained. README.md here says what they mean.

Fails if a figure cannot be obtained, or if a guest with keys leaves for anything but timer ticks and other host
interrupts while frames pass. No figure is a limit.
"""
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "system"), str(Path(__file__).resolve().parent.parent)]

import figures  # noqa: E402
import lint  # noqa: E402
import measure  # noqa: E402
import net  # noqa: E402
import qemu  # noqa: E402
import subjects  # noqa: E402

COUNTED = "measured in QEMU TCG -icount: instructions executed by the emulated CPU, not time"
COUNTERS = "ring 0's exit counters, in the same runs"
TIMED = "CPU time on this shared machine, median of 5"
SOFT_EXITS = 1 / 16  # a frame, at load: commits that wake the switch
RING_LIMIT, RING_LIMIT_LIVE, TAIL_LIMIT = 12, 16, 30
RESULT = qemu.BUILD / "bench.json"
MICRO_NAMES = {
    "commit": "commit of {} slots",
    "store": "plain store to the ring, after its first ({} a doorbell)",
    "doorbell": "plain store to the doorbell, {} slots, after its first",
    "first-store": "plain store to the ring, its first: fault and rewriting",
    "first-doorbell": "plain store to the doorbell, its first: fault and rewriting",
    "version": "hypercall that does nothing",
    "wait": "wait whose deadline has passed",
}


def heading(text: str, how: str) -> None:
    print(f"\n{text}\n  [{how}]")


def print_instructions(runs: list[measure.Run]) -> None:
    heading("Instructions per frame, received and sent again", COUNTED)
    forms = [form.name for form in subjects.FORMS]
    print(f"  {'function':10}{'frame':>6}{'burst':>6}" + "".join(f"{name:>11}" for name in forms))
    by_key = {(r.function, r.frame_bytes, r.burst, r.form): r for r in runs}
    for function in subjects.FUNCTIONS:
        for size, wire in subjects.SIZES.items():
            for burst in subjects.BURSTS:
                row = [by_key[function, size, burst, form].instructions for form in forms]
                print(f"  {function:10}{wire:>6}{burst:6}" + "".join(f"{value:11.1f}" for value in row))
    print("  hypercall: with ring 0's own instructions in it; soft: with those of the switch, where a commit wakes it.")
    print("  The others never leave the guest. Instructions of the switch per frame:")
    for run in (r for r in runs if r.switch):
        print(f"    {run.function:8}{subjects.SIZES[run.frame_bytes]:>6}{run.burst:6}{run.switch:11.1f}")


def print_exits(runs: list[measure.Run], first_faults: dict[str, int]) -> None:
    heading(f"Exits per frame, {subjects.FRAMES} frames a run, busy polling", COUNTERS)
    print(f"  {'form':11}{'function':10}{'frame':>6}{'burst':>6}{'own':>8}  all kinds")
    for run in runs:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(run.exits.items())) or "none"
        if run.form == "bare":
            continue
        print(f"  {run.form:11}{run.function:10}{subjects.SIZES[run.frame_bytes]:>6}{run.burst:6}"
              f"{measure.own_exits(run) / run.frames:8.4f}  {kinds}")
    print("  bare: no hypervisor, no exits. own: without timer ticks, other host interrupts, and the hypercalls by")
    print("  which the guard gives way after a tick. First executions of plain stores, before these runs: "
          + ", ".join(f"{name} {count}" for name, count in first_faults.items()) + " exits")


def print_micro(measured: measure.Measured) -> None:
    heading("Single steps, instructions (the value that came most often)", COUNTED)
    forms = list(measured.micro)
    print(f"  {'':62}" + "".join(f"{form:>11}" for form in forms))
    for step in measured.micro["commit"]:
        name, number = step.split()
        cells = [measured.micro[form].get(step) for form in forms]
        print(f"  {MICRO_NAMES[name].format(number):62}"
              + "".join(f"{'-' if value is None else value:>11}" for value in cells))
    for form, exits in measured.wait_exits.items():
        print(f"  exits of one wait, {form}: {exits:g}")
    print_rewritten(measured)
    print(f"  limits, above which tests/unit/dbos_window.c fails: ring {RING_LIMIT} more than the store where "
          f"flags are dead, {RING_LIMIT_LIVE} where not; tail {TAIL_LIMIT} more than a commit")


def print_rewritten(measured: measure.Measured) -> None:
    """What rewriting costs: against the store itself on a bare machine, against a commit of as many slots."""
    bare, ours = measured.micro["bare"], measured.micro["commit"]
    for step in ours:
        name, number = step.split()
        if name == "store" and step in bare:
            print(f"  rewritten ring store ({number} a doorbell): {ours[step] - bare[step]} more than the store")
        if name == "doorbell" and f"commit {number}" in ours:
            print(f"  rewritten tail store of {number} slots: commit {ours[step] - ours[f'commit {number}']:+d}")


def dbos_rates() -> dict[str, float]:
    """GB/s of the engine's search, MB/s of its rewriting."""
    words = [str(subjects.IMAGES / "dbos_speed"), str(qemu.BUILD / "firewall-plain.elf")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    rates = {}
    for line in done.stdout.splitlines():
        name, amount, *times = line.split()
        rates[name] = figures.median_rate(int(amount), [int(t) for t in times])
    return {"find_gb_per_s": rates["find"], "rewrite_mb_per_s": rates["rewrite"] * 1000}


def guard_bytes() -> int:
    """Of the guard page with keys: up to the fill behind its last instruction."""
    kernel = qemu.BUILD / "ringfence.elf"
    symbols = subprocess.run(["nm", str(kernel)], capture_output=True, text=True, check=True, timeout=60).stdout
    at = {words[2]: int(words[0], 16) for words in map(str.split, symbols.splitlines()) if len(words) == 3}
    page = subprocess.run(["objcopy", "-O", "binary", "-j", ".rodata", str(kernel), "/dev/stdout"],
                          capture_output=True, check=True, timeout=60).stdout
    sections = subprocess.run(["objdump", "-h", str(kernel)], capture_output=True, text=True, check=True,
                              timeout=60).stdout
    start = next(int(words[3], 16) for words in map(str.split, sections.splitlines())
                 if len(words) > 3 and words[1] == ".rodata")
    offset = at["guard_page"] - start
    return len(page[offset : offset + lint.GUARD_BYTES].rstrip(b"\xcc"))


def print_sizes(sizes: dict[str, int], dbos: dict[str, float]) -> None:
    heading("DBOS on the host", TIMED)
    print(f"  search for the hard opcode {dbos['find_gb_per_s']:.2f} GB/s; rewriting of firewall-plain.elf "
          f"{dbos['rewrite_mb_per_s']:.2f} MB/s of code")
    heading("Sizes", "counted in the source and in ringfence.elf")
    print(f"  ring 0: {sizes['ring0_lines']} lines (limit {lint.RING0_LINES}); guard: {sizes['guard_bytes']} bytes "
          f"with keys (limit {lint.GUARD_BYTES})")


def verdict(runs: list[measure.Run]) -> list[str]:
    """What is wrong; nothing if the direct path has no exits and the commit hypercall has its own."""
    wrong = []
    expected = {form.name: form.commit_exits for form in subjects.FORMS}
    for run in runs:
        own = measure.own_exits(run)
        where = f"{run.form} {run.function}, {run.frame_bytes} bytes, bursts of {run.burst}"
        if run.form == "soft":
            if run.burst == max(subjects.BURSTS) and own > SOFT_EXITS * run.frames:
                wrong.append(f"{where}: {own} exits of its own, more than one in {1 / SOFT_EXITS:g}: {run.exits}")
        elif own and not expected[run.form]:
            wrong.append(f"{where}: {own} exits of its own: {run.exits}")
        if expected[run.form] and not run.exits.get("commit"):
            wrong.append(f"{where}: no commit left the guest, so exits are not counted: {run.exits}")
    return wrong


def save(measured: measure.Measured, dbos: dict[str, float], sizes: dict[str, int]) -> None:
    result = {"how": {"instructions": COUNTED, "exits": COUNTERS, "dbos": TIMED},
              "runs": [dataclasses.asdict(run) | {"own_exits": measure.own_exits(run)} for run in measured.runs],
              "micro_instructions": measured.micro, "wait_exits": measured.wait_exits,
              "first_fault_exits": measured.first_faults, "dbos": dbos, "sizes": sizes}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def main() -> int:
    network = net.enter()
    begin = time.monotonic()
    try:
        measured = measure.all_forms(network)
    except (qemu.Failure, figures.Unusable) as failure:
        print(f"bench: FAILED: {failure}")
        return 1
    dbos, sizes = dbos_rates(), {"ring0_lines": lint.ring0_lines(), "guard_bytes": guard_bytes()}
    print_instructions(measured.runs)
    print_exits(measured.runs, measured.first_faults)
    print_micro(measured)
    print_sizes(sizes, dbos)
    save(measured, dbos, sizes)
    wrong = verdict(measured.runs)
    for text in wrong:
        print(f"bench: FAILED: {text}")
    print(f"\nbench: {len(measured.runs)} runs, {len(wrong)} wrong, {time.monotonic() - begin:.0f} s, {RESULT}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
