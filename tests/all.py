# SPDX-License-Identifier: MIT
"""`make test`: the make targets given, one after the other; their closing lines added up into one.

  all.py TARGET...      each target prints `N passed, N failed, N skipped` at its end; TARGET@PLATFORM is
                        `make TARGET PLATFORM=PLATFORM`
"""
import os
import re
import subprocess
import sys
import time

_CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def run(target: str) -> list[int]:
    """Show the target's output as it comes; a target that fails to tell its counts is one failure."""
    begin, counts = time.monotonic(), None
    name, _, platform = target.partition("@")
    words = [os.environ.get("MAKE", "make"), "--no-print-directory", name, f"PLATFORM={platform or 'qemu'}"]
    target = " ".join(words[2:] if platform else [name])
    print(f"==== make {target}", flush=True)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, errors="replace") as child:
        assert child.stdout is not None
        for line in child.stdout:
            found = _CLOSING.match(line.rstrip())
            if found:
                counts = [int(n) for n in found.groups()]
            print(line, end="", flush=True)
    print(f"==== make {target}: {time.monotonic() - begin:.0f} s", flush=True)
    if counts is None or (child.returncode != 0 and counts[1] == 0):
        return [counts[0] if counts else 0, 1, counts[2] if counts else 0]
    return counts


def main() -> int:
    totals = [sum(column) for column in zip(*(run(target) for target in sys.argv[1:]))]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
