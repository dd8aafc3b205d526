# SPDX-License-Identifier: MIT
"""Runs the unit-* targets of the Makefile and adds up what their cmocka programs report.

  run.py TARGET...      last line: `N passed, N failed, N skipped`
"""
import os
import re
import subprocess
import sys

SECONDS = 600
# cmocka's own summary lines, and the closing line of programs that write ours
_CMOCKA = {
    "passed": re.compile(r"\[  PASSED  \] (\d+) test"),
    "failed": re.compile(r"\[  FAILED  \] (\d+) test"),
    "skipped": re.compile(r"\[  SKIPPED \] (\d+) test"),
}
_OURS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


def count(text: str) -> list[int]:
    """passed, failed, skipped in the output of a test program."""
    totals = [sum(int(n) for n in pattern.findall(text)) for pattern in _CMOCKA.values()]
    for found in _OURS.findall(text):
        totals = [total + int(n) for total, n in zip(totals, found)]
    return totals


def run(target: str) -> list[int]:
    words = [os.environ.get("MAKE", "make"), "--no-print-directory", target]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        status, text = done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        status, text = 124, (error.stdout or b"").decode(errors="replace") + "timed out\n"
    passed, failed, skipped = count(text)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1  # it did not build, died, or ran nothing: none of these is a pass
    if failed:
        print(text.rstrip())
    print(f"{'FAILED' if failed else 'passed':7} {target}: {passed} passed, {failed} failed, {skipped} skipped",
          flush=True)
    return [passed, failed, skipped]


def main() -> int:
    results = [run(target) for target in sys.argv[1:]]
    passed, failed, skipped = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
