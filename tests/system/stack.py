# SPDX-License-Identifier: MIT
"""Traffic of the Linux network stack itself: the ping tool and UDP sockets, in our namespace."""
import re
import select
import socket
import subprocess
import time

import frames
from load import Result, payload

ECHO_PORT = 7
_UDP_HEADERS = frames.UDP_OVERHEAD
_BURST = 3


def _ping_burst(address: str, size: int) -> Result:
    """Three at once (-l: more is for root only). After an answer, ping gives the others two round-trip
    times and at least its interval (-i), and ends as soon as all are there."""
    words = ["ping", "-n", "-q", "-c", str(_BURST), "-l", str(_BURST), "-i", "10", "-W", "15", "-s", str(size), address]
    done = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)
    found = re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout)
    if not found:
        return Result(lost=_BURST, sent=_BURST, notes=[f"ping {address}: {done.stdout}{done.stderr}".strip()])
    sent, got = int(found[1]), int(found[2])
    doubles = re.search(r"\+(\d+) duplicates", done.stdout)
    result = Result(sent=sent, answered=got, lost=sent - got, duplicated=int(doubles[1]) if doubles else 0)
    if "corrupted" in done.stdout or "wrong data" in done.stdout:
        result.altered = 1
    if not result.good:
        result.note(f"ping {address}: {done.stdout.strip()}")
    return result


def ping(address: str, bursts: int, size: int = 56) -> Result:
    """The ping tool's own verdict on bursts of three; it compares the payload it gets back."""
    total = Result()
    for _ in range(bursts):
        total.add(_ping_burst(address, size))
    return total


def udp_echo(address: str, sizes: list[int], window: int = 32, patience: float = 15.0) -> Result:
    """Datagrams that make frames of the given sizes, through a connected socket, to port 7."""
    result = Result()
    waiting: dict[bytes, int] = {}
    todo = [payload(0, number, size - _UDP_HEADERS) for number, size in enumerate(sizes)]
    begin = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, ECHO_PORT))
        sock.setblocking(False)
        while todo or waiting:
            while todo and len(waiting) < window:
                data = todo.pop()
                sock.send(data)
                waiting[data] = len(data)
                result.sent += 1
            if not select.select([sock], [], [], patience)[0]:
                break
            _take(sock, waiting, result)
    result.seconds = time.monotonic() - begin
    result.lost, result.unsent = len(waiting), len(todo)
    if waiting:
        result.note(f"UDP {address}: no answer to payloads of {sorted(waiting.values())[:8]} bytes")
    return result


def _take(sock: socket.socket, waiting: dict[bytes, int], result: Result) -> None:
    try:
        data = sock.recv(65536)
    except ConnectionRefusedError:
        result.note("UDP: the guest answered with an ICMP error")
        return
    if waiting.pop(data, None) is None:
        result.altered += 1
        result.note(f"UDP: {len(data)} bytes that were not sent, or came twice: {data[:32].hex()}")
    else:
        result.answered += 1
