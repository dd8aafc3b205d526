# SPDX-License-Identifier: MIT
"""The guests of a ringfence.conf, as a tester on the wire needs them: name, MAC, IP, image."""
import configparser
import re
from dataclasses import dataclass
from pathlib import Path

import frames


@dataclass(frozen=True)
class Target:
    """A guest that answers on the network."""

    name: str
    station: frames.Station
    image: str
    arguments: str


def read(path: Path) -> list[Target]:
    """Guests with both mac= and an ip= among their arguments, in the order of the file."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.read_string(path.read_text())
    found = []
    for section in parser.sections():
        kind, _, name = section.partition(" ")
        values = parser[section]
        arguments = values.get("arguments", "")
        address = re.search(r"\bip=(\d+\.\d+\.\d+\.\d+)", arguments)
        if kind == "guest" and address and "mac" in values:
            station = frames.Station(frames.mac(values["mac"]), address[1])
            found.append(Target(name.strip(), station, values.get("image", ""), arguments))
    return found
