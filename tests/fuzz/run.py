# SPDX-License-Identifier: MIT
"""Runs libFuzzer harnesses for some seconds each, two at once; ends with the tests' closing line.

  run.py --seconds N HARNESS...      findings go to build/fuzz/, the corpus to build/fuzz/NAME.corpus
  run.py ... --equivalence CASES PROGRAM FILE...     then that test program with so many cases and a new seed
  run.py --save HARNESS...           the smallest inputs of each corpus into tests/fuzz/corpus/NAME.hex

A harness starts from tests/fuzz/corpus/NAME.hex (an input a line, in hexadecimal; `#` begins a comment), from what
_SEEDS names, and from what it found itself.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BUILD = Path(os.environ.get("B", "build"))
FUZZ = BUILD / "fuzz"
KEPT = Path("tests/fuzz/corpus")
_DONE = re.compile(r"stat::number_of_executed_units: (\d+)")
_LONGEST = {"config": 4096, "elf": 200000, "net": 2049, "fuzz_dbos": 8300, "hypercall": 4096, "image": 20000}
_SEEDS = {"config": ["boot/ringfence.conf"], "elf": [str(BUILD / "echo.elf")]}
# What is kept of a corpus: few inputs, all of them small.
_KEPT_INPUTS, _KEPT_BYTES = 40, 400


def unpack(name: str, to: Path) -> None:
    kept = KEPT / f"{name}.hex"
    lines = kept.read_text().splitlines() if kept.exists() else []
    for i, line in enumerate(text for text in lines if text and not text.startswith("#")):
        (to / f"kept-{i}").write_bytes(bytes.fromhex(line))
    for seed in map(Path, _SEEDS.get(name, [])):
        (to / seed.name).write_bytes(seed.read_bytes())


def save(harness: Path) -> None:
    merged = FUZZ / f"{harness.name}.merged"
    merged.mkdir(parents=True, exist_ok=True)
    found = FUZZ / f"{harness.name}.corpus"
    subprocess.run([str(harness), "-merge=1", f"-max_len={_KEPT_BYTES}", str(merged), str(found)],
                   capture_output=True, check=True, timeout=900)
    inputs = sorted((p.read_bytes() for p in merged.iterdir()), key=len)
    step = max(1, len(inputs) // _KEPT_INPUTS)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{harness.name}.hex").write_text(
        f"# SPDX-License-Identifier: MIT\n# Inputs that the harness `{harness.name}` starts from: run.py --save\n"
        + "".join(data.hex() + "\n" for data in inputs[::step] if data))


def run(harness: Path, seconds: int) -> bool:
    """True if it ran its time and found nothing."""
    corpus = FUZZ / f"{harness.name}.corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    unpack(harness.name, corpus)
    words = [str(harness), f"-max_total_time={seconds}", "-timeout=20", "-print_final_stats=1",
             f"-max_len={_LONGEST.get(harness.name, 4096)}", f"-artifact_prefix={FUZZ}/{harness.name}-", str(corpus)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False,
                              timeout=seconds + 120)
        text, status = done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        text, status = "did not end", 124
    units = _DONE.search(text)
    good = status == 0 and units is not None and int(units[1]) > 100
    inputs = units[1] if units else "no"
    print(f"{'passed' if good else 'FAILED':7} fuzz {harness.name}: {inputs} inputs in {seconds} s", flush=True)
    if not good:
        print("\n".join(text.splitlines()[-40:]))
    return good


def equivalence(cases: str, words: list[str]) -> bool:
    """Rewritten code against the original, from a seed that changes and is printed."""
    seed = str(time.time_ns() % 1000000)
    settings = {"DBOS_SEED": seed, "DBOS_CASES": cases, "DBOS_SITES": str(int(cases) // 10)}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, timeout=3600,
                          env=os.environ | settings)
    print(f"{'passed' if done.returncode == 0 else 'FAILED':7} {Path(words[0]).name}, DBOS_SEED={seed}", flush=True)
    shown = done.stdout.splitlines() if done.returncode == 0 else (done.stdout + done.stderr).splitlines()[-30:]
    print("\n".join(f"        {line}" for line in shown if done.returncode or not line.startswith("[")), flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--equivalence", nargs="+", action="append", default=[])
    parser.add_argument("harness", type=Path, nargs="*")
    args = parser.parse_args()
    if args.save:
        for harness in args.harness:
            save(harness)
        return 0
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda harness: run(harness, args.seconds), args.harness))
    results += [equivalence(words[0], words[1:]) for words in args.equivalence]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
