# SPDX-License-Identifier: MIT
"""The network side of an emulated boot: a tap in a namespace of its own, or a datagram peer.

A program calls enter() first. It runs the program again inside a network namespace, by the first of
these that works here, and returns there with the Network to use:
  user       an unprivileged user and network namespace (unshare -Urn)
  root       a network namespace, because we are root
  sudo       the same by sudo; the program itself keeps its user and gets CAP_NET_ADMIN and _RAW
  datagram   no tun device, or no right to any of these: no namespace. QEMU sends each frame as a
             UDP datagram over loopback to a socket of the harness; the Linux stack is not in play.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TAP = "tap0"
HOST_IP = "10.77.0.1"
PREFIX = 24
TUN_DEVICE = Path("/dev/net/tun")
# Where a running boot is announced to `make shell`; tests that must not meet each other use their own.
RUN_DIR = Path(os.environ.get("RINGFENCE_RUN_DIR", "build/run"))
_VARIABLE = "RINGFENCE_NETWORK"  # how[:reason], set for the program that runs inside
_CAPS = "+net_admin,+net_raw"
_PASSED = ("B", "PLATFORM", "PATH", "HOME", "TERM", "CI")  # what sudo may drop of the environment


@dataclass(frozen=True)
class Network:
    """What enter() found. `how` is user, root, sudo or datagram; `reason` says why, if datagram."""

    how: str
    reason: str = ""

    @property
    def tap(self) -> bool:
        return self.how != "datagram"

    @property
    def peer(self) -> str:
        """As verdict lines write it: peer=tap or peer=datagram."""
        return "tap" if self.tap else "datagram"


def _ways() -> list[tuple[str, list[str]]]:
    """The commands that put what follows them into a namespace, in the order to try."""
    ways = [("user", ["unshare", "-Urn", "--"])]
    if os.geteuid() == 0:
        return ways + [("root", ["unshare", "-n", "--"])]
    if shutil.which("sudo"):
        ask = [] if sys.stdin.isatty() else ["-n"]
        become = ["setpriv", f"--reuid={os.getuid()}", f"--regid={os.getgid()}", "--init-groups"]
        keep = [f"--inh-caps={_CAPS}", f"--ambient-caps={_CAPS}", "--"]
        ways.append(("sudo", ["sudo", *ask, "unshare", "-n", "--", *become, *keep]))
    return ways


def _works(prefix: list[str]) -> str:
    """'' if a tap can be made this way, else why not."""
    probe = [*prefix, "ip", "tuntap", "add", "dev", TAP, "mode", "tap"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def _find_way() -> tuple[str, list[str], str]:
    if os.environ.get("RINGFENCE_PEER") == "datagram":
        return "datagram", [], "RINGFENCE_PEER=datagram asks for it"
    if not TUN_DEVICE.exists():
        return "datagram", [], f"this machine has no {TUN_DEVICE}"
    reasons = []
    for how, prefix in _ways():
        reason = _works(prefix)
        if not reason:
            return how, prefix, ""
        reasons.append(f"{how}: {reason}")
    return "datagram", [], "; ".join(reasons)


def enter() -> Network:
    """Run this program again inside a namespace; return once inside, or with the datagram peer."""
    inside = os.environ.get(_VARIABLE)
    if inside is None:
        how, prefix, reason = _find_way()
        os.environ[_VARIABLE] = f"{how}:{reason}"
        if prefix:
            sys.stdout.flush()
            ours = {k: v for k, v in os.environ.items() if k in _PASSED or k.startswith("RINGFENCE_")}
            ours[_VARIABLE] = f"{how}:"
            argv = [*prefix, "env", *(f"{k}={v}" for k, v in ours.items()), sys.executable, *sys.argv]
            os.execvp(argv[0], argv)
        return Network("datagram", reason)
    how, _, reason = inside.partition(":")
    network = Network(how, reason)
    if network.tap and TAP not in {name for _, name in socket.if_nameindex()}:
        _set_up_tap()
    return network


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=20)


def _set_up_tap() -> None:
    """IPv6 is off, so that no frame is on the wire that no test sent. QEMU opens the tap without
    vnet_hdr: the kernel then hands it whole frames with finished checksums, no offloads."""
    for scope in ("all", "default"):
        knob = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if knob.exists() and os.access(knob, os.W_OK):
            knob.write_text("1")
    _ip("link", "set", "dev", "lo", "up")
    _ip("tuntap", "add", "dev", TAP, "mode", "tap", "user", str(os.getuid()))
    _ip("addr", "add", f"{HOST_IP}/{PREFIX}", "dev", TAP)
    _ip("link", "set", "dev", TAP, "mtu", "1500", "txqueuelen", "4096", "up")


def tap_mac() -> bytes:
    """The Linux stack's own address on the tap."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((TAP, 0))
        return bytes(sock.getsockname()[4])


class Announcement:
    """build/run/network.json says, while a boot is up, where `make shell` has to go."""

    def __init__(self, network: Network) -> None:
        RUN_DIR.mkdir(parents=True, exist_ok=True)
        self._file = RUN_DIR / "network.json"
        self._text = json.dumps({"pid": os.getpid(), "how": network.how, "reason": network.reason})

    def __enter__(self) -> "Announcement":
        self._file.write_text(self._text)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file.exists() and self._file.read_text() == self._text:
            self._file.unlink()


def announced() -> dict[str, str]:
    """The running boot that Announcement told of, or {}."""
    try:
        found = json.loads((RUN_DIR / "network.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if Path(f"/proc/{found.get('pid')}").exists() else {}


if __name__ == "__main__":
    found = enter()
    print(f"peer={found.peer} ({found.how}{': ' + found.reason if found.reason else ''})")
