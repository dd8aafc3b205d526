# SPDX-License-Identifier: MIT
"""Writes ringfence.conf texts for tests, and knows the guests' addresses."""
from dataclasses import dataclass, field

import frames

GENERATOR = frames.Station(frames.mac("52:54:00:77:00:02"), "10.77.0.2")  # the load generator's own


@dataclass(frozen=True)
class Guest:
    """One [guest NAME] section. `number` gives it its MAC and IP address."""

    name: str
    number: int
    image: str
    arguments: str = ""  # {ip} is replaced
    memory: str = ""
    cpus: int = 1
    restart: str = "never"
    extra: tuple[str, ...] = field(default=())

    @property
    def station(self) -> frames.Station:
        return frames.Station(bytes.fromhex("5254007701") + bytes([self.number]), f"10.77.0.{10 + self.number}")

    def section(self) -> str:
        lines = [f"[guest {self.name}]", f"image = {self.image}", f"mac = {frames.mac_text(self.station.mac)}"]
        lines += [f"restart = {self.restart}"]
        if self.arguments:
            lines.append(f"arguments = {self.arguments.format(ip=self.station.ip)}")
        if self.memory:
            lines.append(f"memory = {self.memory}")
        if self.cpus != 1:
            lines.append(f"cpus = {self.cpus}")
        return "\n".join([*lines, *self.extra]) + "\n"


def text(guests: list[Guest] | tuple[Guest, ...], **host: str) -> str:
    """A whole file. The live table is off unless asked for, so that the serial log stays readable."""
    host.setdefault("table", "off")
    head = "[host]\n" + "".join(f"{key} = {value}\n" for key, value in host.items())
    return "\n".join([head, *(g.section() for g in guests)])
