# SPDX-License-Identifier: MIT
"""Runs test modules, each in a process of its own, at most two at once; ends with one line.

  runner.py [-j N] [-k TEXT] MODULE.py ...     -k: only tests whose name contains TEXT

A module is a unittest file. Modules that boot machines enter a network namespace of their own when
they are loaded (booted.py), which is why each has its own process. The last line is `N passed, N failed, N skipped`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODULE_SECONDS = 900 if os.environ.get("PLATFORM") != "bochs" else 2700


def closing_line(passed: int, failed: int, skipped: int) -> str:
    return f"{passed} passed, {failed} failed, {skipped} skipped"


class _Result(unittest.TestResult):
    """Prints each test as it ends and counts it once. A sub-test that fails fails its test."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self.module, self.counts = module, {"passed": 0, "failed": 0, "skipped": 0}
        self._begin = 0.0
        self._bad: set[str] = set()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._begin = time.monotonic()

    def _say(self, verdict: str, test: unittest.TestCase, why: str = "") -> None:
        name = test.id().removeprefix("__main__.").removeprefix(f"{self.module}.")
        took = f" ({time.monotonic() - self._begin:.1f} s)" if self._begin else ""
        print(f"{verdict:7} {self.module}.{name}{took}{': ' + why if why else ''}", flush=True)

    def _fail(self, test: unittest.TestCase, shown: unittest.TestCase, err: object) -> None:
        self._say("FAILED", shown)
        text = str(self._exc_info_to_string(err, test))  # type: ignore[attr-defined]
        print("\n".join(f"        {line}" for line in text.splitlines()), flush=True)
        if test.id() not in self._bad:
            self.counts["failed"] += 1
        self._bad.add(test.id())

    def addSuccess(self, test: unittest.TestCase) -> None:
        if test.id() not in self._bad:
            self.counts["passed"] += 1
            self._say("passed", test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.counts["skipped"] += 1
        self._say("skipped", test, reason)

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        self._fail(test, test, err)

    addError = addFailure

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: object) -> None:
        if err is not None:
            self._fail(test, subtest, err)


def _selected(suite: unittest.TestSuite, text: str) -> unittest.TestSuite:
    chosen = unittest.TestSuite()
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            chosen.addTest(_selected(item, text))
        elif text in item.id():
            chosen.addTest(item)
    return chosen


def run_here(module: Path, text: str, report: Path) -> None:
    """The child's side: run one module in this process and write its counts to `report`."""
    sys.path[:0] = [str(module.parent), str(Path(__file__).resolve().parent / "system")]
    suite = unittest.defaultTestLoader.loadTestsFromName(module.stem)
    result = _Result(module.stem)
    _selected(suite, text).run(result)
    report.write_text(json.dumps(result.counts))


def _run_child(module: Path, text: str) -> dict[str, int]:
    """The parent's side. A child that dies or hangs is one failure more."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "counts"
        words = [sys.executable, "-B", __file__, "--child", str(report), "-k", text, str(module)]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            out, _ = child.communicate(timeout=MODULE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            out = child.communicate()[0] + f"\nFAILED  {module.stem}: not done after {MODULE_SECONDS} s"
        print(out.rstrip(), flush=True)
        if child.returncode == 0 and report.exists():
            return dict(json.loads(report.read_text()))
        print(f"FAILED  {module.stem}: the test process ended with status {child.returncode}", flush=True)
        return {"passed": 0, "failed": 1, "skipped": 0}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("-k", default="")
    parser.add_argument("--child", type=Path)
    parser.add_argument("module", type=Path, nargs="+")
    args = parser.parse_args()
    if args.child:
        run_here(args.module[0].resolve(), args.k, args.child)
        return 0
    with ThreadPoolExecutor(args.j) as pool:
        counts = list(pool.map(lambda module: _run_child(module, args.k), args.module))
    total = [sum(c[name] for c in counts) for name in ("passed", "failed", "skipped")]
    print(closing_line(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
