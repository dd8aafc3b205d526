# SPDX-License-Identifier: MIT
"""Real captures to replay: the test suite in Debian's tcpdump source package, many of them malformed.

Fetched when first wanted, never committed. load() returns [] and says why if it cannot be had.
"""
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import Iterator

import frames

FOLDER = Path("build/tools/captures")
_FILE = "tcpdump_4.99.3.orig.tar.gz"
_SHA256 = "ad75a6ed3dc0d9732945b2e5483cb41dc8b4b528a169315e499c6861952e73b3"
_LINKTYPE_ETHERNET = 1
# pcap magic numbers: micro- and nanoseconds, as written by either kind of machine
_MAGICS = {
    b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">",
}


def fetch() -> str:
    """'' when the archive is there, else why not."""
    words = ["boot/apt-source.sh", "tcpdump", _FILE, _SHA256, str(FOLDER)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def _packets(data: bytes) -> Iterator[bytes]:
    """The whole packets of one classic pcap file with Ethernet frames."""
    order = _MAGICS.get(data[:4])
    if order is None or len(data) < 24:
        return
    if struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF != _LINKTYPE_ETHERNET:
        return
    at = 24
    while at + 16 <= len(data):
        captured, original = struct.unpack_from(order + "II", data, at + 8)
        frame = data[at + 16 : at + 16 + captured]
        at += 16 + captured
        if len(frame) == captured == original:
            yield frame


def load() -> tuple[list[bytes], str]:
    """Every distinct frame that fits the wire, and '' or the reason why there are none."""
    reason = fetch()
    if reason:
        return [], reason
    found: dict[bytes, None] = {}
    with tarfile.open(FOLDER / _FILE) as archive:
        for member in archive:
            source = archive.extractfile(member) if member.name.endswith(".pcap") else None
            for frame in _packets(source.read()) if source else ():
                if 14 <= len(frame) <= frames.MAX_FRAME:
                    found[frame] = None
    return list(found), ""


if __name__ == "__main__":  # make smoke and make system: before they enter a network without the mirror in it
    missing = fetch()
    if missing:
        print(f"captures: none to replay, what needs them will be skipped: {missing}")
