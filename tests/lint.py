# SPDX-License-Identifier: MIT
"""`make lint`: what a reader would object to, found by machine. Prints each finding; fails on any.

Works on the files git knows, so that a half-written file of a neighbour does not count.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from elf import Elf  # noqa: E402  (found only now)

RING0_LINES = 7500
ACCEPT_LINES = 60
GUARD_BYTES = 4096
FILE_LINES = 400

SOURCE = (".c", ".h", ".S")
TEXT = (*SOURCE, ".py", ".sh", ".mk", ".ld", ".conf", ".md")
_MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|home|root)/\w")
_REGISTRY = re.compile(r"https?://[^\s/]*\.?(deb|security|registry|pypi|npmjs|crates|debian|ubuntu)\b", re.I)


def tracked(*suffixes: str) -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in names.split("\0") if name]
    return [p for p in paths if p.suffix in suffixes and p.exists()]


def lines_of(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _tool(words: list[str], files: list[Path]) -> list[str]:
    """Output lines of a checker that must be silent."""
    if not files:
        return []
    if not shutil.which(words[0]):
        return [f"{words[0]} is not installed (boot/deps.sh test)"]
    done = subprocess.run([*words, *map(str, files)], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode == 0:
        return []
    return (done.stdout + done.stderr).splitlines()[:40] or [f"{words[0]} failed"]


def shell_scripts() -> list[Path]:
    return [p for p in [*tracked(".sh"), Path(".ci/run")] if p.exists()]


def check_format() -> list[str]:
    """All C; headers that assembly shares with C are formatted by hand."""
    files = [p for p in tracked(".c", ".h") if ".macro" not in p.read_text(errors="replace")]
    return _tool(["clang-format", "--dry-run", "-Werror"], files)


def check_shell() -> list[str]:
    return _tool(["shellcheck", "-x", "-S", "warning"], shell_scripts())


def check_python() -> list[str]:
    found = []
    for path in tracked(".py"):
        try:
            compile(path.read_text(), str(path), "exec")
        except SyntaxError as error:
            found.append(f"{path}: {error}")
        found += [f"{path}:{n}: line longer than 120" for n, line in enumerate(lines_of(path), 1) if len(line) > 120]
    return found


def check_spdx() -> list[str]:
    files = [*tracked(*SOURCE, ".py", ".sh", ".ld"), *shell_scripts()]
    return [f"{p}: no SPDX line at its head" for p in files
            if not any("SPDX-License-Identifier: MIT" in line for line in lines_of(p)[:3])]


def check_lengths() -> list[str]:
    files = [*tracked(*SOURCE, ".py", ".sh"), *shell_scripts()]
    return [f"{p}: {n} lines, more than {FILE_LINES}" for p in files if (n := len(lines_of(p))) > FILE_LINES]


def check_hosts_and_paths() -> list[str]:
    found = []
    for path in [*tracked(*TEXT), Path("Makefile"), Path(".ci/run")]:
        for n, line in enumerate(lines_of(path) if path.exists() else [], 1):
            if _MACHINE_PATHS.search(line) and path != Path(__file__).relative_to(Path.cwd()):
                found.append(f"{path}:{n}: path of one machine: {line.strip()}")
            if _REGISTRY.search(line):
                found.append(f"{path}:{n}: registry host: {line.strip()}")
    return found


def ring0_lines() -> int:
    """Lines of C, headers and assembly in hv/kernel, comments included, blank ones not."""
    ours = [p for p in tracked(*SOURCE) if p.parts[:2] == ("hv", "kernel")]
    return sum(1 for p in ours for line in lines_of(p) if line.strip())


def check_ring0() -> list[str]:
    count = ring0_lines()
    print(f"lint: ring 0 has {count} lines, comments included, blank lines not (limit {RING0_LINES})")
    return [f"hv/kernel has {count} lines"] if count > RING0_LINES else []


def check_acceptance() -> list[str]:
    """The lines between its two markers, blank ones and comments included."""
    for path in tracked(".c"):
        marks = [n for n, line in enumerate(lines_of(path)) if re.search(r"the check: (begin|end)\b", line)]
        if len(marks) == 2:
            count = marks[1] - marks[0] - 1
            print(f"lint: the acceptance check has {count} lines (limit {ACCEPT_LINES}), {path}")
            return [f"{path}: the acceptance check has {count} lines"] if count > ACCEPT_LINES else []
    return ["no file marks where the acceptance check begins and ends"]


def check_guard() -> list[str]:
    """The guard in the built kernel is one page, and all of its code is in there."""
    kernel = Path(os.environ.get("B", "build")) / "ringfence.elf"
    if not kernel.exists():
        return [f"{kernel} is not built (make kernel)"]
    image = Elf(kernel.read_bytes())
    symbols = image.symbols()
    start, size = symbols["guard_page"], symbols["guard_page_end"] - symbols["guard_page"]
    used = len(image.read(start, size).rstrip(b"\xcc"))
    print(f"lint: the guard has {used} bytes of code (limit {GUARD_BYTES})")
    good = size == GUARD_BYTES and start % GUARD_BYTES == 0 and used < GUARD_BYTES
    return [] if good else [f"the guard: {size} bytes at {start:#x}, {used} used"]


CHECKS: dict[str, Callable[[], list[str]]] = {
    "clang-format": check_format,
    "shellcheck": check_shell,
    "python": check_python,
    "SPDX": check_spdx,
    "length": check_lengths,
    "hosts and paths": check_hosts_and_paths,
    "ring 0": check_ring0,
    "acceptance": check_acceptance,
    "guard": check_guard,
}


def main() -> int:
    os.chdir(Path(__file__).resolve().parent.parent)
    bad = 0
    for name, check in CHECKS.items():
        found = check()
        bad += bool(found)
        for line in found:
            print(f"lint: {name}: {line}")
    print(f"lint: {len(CHECKS)} checks, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
