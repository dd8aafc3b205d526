# SPDX-License-Identifier: MIT
"""`make attacks`: runs the test modules, then adds up what they held in one closing line.

  run.py [-k TEXT] MODULE.py ...     as runner.py

An attack is one kind of try under one set of defences: it held if every single try failed. A control is the same with
one defence off: it succeeded if the attack did. An escape or a control without effect is a failed test, too.
"""
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))
from machine import PLATFORM  # noqa: E402  (found only now)

RUNNER = Path(__file__).resolve().parent.parent / "runner.py"


def closing_line(score: "Counter[str]") -> str:
    line = f"attacks: {score['held']} held, {score['escaped']} escaped, {score['control']} controls succeeded"
    if score["powerless"]:
        line += f", {score['powerless']} controls failed"
    return f"{line} ({PLATFORM}; {score['tries']} single tries)"


def main() -> int:
    with tempfile.NamedTemporaryFile("r") as score:
        words = [sys.executable, "-B", str(RUNNER), *sys.argv[1:]]
        status = subprocess.run(words, env=os.environ | {"RINGFENCE_SCORE": score.name}).returncode
        total: Counter[str] = Counter()
        for line in score:
            kind, number = line.split()
            total[kind] += int(number)
    print(closing_line(total), flush=True)
    return 1 if status or total["escaped"] or total["powerless"] else 0


if __name__ == "__main__":
    sys.exit(main())
