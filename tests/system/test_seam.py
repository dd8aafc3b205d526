# SPDX-License-Identifier: MIT
"""The vendor seam: the same little guest does the same acts on SVM and on VMX, and each must end the same way, with the
same registers. One table for both; what the vendors cannot do alike is in DIFFERENT, with the reason."""
import re
from dataclasses import dataclass, field

import conf
from booted import BootedTest
from machine import PLATFORM

EACH, GUESTS = 8, 8  # acts of one guest: it may restart ten times a minute

BACK = "came back"  # and RAX with it, where that tells something
CONTROL = "privileged: kills: "
UD, GP = "#UD undefined instruction, error 0x0", "#GP general protection, error 0x"

EXPECTED = {  # act: what becomes of the guest
    "nop": BACK, "rdtsc": BACK, "pause": BACK, "pushf": BACK, "cli_sti": BACK, "swapgs": BACK, "cpuid": BACK,
    "hlt": BACK, "xgetbv": BACK + " 0x7",
    "read_cr0": CONTROL, "read_cr4": CONTROL, "cr2": CONTROL, "smsw": CONTROL, "read_cr3": CONTROL, "read_cr8": CONTROL,
    "clear_wp": CONTROL, "clear_pg": CONTROL, "lmsw_ts": CONTROL, "write_cr3": CONTROL, "clear_cr4": CONTROL,
    "write_cr8": CONTROL, "read_dr0": CONTROL, "read_dr7": CONTROL, "write_dr7": CONTROL,
    "lgdt": CONTROL, "lidt": CONTROL, "sgdt": CONTROL, "sidt": CONTROL, "lldt": CONTROL, "ltr": CONTROL,
    "sldt": CONTROL, "str": CONTROL, "rdmsr": CONTROL, "wrmsr": CONTROL,
    "invlpg": CONTROL, "invd": CONTROL, "wbinvd": CONTROL, "monitor": CONTROL, "mwait": CONTROL, "rdpmc": CONTROL,
    "in": "IN from port 0x1002", "out": "OUT to port 0x1002", "ins": CONTROL, "int1": CONTROL,
    "int80": GP + "402", "int3": "#BP breakpoint, error 0x0", "ud2": UD, "divide": "#DE divide error, error 0x0",
    "noncanonical": GP + "0", "load_null": "load from 0x0, which is not its memory",
    "store_code": "it stores into the page it runs from", "syscall": UD, "sysenter": UD, "iret": GP, "far_jump": GP,
    "load_ss": GP + "8", "step": "#DB debug trap, error 0x0", "vmrun": CONTROL, "vmxoff": UD,
}
DIFFERENT = {
    "qemu": {"int3": GP + "1a"},  # it looks at the (empty) IDT before it looks at the exception intercepts
    "bochs": {
        # VMX has no control over these: constants, or the guest's own
        "read_cr0": BACK + " 0x80010033", "read_cr4": BACK + " 0x540620", "cr2": BACK + " 0x1234",
        "smsw": BACK + " 0x80010033",
        "sysenter": GP + "0",  # AMD has no SYSENTER in long mode
        "vmrun": UD, "vmxoff": CONTROL,  # each vendor's own
    },
}
OFFSETS = {"monitor": 2, "mwait": 2, "divide": 2}  # bytes of the act before the instruction that counts
ZERO_ECX = (*OFFSETS, "xgetbv")
FLAGS = {"monitor": 0x46, "mwait": 0x46, "divide": 0x46, "step": 0x102, "xgetbv": 0x46, "rdtsc": 0x46}
IF = 1 << 9  # means nothing to a ring guest: VMX sets it at each entry (hv/kernel/vmx/README.md)
ELSEWHERE = "step"  # its trap comes after the RET


@dataclass
class Outcome:
    """How one act ended."""

    act: str
    text: str
    registers: dict[str, int] = field(default_factory=dict)


class Seam(BootedTest):
    """Eight guests, eight acts each, one after the other."""

    GUESTS = tuple(conf.Guest(f"conform{i}", i + 1, "conform.elf", str(i * EACH)) for i in range(GUESTS))
    HOST = {"log": "verbose", "nic": "none"}
    OPTIONS = {"cpus": 2, "nic": False}

    def outcome(self, name: str, mark: int) -> Outcome | None:
        """Of the act that the guest begins after mark; None: there are no more."""
        act = self.host.wait_guest(name, r"conform: (?P<act>\S+)$", 60, mark)["act"]
        if act == "end":
            return None
        end = self.machine.wait(rf"guest {name}: (?:died: )?(exited.*|vCPU 0 at .*)", 60, mark)[1]
        if end.startswith("exited"):
            back = self.host.wait_guest(name, r"came back: (?P<state>.*)", 10, mark)
            return Outcome(act, BACK, self.numbers(back["state"]))
        dump = self.machine.found(rf"guest {name}: vCPU 0: (r.* 0x.*)", mark)
        return Outcome(act, end, self.numbers(" ".join(m[1] for m in dump)) | self.place(end))

    @staticmethod
    def numbers(text: str) -> dict[str, int]:
        return {name: int(value, 16) for name, value in re.findall(r"(\w+) 0x([0-9a-f]+)", text)}

    @staticmethod
    def place(text: str) -> dict[str, int]:
        """Bytes from the act's first one to where it died."""
        found = re.search(r"\(act_\w+\+(\d+|0x[0-9a-f]+)\)", text)
        return {"offset": int(found[1], 0) - 2} if found else {}

    def all_outcomes(self) -> list[Outcome]:
        found = []
        for number, guest in enumerate(self.GUESTS, 1):
            mark = 0
            for left in reversed(range(EACH)):
                one = self.outcome(guest.name, mark)
                if one is None:
                    break
                found.append(one)
                mark = self.machine.mark()
                if left:
                    self.machine.key(f"r{number}")
        return found

    def check(self, one: Outcome) -> None:
        expected = DIFFERENT[PLATFORM].get(one.act, EXPECTED[one.act])
        words = expected.split()
        registers = one.registers
        self.assertIn(BACK if expected.startswith(BACK) else expected, one.text)
        if expected.startswith(BACK):
            registers["rflags"] = registers.pop("flags")
            self.assertEqual(registers["rax"], int(words[2], 0) if len(words) == 3 else registers["rax"])
        elif one.act != ELSEWHERE:
            self.assertEqual(registers.pop("offset"), OFFSETS.get(one.act, 0))
        if "rbx" in registers and one.act != "cpuid":
            self.assertEqual(registers["rbx"], 0x1003)
            self.assertEqual(registers["rcx"], 0 if one.act in ZERO_ECX else 0xC0000080)
            self.assertEqual(registers["rflags"] & ~IF, FLAGS.get(one.act, 2))

    def test_same_acts_same_ends(self) -> None:
        outcomes = self.all_outcomes()
        for one in outcomes:
            with self.subTest(one.act):
                self.check(one)
        self.assertEqual(sorted(one.act for one in outcomes), sorted(EXPECTED), "every act, once")


del BootedTest
