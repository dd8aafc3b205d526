# SPDX-License-Identifier: MIT
"""The command `dbos` as a driver's author meets it: exit codes, findings, JSON, explanations."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("B", "build"))
DBOS = BUILD / "dbos" / "dbos"
FINE = "nop"
HARD = "mov $0xef010f, %eax"
WARNS = "rdmsr"
STORES = "mov %rax, (%rdi); nop; nop; nop; movl $1, 8(%rsi); push %rax; mov %eax, 8(%rsp)"
REFUSED = ".byte 0x66, 0xe9, 0, 0, 0, 0"
LINK = ["-static", "-Ttext-segment=0x400000000", "-z", "separate-code", "-z", "noexecstack"]


class Command(unittest.TestCase):
    folder: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def image(self, body: str, linked: bool = True) -> Path:
        """A guest (or object) whose only function has this body."""
        source, thing = Path(self.folder.name, "t.s"), Path(self.folder.name, "t.o")
        source.write_text(f".globl _start\n.type _start,@function\n_start: {body}\nret\n.size _start, .-_start\n"
                          ".section .note.GNU-stack\n")
        subprocess.run(["as", str(source), "-o", str(thing)], check=True, timeout=60)
        if not linked:
            return thing
        subprocess.run(["ld", *LINK, str(thing), "-o", str(thing.with_suffix(".elf"))], check=True, timeout=60)
        return thing.with_suffix(".elf")

    def dbos(self, *words: object) -> tuple[int, str, str]:
        done = subprocess.run([str(DBOS), *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_exit_codes(self) -> None:
        for body, options, code in ((FINE, [], 0), (HARD, [], 0), (WARNS, [], 0), (WARNS, ["--strict"], 2),
                                    (REFUSED, [], 2)):
            with self.subTest(body=body, options=options):
                self.assertEqual(self.dbos(*options, "check", self.image(body))[0], code)
        self.assertEqual(self.dbos("check", "/nonexistent")[0], 1)
        self.assertEqual(self.dbos("check")[0], 1)
        self.assertEqual(self.dbos("--nonsense", "check", "x")[0], 1)

    def test_finding(self) -> None:
        """Address, bytes, disassembly, place, rule, what was done, how to avoid it; then a summary."""
        _, out, _ = self.dbos("check", self.image(HARD))
        for part in ("0x400001000", "mov eax, 0xef010f", "[b8 0f 01 ef 00]", "_start+0x0", "(hard-bytes)",
                     "rewritten", "by accident", "0 errors, 0 warnings; 1 rewritten", ": starts\n"):
            self.assertIn(part, out)
        self.assertEqual(len(self.dbos("--quiet", "check", self.image(HARD))[1].splitlines()), 2)

    def test_json(self) -> None:
        code, out, _ = self.dbos("--json", "check", self.image(f"{HARD}; {WARNS}"))
        told = json.loads(out)
        self.assertEqual((code, told["exit"], told["verdict"], told["kind"]), (0, 0, "starts", "guest"))
        self.assertEqual([f["rule"] for f in told["findings"]], ["hard-bytes", "privileged"])
        self.assertEqual(told["findings"][1] | {"avoid": ""}, {
            "address": "0x400001005", "length": 2, "bytes": "0f32", "instruction": "rdmsr",
            "function": "_start+0x5", "severity": "warning", "rule": "privileged", "action": "kills", "avoid": ""})
        self.assertEqual((told["summary"]["rewritten"], told["summary"]["warnings"]), (1, 1))

    def test_explain(self) -> None:
        image = self.image(f"{HARD}; {FINE}")
        self.assertIn("jmp 0x400001005", self.dbos("explain", image, "400001003")[1])  # its trampoline's end
        self.assertIn("no rule is against it", self.dbos("explain", image, "400001005")[1])
        self.assertIn("nothing is mapped", self.dbos("explain", image, "500000000")[1])
        self.assertEqual(self.dbos("explain", image, "here")[0], 1)

    def test_rewrite(self) -> None:
        """The file that is written has no finding any more, and runs from the trampoline."""
        image = self.image(HARD)
        out = image.with_suffix(".out")
        self.assertEqual(self.dbos("rewrite", image, out)[0], 0)
        self.assertEqual(out.read_bytes().count(b"\x0f\x01\xef"), 0)
        self.assertEqual(image.read_bytes().count(b"\x0f\x01\xef"), 1)
        self.assertIn("0 rewritten", self.dbos("check", out)[1])

    def test_object(self) -> None:
        """No guest image; its code can be judged all the same."""
        thing = self.image(HARD, linked=False)
        self.assertEqual(self.dbos("check", thing)[0], 2)
        code, out, _ = self.dbos("--code", "check", thing)
        self.assertEqual(code, 0)
        self.assertIn("its code is accepted", out)

    def test_stores(self) -> None:
        """Two stores could go to the window, one goes to the stack; one more cannot be done."""
        code, out, _ = self.dbos("stores", self.image(STORES), "_start")
        self.assertEqual(code, 0)
        self.assertIn("2 rewritten", out)
        code, out, _ = self.dbos("stores", self.image("maskmovdqu %xmm1, %xmm0"), "_start")
        self.assertEqual(code, 2)
        self.assertIn("some stores would exit or kill", out)
        self.assertEqual(self.dbos("stores", self.image(FINE), "nowhere")[0], 1)


if __name__ == "__main__":
    unittest.main()
