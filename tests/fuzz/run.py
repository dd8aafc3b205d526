# SPDX-License-Identifier: MIT
"""Runs libFuzzer harnesses for some seconds each, two at once; ends with the tests' closing line.

  run.py --seconds N HARNESS...      findings go to build/fuzz/, the corpus to build/fuzz/NAME.corpus
"""
import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BUILD = Path(os.environ.get("B", "build"))
FUZZ = BUILD / "fuzz"
_DONE = re.compile(r"stat::number_of_executed_units: (\d+)")
_LONGEST = {"config": 4096, "elf": 200000, "net": 2049, "fuzz_dbos": 8300}
# What a harness starts from, besides what it found itself.
_SEEDS = {"config": ["boot/ringfence.conf"], "elf": [str(BUILD / "echo.elf")]}


def run(harness: Path, seconds: int) -> bool:
    """True if it ran its time and found nothing."""
    corpus = FUZZ / f"{harness.name}.corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in map(Path, _SEEDS.get(harness.name, [])):
        (corpus / seed.name).write_bytes(seed.read_bytes())
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
    print(f"{'passed' if good else 'FAILED':7} fuzz {harness.name}: {inputs} inputs in {seconds} s")
    if not good:
        print("\n".join(text.splitlines()[-40:]))
    return good


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("harness", type=Path, nargs="+")
    args = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda harness: run(harness, args.seconds), args.harness))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
