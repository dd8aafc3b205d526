# SPDX-License-Identifier: MIT
"""`make shell`: a shell in the network namespace of the boot that is running in another terminal."""
import os
import sys

import net

NOBODY = "make shell: nothing is running. Start `make run` in another terminal first."
DATAGRAM = """make shell: this boot has no network namespace, because {reason}.
QEMU sends its frames to a built-in peer over loopback datagrams, which answers and tests ARP, ping
and UDP by itself (make smoke); ping, nc and tcpdump cannot reach the guests this way. For a shell
you need /dev/net/tun and either unprivileged user namespaces, root or sudo."""
HELLO = """You are in the guests' network: this side is {ip}, on {tap}. Try
  ping -c 3 10.77.0.11        nc -u 10.77.0.11 7        tcpdump -ni {tap}
Leave with `exit`."""


def main() -> int:
    found = net.announced()
    if not found:
        print(NOBODY, file=sys.stderr)
        return 1
    if found["how"] == "datagram":
        print(DATAGRAM.format(reason=found["reason"]), file=sys.stderr)
        return 1
    enter = ["nsenter", "-t", str(found["pid"])]
    enter = {
        "user": [*enter, "--preserve-credentials", "-U", "-n"],
        "root": [*enter, "-n"],
        "sudo": ["sudo", *enter, "-n"],
    }[found["how"]]
    command = sys.argv[1:] or [os.environ.get("SHELL") or "/bin/sh"]
    if not sys.argv[1:]:
        print(HELLO.format(ip=net.HOST_IP, tap=net.TAP), flush=True)
    os.execvp(enter[0], [*enter, *command])


if __name__ == "__main__":
    sys.exit(main())
