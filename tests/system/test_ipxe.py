# SPDX-License-Identifier: MIT
"""Boots over the network: TFTP and HTTP, iPXE in the NIC's option ROM and snponly.efi, files that lack something."""
import contextlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import booted
import host
import image
import platforms
import qemu
import screen

sys.path.append("boot/ipxe")
import dhcp  # noqa: E402  (found only now)

SCRIPT = Path("boot/ipxe/boot.ipxe")
SNPONLY = Path("/usr/lib/ipxe/snponly.efi")
GUESTS = ("echo.elf", "firewall.elf", "meter.elf")
BOOT_SECONDS = 90
BOOT_NICS = {"rom": "8086:10d3", "snponly": "1af4:1000"}  # 82574L, virtio-net
OUR_NIC = "8086:10c9"
# iPXE sets OVMF's text mode of 100 by 31 characters, which OVMF centres on its 1280 by 800 pixels.
TEXT_AT = ((1280 - 100 * 8) // 2, (800 - 31 * screen.FIRMWARE_HEIGHT) // 2)
COMMAND, BUS_MASTER = 4, 4  # PCI Local Bus 3.0, 6.2.2


@platforms.only("qemu", "Bochs's firmware starts from its disk only")
class IpxeTest(unittest.TestCase):
    """One boot a test. The folder is what `make netboot` writes."""

    def setUp(self) -> None:
        self._stack = contextlib.ExitStack()
        self.addCleanup(self._stack.close)
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        files = [SCRIPT, image.SHIPPED_CONF, SNPONLY, *image.base().values(), *(image.BUILD / g for g in GUESTS)]
        subprocess.run(["boot/netboot.sh", self.folder, *files], check=True, timeout=60)

    def boot(self, proto: str = "tftp", ipxe: str = "rom") -> qemu.Qemu:
        name = self.id().rsplit(".", 1)[1]
        machine = booted.boot(self._stack, f"ipxe_{name}", self.folder, netboot=(proto, ipxe))[0]
        assert isinstance(machine, qemu.Qemu)
        return machine

    def sums(self) -> None:
        subprocess.run(["boot/netboot.sh", self.folder], check=True, timeout=60)

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def cut(self, name: str, size: int) -> None:
        (self.folder / name).write_bytes((self.folder / name).read_bytes()[:size])

    def on_screen(self, machine: qemu.Qemu, text: str) -> bool:
        dump = self.folder / "screen.ppm"
        machine.screendump(dump)
        return screen.shows(dump, text, at=TEXT_AT)

    def said(self, machine: qemu.Qemu, why: str) -> None:
        """On the screen and on the serial port; nothing starts."""
        verdict = machine.wait(r"Ringfence cannot start: .*|Starting", BOOT_SECONDS)[0]
        self.assertRegex(verdict, why)
        end = time.monotonic() + 10
        while not (shown := self.on_screen(machine, verdict[:99])) and time.monotonic() < end:
            time.sleep(0.2)
        self.assertTrue(shown, machine.story("the screen does not show the verdict"))
        self.assertFalse(self.on_screen(machine, verdict[:99].replace("cannot", "should")))

    def ends(self, machine: qemu.Qemu) -> None:
        """A key, and the firmware has the machine back."""
        mark = machine.mark()
        machine.key("x")
        machine.wait(r"BdsDxe: failed to (load|start)", 20, mark)
        self.assertFalse(machine.found("Starting Ringfence"))

    def refused(self, machine: qemu.Qemu, why: str, todo: str) -> None:
        """By the loader: it tells, waits for a key and returns to the script, which does the same."""
        self.said(machine, why)
        machine.wait(rf"What to do: .*{todo}", 10)
        machine.key("x")
        machine.wait("Ringfence cannot start: the lines above say why", 20)
        self.ends(machine)


class Dhcp(unittest.TestCase):
    """boot/ipxe/dhcp.py: only answers to iPXE name another file."""

    @staticmethod
    def frame(port: int, transaction: int, *options: bytes) -> bytes:
        message = struct.pack("!4xI100x128s", transaction, b"snponly.efi") + bytes((99, 130, 83, 99))
        message += b"".join(options) + b"\xff"
        udp = struct.pack("!HHHH", 135 - port, port, 8 + len(message), 0x1234)
        ip = bytes((0x45,)) + bytes(8) + bytes((17,)) + bytes(10)
        return bytes(12) + b"\x08\x00" + ip + udp + message

    def test_two_boot_files(self) -> None:
        relay = dhcp.BootFile("boot.ipxe")
        for transaction, user_class in ((1, b""), (2, b"\x4d\x04iPXE"), (3, b"\x00\x4d\x04iPXF")):
            request = self.frame(67, transaction, b"\x35\x01\x01", user_class)
            self.assertEqual(relay.request(request), request)
        for transaction, changed in ((1, False), (2, True), (3, False), (4, False)):
            answer = self.frame(68, transaction, b"\x35\x01\x02")
            seen = relay.answer(answer)
            self.assertEqual(len(seen), len(answer))
            self.assertEqual(b"snponly.efi" in seen, not changed)
            self.assertEqual(b"boot.ipxe\0" in seen, changed)
            self.assertEqual(seen[40:42] == b"\0\0", changed, "the UDP checksum is no longer right")

    def test_other_frames_pass(self) -> None:
        relay = dhcp.BootFile("boot.ipxe")
        relay.request(self.frame(67, 2, b"\x4d\x04iPXE"))
        answer = self.frame(68, 2)
        for frame in (b"", answer[:30], answer[:100], answer[:12] + b"\x86\xdd" + answer[14:],
                      answer[:23] + b"\x06" + answer[24:], self.frame(69, 2)):
            self.assertEqual(relay.answer(frame), frame)


@platforms.only("qemu", "no iPXE for the NIC that Bochs emulates")
class Complete(IpxeTest):
    """All files are there: Ringfence starts with all guests, and nobody drives the boot NIC any more."""

    def masters(self, machine: qemu.Qemu) -> dict[str, bool]:
        """Vendor and device id of each endpoint on bus 0: may it be a bus master? Read from configuration space."""
        def ask(line: str) -> str:
            return str(machine.monitor("human-monitor-command", **{"command-line": line}))

        ecam = re.search(r"([0-9a-f]{16})-\S+ .*pcie-mmcfg", ask("info mtree"))
        assert ecam is not None, "no PCI configuration space in `info mtree`"
        found = {}
        for device, function, ident in re.findall(
                r"Bus  0, device +(\d+), function (\d+):\s+.*PCI device ([0-9a-f:]{9})", ask("info pci")):
            place = int(ecam[1], 16) + (int(device) << 15) + (int(function) << 12) + COMMAND
            found[ident] = bool(int(ask(f"xp /1hx {place:#x}").split()[-1], 16) & BUS_MASTER)
        return found

    def boots(self, proto: str, ipxe: str) -> None:
        machine = self.boot(proto, ipxe)
        nic = BOOT_NICS[ipxe]
        machine.wait(r"^Ringfence: fetching", BOOT_SECONDS)
        self.assertTrue(self.masters(machine)[nic], "control: the boot NIC is in use, so it must be a bus master")
        self.assertTrue(machine.found(r"http://.*boot.ipxe" if proto == "http" else r"tftp://.*boot.ipxe"))
        self.assertTrue(machine.found(r"using 82574l on" if ipxe == "rom" else r"using SNP on"))
        self.assertEqual(host.Host(machine).wait_ready(), (3, 3))
        self.assertRegex(machine.wait(r"ringfence: nic .*", 5)[0], rf"\[{OUR_NIC}\] 82576")
        self.assertEqual({k: v for k, v in self.masters(machine).items() if k in (nic, OUR_NIC)},
                         {nic: False, OUR_NIC: True})
        host.Host(machine).stop()

    def test_tftp_rom(self) -> None:
        self.boots("tftp", "rom")

    def test_http_rom(self) -> None:
        self.boots("http", "rom")

    def test_tftp_snponly(self) -> None:
        self.boots("tftp", "snponly")

    def test_http_snponly(self) -> None:
        self.boots("http", "snponly")


@platforms.only("qemu", "as Complete")
class Incomplete(IpxeTest):
    """Something is missing or damaged on the server. The control is Complete: same folder, untouched."""

    def test_missing_file(self) -> None:
        (self.folder / "root.elf").unlink()
        machine = self.boot("http")
        self.said(machine, r"root\.elf was not fetched")
        machine.wait("What to do: put root.elf beside boot.ipxe", 10)
        self.assertTrue(machine.found(r"root\.elf\.\.\. .*(No such file|not found)"))
        self.ends(machine)

    def test_truncated_loader(self) -> None:
        self.cut("BOOTX64.EFI", self.size("BOOTX64.EFI") // 2)
        machine = self.boot()
        self.said(machine, r"If they are iPXE's, BOOTX64\.EFI is damaged")
        self.assertTrue(machine.found("Could not boot"))
        self.ends(machine)

    def test_missing_in_script(self) -> None:
        """A guest that ringfence.conf names and the script does not fetch."""
        lines = [line for line in SCRIPT.read_text().splitlines(True) if "meter.elf" not in line]
        (self.folder / SCRIPT.name).write_text("".join(lines))
        size = self.size("meter.elf")
        self.refused(self.boot(), rf"meter\.elf was not fetched; ringfence\.sums expects {size} bytes", "iPXE script")

    def test_truncated_file(self) -> None:
        whole = self.size("root.elf")
        self.cut("root.elf", whole // 2)
        self.refused(self.boot(), rf"root\.elf is truncated: {whole // 2} bytes, ringfence\.sums says {whole}", "again")

    def test_truncated_configuration(self) -> None:
        """Cut between two lines it would be a good one, with fewer guests: only the length tells."""
        text = image.SHIPPED_CONF.read_text()
        self.cut("ringfence.conf", text.index("[guest meter]"))
        self.refused(self.boot("http"), r"ringfence\.conf is truncated: .* says", "again")

    def test_truncated_configuration_unseen(self) -> None:
        """The control: with sums of the cut file itself, it starts, and the guest is not there."""
        self.cut("ringfence.conf", image.SHIPPED_CONF.read_text().index("[guest meter]"))
        self.sums()
        self.assertEqual(host.Host(self.boot()).wait_ready(), (2, 2))

    def test_damaged_guest(self) -> None:
        data = bytearray((self.folder / "echo.elf").read_bytes())
        data[len(data) // 2] ^= 1
        (self.folder / "echo.elf").write_bytes(data)
        self.refused(self.boot(), r"echo\.elf is damaged or was changed: checksum \d+, ringfence\.sums says \d+",
                     "again")

    def test_truncated_sums(self) -> None:
        self.cut("ringfence.sums", self.size("ringfence.sums") - 3)
        lines = len((self.folder / "ringfence.sums").read_text().splitlines())
        self.refused(self.boot("http"), rf"ringfence\.sums line {lines} is not", "anew")

    def test_not_in_sums(self) -> None:
        """A guest image of one's own, put there without making ringfence.sums anew."""
        shutil.copy(self.folder / "echo.elf", self.folder / "mine.elf")
        conf = self.folder / "ringfence.conf"
        conf.write_text(conf.read_text().replace("image = meter.elf", "image = mine.elf"))
        script = self.folder / SCRIPT.name
        script.write_text(script.read_text().replace("file meter.elf", "file mine.elf"))
        self.sums()
        sums = self.folder / "ringfence.sums"
        sums.write_text("".join(line for line in sums.read_text().splitlines(True) if "mine.elf" not in line))
        self.refused(self.boot(), r"ringfence\.sums has no line for mine\.elf", "anew")


if __name__ == "__main__":
    unittest.main()
