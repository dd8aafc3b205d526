# SPDX-License-Identifier: MIT
"""A web server for one connection, which is standard input: QEMU starts one for each that the emulated
machine opens (-netdev user,guestfwd=...-cmd:), so that no port of this computer is used.

  httpd.py FOLDER
"""
import socket
import sys
from http.server import SimpleHTTPRequestHandler


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder. Connections stay open, and every answer tells its length."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nobody reads it: iPXE tells on its screen what it gets."""


if __name__ == "__main__":
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        Handler(connection, ("guest", 0), None, directory=sys.argv[1])  # type: ignore[arg-type]
