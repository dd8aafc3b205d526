# SPDX-License-Identifier: MIT
"""Raw Ethernet frames to and from the emulated wire, whichever kind of network it is.

Wire.open() gives a TapLink (AF_PACKET on the tap) or a DatagramLink (the other end of a socket of the
emulator's). Both lose nothing that the wire delivered as long as fewer than RING_FRAMES wait.
"""
import contextlib
import mmap
import select
import socket
import struct
from typing import Protocol

import net
from machine import PLATFORM

RING_FRAMES = 4096
_FRAME_BYTES = 2048
_BLOCK_BYTES = 65536

# linux/if_packet.h and linux/if_ether.h
_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_TP_STATUS_KERNEL = 0
_TP_STATUS_USER = 1
_TPACKET2 = struct.Struct("=IIIHH")  # status, len, snaplen, mac, net


class Link(Protocol):
    """What the load generator needs of a wire. `capacity`: frames that may be outstanding in all."""

    capacity: int

    def send(self, frame: bytes) -> bool:
        """False if the wire takes nothing right now."""

    def receive(self, timeout: float) -> bytes | None:
        """The next frame, or None after timeout seconds."""

    def overruns(self) -> int:
        """Frames that the harness itself lost since the last call; a test must see 0."""

    def close(self) -> None:
        """Give the wire back."""


class TapLink:
    """AF_PACKET with a mapped receive ring: a plain socket's buffer may be limited to 90 frames."""

    # Behind Bochs's NIC is one receive ring of 256 for all guests. More would fill it while the switch is kept waiting.
    capacity = RING_FRAMES if PLATFORM == "qemu" else 240

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        blocks = RING_FRAMES * _FRAME_BYTES // _BLOCK_BYTES
        request = struct.pack("IIII", _BLOCK_BYTES, blocks, _FRAME_BYTES, RING_FRAMES)
        self._sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._ring = mmap.mmap(self._sock.fileno(), RING_FRAMES * _FRAME_BYTES)
        self._next = 0
        self._sock.bind((net.TAP, _ETH_P_ALL))
        self._sock.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)

    def send(self, frame: bytes) -> bool:
        try:
            self._sock.send(frame)
        except (BlockingIOError, OSError):
            return False
        return True

    def receive(self, timeout: float) -> bytes | None:
        at = self._next * _FRAME_BYTES
        if not self._ring[at] & _TP_STATUS_USER and not self._poll.poll(timeout * 1000):
            return None
        status, _, snaplen, mac, _ = _TPACKET2.unpack_from(self._ring, at)
        if not status & _TP_STATUS_USER:
            return None
        frame = self._ring[at + mac : at + mac + snaplen]
        self._ring[at : at + 4] = struct.pack("=I", _TP_STATUS_KERNEL)
        self._next = (self._next + 1) % RING_FRAMES
        return frame

    def overruns(self) -> int:
        stats = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", stats)[1])

    def close(self) -> None:
        self._ring.close()
        self._sock.close()


class DatagramLink:
    """The harness's end of QEMU's -netdev dgram: one UDP datagram is one frame. What overflows the emulator's
    socket buffer (some 90 frames) is lost before any NIC sees it, so fewer may be outstanding."""

    capacity = 64

    def __init__(self, sock: socket.socket, emulator: tuple[str, int]) -> None:
        self._sock, self._emulator = sock, emulator
        self._sock.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)

    def send(self, frame: bytes) -> bool:
        try:
            self._sock.sendto(frame, self._emulator)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        return True

    def receive(self, timeout: float) -> bytes | None:
        if timeout and not self._poll.poll(timeout * 1000):
            return None
        try:
            return self._sock.recv(65536)
        except (BlockingIOError, ConnectionRefusedError):
            return None

    def overruns(self) -> int:
        return 0  # loopback datagrams that overflow a socket buffer count as lost: no excuse is made

    def close(self) -> None:
        self._sock.close()


class Wire:
    """One emulated wire: the emulator's words for it, and the links on our side."""

    def __init__(self, network: net.Network) -> None:
        self._network = network
        self._sock: socket.socket | None = None
        if not network.tap:
            self._sock, self._theirs = _adjacent_sockets()

    def netdev(self, ident: str) -> str:
        if self._sock is None:
            return f"tap,id={ident},ifname={net.TAP},script=no,downscript=no,vnet_hdr=off"
        ours = self._sock.getsockname()
        return (
            f"dgram,id={ident},local.type=inet,local.host=127.0.0.1,local.port={self._theirs[1]},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={ours[1]}"
        )

    def bochs_nic(self) -> str:
        """NIC= of boot/run-bochs.sh. Bochs's socket lets in only what is for the address in NIC_MAC, or for all."""
        return f"tap:{net.TAP}" if self._sock is None else f"socket:{self._theirs[1]}"

    def open(self) -> Link:
        if self._sock is None:
            return TapLink()
        return DatagramLink(self._sock.dup(), self._theirs)

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()


def _adjacent_sockets() -> tuple[socket.socket, tuple[str, int]]:
    """Ours, and the address one below, which is free for the emulator: Bochs sends to one above its own."""
    while True:
        ours = _loopback_socket()
        theirs = ("127.0.0.1", ours.getsockname()[1] - 1)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(theirs)
            return ours, theirs
        ours.close()


def _loopback_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
    return sock
