# SPDX-License-Identifier: MIT
"""What the Linux stack does where there is one: answers ARP and ping for the host's address.

Only for the datagram wire of `make run`, and for tests on it: there no kernel is behind the host's IP.
"""
import threading

import frames
import net
from link import Link

HOST = frames.Station(frames.mac("52:54:00:77:00:03"), net.HOST_IP)


def answer(frame: bytes, host: frames.Station = HOST) -> bytes | None:
    """The host's answer to one frame, if it deserves one."""
    if len(frame) < 42:
        return None
    if frames.kind_of(frame) == frames.ETH_ARP:
        sender = frames.Station(frame[22:28], ".".join(map(str, frame[28:32])))
        if frame[20:22] == b"\0\1" and frame[38:42] == host.ip_bytes:
            return frames.arp(frames.ARP_REPLY, host, sender)
        return None
    is_ping = frames.kind_of(frame) == frames.ETH_IPV4 and frame[14] == 0x45 and frame[23] == frames.PROTO_ICMP
    if not is_ping or frame[:6] != host.mac or frame[30:34] != host.ip_bytes or frame[34] != frames.ICMP_ECHO:
        return None
    length = int.from_bytes(frame[16:18], "big") - 28
    ident, seq = int.from_bytes(frame[38:40], "big"), int.from_bytes(frame[40:42], "big")
    sender = frames.Station(frame[6:12], ".".join(map(str, frame[26:30])))
    return frames.icmp_echo(host, sender, ident, seq, frame[42 : 42 + max(length, 0)], frames.ICMP_ECHO_REPLY)


class Peer:
    """Answers on a link, in a thread, until the with-block ends."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        self._link.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            frame = self._link.receive(0.2)
            reply = answer(frame) if frame else None
            if reply:
                self._link.send(reply)
