# SPDX-License-Identifier: MIT
"""`make run` and `make shell` as a user has them: two terminals, a key that stops, an exit code."""
import os
import pty
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import run
from machine import BUILD
from platforms import PATIENCE

RUN = [sys.executable, "-B", "tests/system/run.py"]
SHELL = [sys.executable, "-B", "tests/system/shell.py"]
BOOT_SECONDS = 90 * PATIENCE


class RunTest(unittest.TestCase):
    """Each test boots the shipped image the way `make run` does."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.env = {k: v for k, v in os.environ.items() if k != "RINGFENCE_NETWORK"}
        self.env["RINGFENCE_RUN_DIR"] = folder.name
        self.announcement = Path(folder.name) / "network.json"
        self.log = (BUILD / "logs" / f"{self.id().rsplit('.', 1)[1]}.out").open("w+b")
        self.addCleanup(self.log.close)

    def start(self, **streams: object) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(RUN, env=self.env, **streams)  # type: ignore[call-overload]
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.terminate)
        return child  # type: ignore[no-any-return]

    def output(self) -> str:
        self.log.flush()
        return (BUILD / "logs" / os.path.basename(self.log.name)).read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = BOOT_SECONDS) -> None:
        end = time.monotonic() + seconds
        while text not in self.output():
            self.assertLess(time.monotonic(), end, f"no {text!r} in:\n{self.output()[-2000:]}")
            time.sleep(0.2)

    def test_pipe_and_shell(self) -> None:
        """Without a terminal: keys come through a pipe, `make shell` reaches the guests, q stops."""
        child = self.start(stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_for("guests running")
        words = [*SHELL, "ping", "-n", "-c", "3", "-W", "3", "10.77.0.11"]
        shell = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=self.env)
        if '"datagram"' in self.announcement.read_text():
            self.assertIn("datagram", shell.stderr)
        else:
            self.assertIn(" 3 received", shell.stdout, shell.stdout + shell.stderr)
        assert child.stdin is not None
        child.stdin.write(b"q")
        child.stdin.close()
        self.assertEqual(child.wait(30), 0, self.output()[-2000:])
        self.assertFalse(self.announcement.exists())

    def test_terminal(self) -> None:
        """On a terminal: the live table shows the guests with their exits; one key is enough."""
        ours, theirs = pty.openpty()
        child = self.start(stdin=theirs, stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_for("guests running")
        mark = len(self.output())
        end = time.monotonic() + 20
        while not all(word in self.output()[mark:] for word in ("echo", "firewall", "meter", "exits")):
            self.assertLess(time.monotonic(), end, f"no live table in:\n{self.output()[mark:][-2000:]}")
            time.sleep(0.2)
        os.write(ours, b"q")
        self.assertEqual(child.wait(30), 0, self.output()[-2000:])
        self.assertRegex(self.output(), run.STOPPED)
        os.close(ours)
        os.close(theirs)

    def test_shell_without_run(self) -> None:
        done = subprocess.run(SHELL, capture_output=True, text=True, timeout=20, check=False, env=self.env)
        self.assertEqual(done.returncode, 1)
        self.assertIn("make run", done.stderr)


if __name__ == "__main__":
    unittest.main()
