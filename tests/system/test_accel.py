# SPDX-License-Identifier: MIT
"""boot/accel.py: KVM is chosen where it gives svm or vmx to its guests, and nowhere else."""
import os
import struct
import sys
import unittest
from pathlib import Path
from unittest import mock

import qemu

sys.path.append("boot")
import accel  # noqa: E402  (found only now)

# Leaves as KVM gave them on an EPYC (Milan) whose KVM does not nest; what it lacks is in the tables below.
# The other two are this one with the bits that the manuals name: no KVM that nests was at hand.
NEITHER = {
    (0, 0): (0x0000001C, 0x68747541, 0x444D4163, 0x69746E65),
    (1, 0): (0x00A10F11, 0x01020800, 0x81202000, 0x078BFBFF),
    (7, 0): (0x00000001, 0x01800002, 0x00000104, 0x20000000),
    (0x80000001, 0): (0x00A10F11, 0x40000000, 0x00400393, 0x23D3FBFF),
    (0x8000000A, 0): (0, 0, 0, 0),
}
SVM_BIT, VMX_BIT = 1 << 2, 1 << 5
SVM_ALONE = NEITHER | {(0x80000001, 0): (0x00A10F11, 0x40000000, 0x00400393 | SVM_BIT, 0x23D3FBFF)}
SVM = SVM_ALONE | {(0x8000000A, 0): (1, 8, 0, 0x0001001B)}
VMX = NEITHER | {(1, 0): (0x000606A6, 0x01020800, 0x81202000 | VMX_BIT, 0x078BFBFF)}
NOT_THESE_BITS = NEITHER | {(1, 0): (0x00A10F11, VMX_BIT, 0x81202000, VMX_BIT), (1, 1): (0, 0, VMX_BIT, 0),
                            (0x80000001, 0): (SVM_BIT, SVM_BIT, 0x00400393, SVM_BIT)}


def as_kvm_writes(table: accel.Table) -> bytes:
    """struct kvm_cpuid2 with a few entries of room behind those it counts."""
    entries = (struct.pack("=7I12x", *place, 1, *leaf) for place, leaf in table.items())
    return struct.pack("=II", len(table), 0) + b"".join(entries) + b"\xff" * 80


class Accel(unittest.TestCase):
    """No boot: the decision, from tables."""

    def chosen(self, table: accel.Table) -> accel.Choice:
        parsed = accel.parse(as_kvm_writes(table))
        self.assertEqual(parsed, table)
        return accel.choose(parsed)

    def test_neither(self) -> None:
        choice = self.chosen(NEITHER)
        self.assertEqual(choice.accel, "tcg,thread=multi")
        self.assertEqual(choice.line, "QEMU TCG: /dev/kvm does not offer svm or vmx to guests")

    def test_svm(self) -> None:
        choice = self.chosen(SVM)
        self.assertEqual((choice.accel, choice.cpu), ("kvm", "host,+svm,+npt"))
        self.assertIn("/dev/kvm offers svm to guests", choice.line)

    def test_vmx(self) -> None:
        choice = self.chosen(VMX)
        self.assertEqual((choice.accel, choice.cpu), ("kvm", "host,+vmx"))
        self.assertIn("/dev/kvm offers vmx to guests", choice.line)

    def test_svm_without_nested_paging(self) -> None:
        choice = self.chosen(SVM_ALONE)
        self.assertFalse(choice.kvm)
        self.assertIn("without nested paging", choice.line)

    def test_same_bits_elsewhere(self) -> None:
        self.assertFalse(self.chosen(NOT_THESE_BITS).kvm)
        self.assertFalse(accel.choose({}).kvm)

    def test_no_kvm(self) -> None:
        for error, why in ((FileNotFoundError(), "there is no /dev/kvm"), (PermissionError(), "no right to use"),
                           (OSError(25, "odd"), "cannot be asked: odd")):
            with mock.patch.object(accel, "supported_cpuid", side_effect=error):
                self.assertFalse(accel.probe().kvm)
                self.assertIn(why, accel.probe().line)

    def test_wanted(self) -> None:
        """ACCEL=tcg does not even ask; ACCEL=kvm is refused with the reason where it cannot be."""
        with mock.patch.object(accel, "supported_cpuid", return_value=SVM) as asked:
            self.assertFalse(accel.wanted("tcg").kvm)
            asked.assert_not_called()
            self.assertTrue(all(accel.wanted(word).kvm for word in ("", "auto", "kvm")))
        with mock.patch.object(accel, "supported_cpuid", return_value=NEITHER):
            self.assertFalse(accel.wanted("").kvm)
            self.assertRaisesRegex(ValueError, "does not offer svm or vmx", accel.wanted, "kvm")
        self.assertRaisesRegex(ValueError, "ACCEL=hvf: unknown", accel.wanted, "hvf")

    def test_words_for_qemu(self) -> None:
        """What is chosen reaches boot/run-qemu.sh; without a choice, tests stay with its TCG."""
        choice = accel.choose(SVM)
        with mock.patch.dict(os.environ):
            os.environ.pop("ACCEL", None)
            _, env = qemu.command(qemu.Options(Path("x"), accel=choice.accel, cpu=choice.cpu), None)
            self.assertEqual((env["ACCEL"], env["CPU"]), ("kvm", "host,+svm,+npt"))
            self.assertNotIn("ACCEL", qemu.command(qemu.Options(Path("x")), None)[1])

    def test_this_computer(self) -> None:
        """Whatever it is, there is one line that says why. The real table, if there is one, is a whole one."""
        self.assertRegex(accel.probe().line, r"^QEMU (TCG|with KVM): \S.*$")
        try:
            table = accel.supported_cpuid()
        except OSError as error:
            self.skipTest(f"no usable /dev/kvm here: {error}")
        self.assertIn((0x80000001, 0), table)
        self.assertGreaterEqual(table[0, 0][0], 1)


if __name__ == "__main__":
    unittest.main()
