# SPDX-License-Identifier: MIT
"""Ethernet frames as bytes: what tests send, and what they expect back."""
import ipaddress
import struct
from dataclasses import dataclass

BROADCAST = b"\xff" * 6
MIN_FRAME, MAX_FRAME = 60, 1514  # without the FCS, which the NIC adds and takes off
UDP_OVERHEAD = 14 + 20 + 8

ETH_IPV4, ETH_ARP = 0x0800, 0x0806
PROTO_ICMP, PROTO_UDP = 1, 17
ICMP_ECHO, ICMP_ECHO_REPLY = 8, 0
ARP_REQUEST, ARP_REPLY = 1, 2


@dataclass(frozen=True)
class Station:
    """A network address pair."""

    mac: bytes
    ip: str

    @property
    def ip_bytes(self) -> bytes:
        return ipaddress.IPv4Address(self.ip).packed


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def mac_text(address: bytes) -> str:
    return address.hex(":")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(dst: bytes, src: bytes, kind: int, payload: bytes) -> bytes:
    return (dst + src + struct.pack("!H", kind) + payload).ljust(MIN_FRAME, b"\0")


def ipv4(src: Station, dst: Station, proto: int, payload: bytes, ident: int = 0, ttl: int = 64) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, 0x4000, ttl, proto, 0)
    head += src.ip_bytes + dst.ip_bytes
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(dst.mac, src.mac, ETH_IPV4, head + payload)


def udp(src: Station, dst: Station, ports: tuple[int, int], payload: bytes, ident: int = 0) -> bytes:
    head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
    pseudo = src.ip_bytes + dst.ip_bytes + struct.pack("!BBH", 0, PROTO_UDP, 8 + len(payload))
    value = checksum(pseudo + head + payload) or 0xFFFF
    return ipv4(src, dst, PROTO_UDP, head[:6] + struct.pack("!H", value) + payload, ident)


def icmp_echo(src: Station, dst: Station, ident: int, seq: int, data: bytes, kind: int = ICMP_ECHO) -> bytes:
    body = struct.pack("!BBHHH", kind, 0, 0, ident, seq) + data
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return ipv4(src, dst, PROTO_ICMP, body)


def arp(op: int, src: Station, dst: Station) -> bytes:
    """A request goes to everybody and names no target address."""
    target = b"\0" * 6 if op == ARP_REQUEST else dst.mac
    body = struct.pack("!HHBBH", 1, ETH_IPV4, 6, 4, op) + src.mac + src.ip_bytes + target + dst.ip_bytes
    return ethernet(BROADCAST if op == ARP_REQUEST else dst.mac, src.mac, ETH_ARP, body)


def kind_of(frame: bytes) -> int:
    return struct.unpack_from("!H", frame, 12)[0]
