# SPDX-License-Identifier: MIT
"""What runs the machine of `make run`: KVM where /dev/kvm really offers its guests svm or vmx, else QEMU's TCG.

/dev/kvm alone says nothing, nor do the host's own CPU flags: only what KVM gives to guests counts, and that it tells by
KVM_GET_SUPPORTED_CPUID. Run as a program it prints its choice.
"""
import array
import errno
import fcntl
import struct
import sys
from dataclasses import dataclass

DEVICE = "/dev/kvm"
# linux/kvm.h: _IO(0xAE, 0x00); _IOWR(0xAE, 0x05, struct kvm_cpuid2), whose fixed part has 8 bytes
_GET_API_VERSION, _API_VERSION = 0xAE00, 12
_GET_SUPPORTED_CPUID = 0xC008AE05
_HEAD = struct.Struct("=II")  # nent, padding
_ENTRY = struct.Struct("=IIIIIII12x")  # function, index, flags, eax, ebx, ecx, edx
_MOST_ENTRIES = 4096

# One CPUID leaf: eax, ebx, ecx, edx. A table has them by function and index.
Leaf = tuple[int, int, int, int]
Table = dict[tuple[int, int], Leaf]


@dataclass(frozen=True)
class Choice:
    """QEMU's -accel and -cpu (empty: as boot/run-qemu.sh has it), and one line for the user."""

    accel: str
    cpu: str
    line: str

    @property
    def kvm(self) -> bool:
        return self.accel == "kvm"


def _tcg(why: str) -> Choice:
    return Choice("tcg,thread=multi", "", f"QEMU TCG: {why}")


def _kvm(what: str, cpu: str) -> Choice:
    return Choice("kvm", cpu, f"QEMU with KVM: {DEVICE} offers {what} to guests (ACCEL=tcg: without it)")


def parse(data: bytes) -> Table:
    """A struct kvm_cpuid2 as KVM fills it."""
    count, _ = _HEAD.unpack_from(data)
    entries = (_ENTRY.unpack_from(data, _HEAD.size + n * _ENTRY.size) for n in range(count))
    return {(function, index): (eax, ebx, ecx, edx) for function, index, _, eax, ebx, ecx, edx in entries}


def choose(table: Table) -> Choice:
    """From what KVM gives to guests."""
    nothing = (0, 0, 0, 0)
    if table.get((0x80000001, 0), nothing)[2] >> 2 & 1:  # AMD APM vol. 3, E.4.2: SVM
        if table.get((0x8000000A, 0), nothing)[3] & 1:  # E.4.9: NP
            return _kvm("svm", "host,+svm,+npt")
        return _tcg(f"{DEVICE} offers svm to guests, but without nested paging")
    if table.get((1, 0), nothing)[2] >> 5 & 1:  # Intel SDM vol. 2, CPUID: VMX
        return _kvm("vmx", "host,+vmx")
    return _tcg(f"{DEVICE} does not offer svm or vmx to guests")


def supported_cpuid() -> Table:
    """What this computer's KVM gives to guests. OSError if there is no KVM for us."""
    with open(DEVICE, "r+b", buffering=0) as kvm:
        version = fcntl.ioctl(kvm, _GET_API_VERSION)
        if version != _API_VERSION:
            raise OSError(errno.EPROTO, f"it speaks version {version} of the API, not {_API_VERSION}")
        entries = 128
        while True:
            data = array.array("B", _HEAD.pack(entries, 0) + bytes(entries * _ENTRY.size))
            try:
                fcntl.ioctl(kvm, _GET_SUPPORTED_CPUID, data)
                return parse(data.tobytes())
            except OSError as error:
                if error.errno != errno.E2BIG or entries >= _MOST_ENTRIES:
                    raise
                entries *= 2


def probe() -> Choice:
    try:
        return choose(supported_cpuid())
    except FileNotFoundError:
        return _tcg(f"there is no {DEVICE}")
    except PermissionError:
        return _tcg(f"no right to use {DEVICE} (its group is often kvm)")
    except OSError as error:
        return _tcg(f"{DEVICE} cannot be asked: {error.strerror}")


def wanted(accel: str) -> Choice:
    """ACCEL of the command line: nothing or auto, tcg, kvm. ValueError says why it cannot be."""
    if accel == "tcg":
        return _tcg("ACCEL=tcg asks for it")
    if accel not in ("", "auto", "kvm"):
        raise ValueError(f"ACCEL={accel}: unknown; there are auto, tcg and kvm")
    choice = probe()
    if accel == "kvm" and not choice.kvm:
        raise ValueError(f"ACCEL=kvm: not here, so {choice.line}")
    return choice


if __name__ == "__main__":
    try:
        print(wanted(sys.argv[1] if len(sys.argv) > 1 else "").line)
    except ValueError as unusable:
        sys.exit(str(unusable))
