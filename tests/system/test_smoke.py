# SPDX-License-Identifier: MIT
"""`make smoke` in its three shapes: with the Linux stack as peer, with the datagram peer, without hypervisor."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import net
import platforms
from machine import BUILD

# What `make smoke` may take on two idle cores; we allow a busy machine twice that.
SECONDS = {"qemu": 60, "bochs": 240}[platforms.PLATFORM]
VERDICT = re.compile(r"(?m)^smoke: (\d+) guests, (\d+) frames, (\d+) lost, ([\d.]+) exits/frame .*\(peer=(\w+), ")
LEAST_FRAMES = 5000


class SmokeTest(unittest.TestCase):
    """Each test runs the command as a user does and reads its one verdict line."""

    def run_smoke(self, *words: str, **extra: str) -> re.Match[str]:
        env = {k: v for k, v in os.environ.items() if k != "RINGFENCE_NETWORK"} | extra
        command = [sys.executable, "-B", "tests/system/smoke.py", *words]
        with tempfile.TemporaryDirectory() as folder:
            env["RINGFENCE_RUN_DIR"] = folder
            done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False, env=env)
        name = self.id().rsplit(".", 1)[1]
        (BUILD / "logs" / f"{name}.out").write_text(done.stdout + done.stderr)
        self.said, verdict = done.stdout, VERDICT.search(done.stdout)
        assert verdict is not None, done.stdout + done.stderr
        print(f"        {verdict[0]}...", flush=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(verdict[3], "0")
        return verdict

    def test_shipped_image(self) -> None:
        verdict = self.run_smoke()
        self.assertEqual(verdict[1], "3")
        self.assertGreater(int(verdict[2]), LEAST_FRAMES)
        self.assertRegex(self.said, r"smoke: booting \S+ in \w+, sha256 [0-9a-f]{64}")
        if net.TUN_DEVICE.exists() and os.access(net.TUN_DEVICE, os.W_OK):
            self.assertEqual(verdict[5], "tap")

    def test_datagram_peer(self) -> None:
        verdict = self.run_smoke(RINGFENCE_PEER="datagram")
        self.assertEqual(verdict[5], "datagram")

    @platforms.only("qemu", "programs for the bare machine drive the 82576 only")
    def test_bare_machine(self) -> None:
        verdict = self.run_smoke("--bare", "echo")
        self.assertEqual((verdict[1], float(verdict[4])), ("1", 0.0))


if __name__ == "__main__":
    unittest.main()
