# SPDX-License-Identifier: MIT
"""Asks guests for their hardware addresses, as a host does before it can send."""
import time
from typing import Iterable

import frames
from conf import GENERATOR
from link import Link
from load import Result, difference


def ask(link: Link, stations: Iterable[frames.Station], timeout: float = 10.0) -> Result:
    """One broadcast request for each; exactly one right reply from each, and no other frame to us."""
    result, begin = Result(), time.monotonic()
    wanted = {s.mac: frames.arp(frames.ARP_REPLY, s, GENERATOR) for s in stations}
    everyone = set(wanted)
    for station in stations:
        result.sent += link.send(frames.arp(frames.ARP_REQUEST, GENERATOR, station))
    end = begin + timeout
    while (left := end - time.monotonic()) > 0:
        frame = link.receive(left)
        if frame is None or frame[:6] != GENERATOR.mac:
            continue
        reply = wanted.pop(frame[6:12], None)
        if reply is None:
            result.duplicated += frame[6:12] in everyone
        elif frame == reply:
            result.answered += 1
        else:
            result.altered += 1
            result.note(f"ARP: {difference(reply, frame)}")
        if not wanted:
            end = min(end, time.monotonic() + 0.3)  # for a second reply that should not come
    result.lost = len(wanted)
    result.seconds = time.monotonic() - begin
    return result
