# SPDX-License-Identifier: MIT
"""Flows for the load generator: what to send to a guest, and what a right guest sends back."""
import struct
from typing import Callable

import frames
from conf import GENERATOR
from frames import Station
from load import Flow, mixed_size, payload

ECHO_PORTS = (9000, 7)
_TTL_AT, _SUM_AT = 22, 24


def with_ttl(frame: bytes, ttl: int) -> bytes:
    """The same IPv4 frame with another TTL and the header checksum that goes with it."""
    head = bytearray(frame[14:34])
    head[8], head[10:12] = ttl, b"\0\0"
    head[10:12] = struct.pack("!H", frames.checksum(bytes(head)))
    return frame[:14] + bytes(head) + frame[34:]


def turned_round(frame: bytes) -> bytes:
    """A UDP frame as the echo function answers it: addresses and ports swapped, TTL one less."""
    answer = frame[6:12] + frame[:6] + frame[12:26] + frame[30:34] + frame[26:30]
    answer += frame[36:38] + frame[34:36] + frame[38:]
    return with_ttl(answer, frame[_TTL_AT] - 1)


def udp_echo(target: Station, name: str, count: int, size: Callable[[int], int] = mixed_size) -> Flow:
    """UDP datagrams to the echo port, in frames of `size(number)` bytes."""

    def make(flow: int, number: int) -> tuple[bytes, bytes]:
        data = payload(flow, number, size(number) - frames.UDP_OVERHEAD)
        frame = frames.udp(GENERATOR, target, ECHO_PORTS, data, ident=number & 0xFFFF)
        return frame, turned_round(frame)

    return Flow(name, count, make)


def ping(target: Station, name: str, count: int, size: Callable[[int], int] = mixed_size) -> Flow:
    """ICMP echo requests."""

    def make(flow: int, number: int) -> tuple[bytes, bytes]:
        data = payload(flow, number, size(number) - frames.UDP_OVERHEAD)
        ident = 0x5246 + flow
        sent = frames.icmp_echo(GENERATOR, target, ident, number & 0xFFFF, data)
        back = frames.icmp_echo(target, GENERATOR, ident, number & 0xFFFF, data, frames.ICMP_ECHO_REPLY)
        return sent, back

    return Flow(name, count, make)


def through(gateway: Station, target: Station, name: str, count: int,
            size: Callable[[int], int] = mixed_size) -> Flow:
    """UDP to `target` by way of `gateway`, which takes one off the TTL on the way there and back."""
    via = Station(gateway.mac, target.ip)

    def make(flow: int, number: int) -> tuple[bytes, bytes]:
        data = payload(flow, number, size(number) - frames.UDP_OVERHEAD)
        frame = frames.udp(GENERATOR, via, ECHO_PORTS, data, ident=number & 0xFFFF)
        answer = turned_round(frame)
        return frame, with_ttl(answer, answer[_TTL_AT] - 2)

    return Flow(name, count, make)


def _is_plain_udp(frame: bytes) -> bool:
    """Whole, without options or fragments, and of consistent lengths: an echo answers it."""
    if len(frame) < 42 or frames.kind_of(frame) != frames.ETH_IPV4 or frame[14] != 0x45:
        return False
    total, fragment = struct.unpack_from("!H", frame, 16)[0], struct.unpack_from("!H", frame, 20)[0]
    udp_length = struct.unpack_from("!H", frame, 38)[0]
    whole = 28 <= total <= len(frame) - 14 and fragment & 0x3FFF == 0
    return whole and frame[23] == frames.PROTO_UDP and udp_length == total - 20


def captured(frame: bytes, target: Station) -> tuple[bytes, bytes | None]:
    """A captured frame, sent by us to `target`, and the answer: UDP is also readdressed, so that there is one."""
    sent = target.mac + GENERATOR.mac + frame[12:]
    if not _is_plain_udp(sent):
        return sent.ljust(frames.MIN_FRAME, b"\0"), None
    sent = with_ttl(sent[:26] + GENERATOR.ip_bytes + target.ip_bytes + sent[34:], 64)
    total = struct.unpack_from("!H", sent, 16)[0]
    answer = turned_round(sent)[: 14 + total].ljust(frames.MIN_FRAME, b"\0")
    return sent.ljust(frames.MIN_FRAME, b"\0"), answer
