# SPDX-License-Identifier: MIT
"""Gives QEMU's DHCP server what that of a real network has: two boot files.

Firmware that asks for a boot file gets snponly.efi; iPXE, once it runs, asks again and must get the
script. They are told apart by the user class (RFC 3004), which QEMU's server does not know: it names
snponly.efi to both, and iPXE would load itself for ever. So this relays frames between the emulated NIC and
that server, and changes the file in the answers to iPXE.

  dhcp.py BOOTFILE QEMU OPTION...      runs QEMU; {nic} and {server} in its options become the two sockets
"""
import os
import select
import socket
import struct
import sys

_FRAME_BYTES = 65536
_UDP, _SERVER_PORT, _CLIENT_PORT = 17, 67, 68
_MAGIC = bytes((99, 130, 83, 99))  # RFC 2132, 2
_FILE, _FILE_BYTES, _OPTIONS = 108, 128, 240  # RFC 2131, 2: `file`; where options begin
_USER_CLASS, _PAD, _END = 77, 0, 255


def dhcp_at(frame: bytes, port: int) -> int:
    """Where the DHCP message to this UDP port begins in an Ethernet frame, or 0."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00" or frame[23] != _UDP:
        return 0
    udp = 14 + (frame[14] & 15) * 4
    at = udp + 8
    if frame[udp + 2:udp + 4] != struct.pack("!H", port) or frame[at + 236:at + 240] != _MAGIC:
        return 0
    return at


def option(message: bytes, code: int) -> bytes:
    """The value of a DHCP option, or nothing."""
    at = _OPTIONS
    while at + 1 < len(message) and message[at] != _END:
        if message[at] == _PAD:
            at += 1
            continue
        if message[at] == code:
            return message[at + 2:at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return b""


class BootFile:
    """Remembers which transactions are iPXE's and names another boot file in the answers to these."""

    def __init__(self, name: str) -> None:
        self._name = name.encode().ljust(_FILE_BYTES, b"\0")
        self._ipxe: set[bytes] = set()

    def request(self, frame: bytes) -> bytes:
        at = dhcp_at(frame, _SERVER_PORT)
        if at and b"iPXE" in option(frame[at:], _USER_CLASS):
            self._ipxe.add(frame[at + 4:at + 8])
        return frame

    def answer(self, frame: bytes) -> bytes:
        at = dhcp_at(frame, _CLIENT_PORT)
        if not at or frame[at + 4:at + 8] not in self._ipxe:
            return frame
        changed = bytearray(frame)
        changed[at + _FILE:at + _FILE + _FILE_BYTES] = self._name
        changed[at - 2:at] = b"\0\0"  # no UDP checksum (RFC 768)
        return bytes(changed)


def relay(nic: socket.socket, server: socket.socket, name: str, gone: int) -> None:
    """Pass frames on until QEMU, which holds the other end of the pipe `gone`, has ended."""
    boot_file = BootFile(name)
    while True:
        ready, _, _ = select.select([nic, server, gone], [], [])
        if gone in ready:
            return
        if nic in ready:
            server.send(boot_file.request(nic.recv(_FRAME_BYTES)))
        if server in ready:
            nic.send(boot_file.answer(server.recv(_FRAME_BYTES)))


def main() -> None:
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    gone, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        for _, theirs in pairs:
            theirs.close()
        try:
            relay(pairs[0][0], pairs[1][0], sys.argv[1], gone)
        except (OSError, KeyboardInterrupt):
            pass  # QEMU ended between two frames
        os._exit(0)
    nic, server = (theirs.fileno() for _, theirs in pairs)
    for descriptor in (held, nic, server):
        os.set_inheritable(descriptor, True)
    words = [word.replace("{nic}", str(nic)).replace("{server}", str(server)) for word in sys.argv[2:]]
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
