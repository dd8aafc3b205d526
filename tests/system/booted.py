# SPDX-License-Identifier: MIT
"""The base of tests that boot a machine: one boot for all tests of a class.

Loading this module moves the process into a network namespace of its own (net.enter() starts the
program again inside it).
"""
import contextlib
import unittest
from pathlib import Path
from typing import ClassVar

import conf
import image
import link
import net
import platforms
from host import Host
from machine import Failure, Machine

NETWORK = net.enter()


def boot(stack: contextlib.ExitStack, name: str, img: Path, **options: object) -> tuple[Machine, link.Wire]:
    """Start a machine on img; the stack ends it."""
    wire = stack.enter_context(contextlib.closing(link.Wire(NETWORK)))
    options_ = platforms.Options(img, **options)  # type: ignore[arg-type]
    return stack.enter_context(platforms.start(options_, wire, name)), wire


class BootedTest(unittest.TestCase):
    """Subclasses say what to boot; tests find self.machine, self.host, self.wire."""

    GUESTS: ClassVar[tuple[conf.Guest, ...]] = ()
    HOST: ClassVar[dict[str, str]] = {}  # keys of [host]
    OPTIONS: ClassVar[dict[str, object]] = {}  # fields of platforms.Options
    RUNNING: ClassVar[int | None] = None  # guests that start; None: all
    machine: ClassVar[Machine]
    host: ClassVar[Host]
    wire: ClassVar[link.Wire]
    _stack: ClassVar[contextlib.ExitStack]

    @classmethod
    def make_image(cls) -> Path:
        """The image to boot: GUESTS with the built guest images they name."""
        files = {guest_file(guest.image) for guest in cls.GUESTS}
        return image.make(cls.__name__, conf.text(cls.GUESTS, **cls.HOST), sorted(files))

    @classmethod
    def setUpClass(cls) -> None:
        cls._stack = contextlib.ExitStack()
        cls.addClassCleanup(cls._stack.close)
        talking = [g for g in cls.GUESTS if "ip=" in g.arguments]
        if platforms.reachable(NETWORK.tap, len(talking)) < len(talking):
            raise unittest.SkipTest(f"{platforms.ONE_ADDRESS} ({NETWORK.reason})")
        options = platforms.address(NETWORK.tap, talking[0].station) if talking else {}
        cls.machine, cls.wire = boot(cls._stack, cls.__name__, cls.make_image(), **(options | cls.OPTIONS))
        cls.host = Host(cls.machine)
        cls.wait_booted()

    @classmethod
    def wait_booted(cls) -> None:
        """Until all guests that should run do; an override waits for something else."""
        running, _ = cls.host.wait_ready()
        wanted = len(cls.GUESTS) if cls.RUNNING is None else cls.RUNNING
        if running != wanted:
            raise Failure(cls.machine.story(f"{running} guests run, not {wanted}"))
        cls.host.wait_answering(g.name for g in cls.GUESTS if "ip=" in g.arguments)

    def open_link(self) -> link.Link:
        """Raw frames on this boot's wire, until the test ends."""
        opened = self.wire.open()
        self.addCleanup(opened.close)
        return opened

    def guest(self, name: str) -> conf.Guest:
        return next(g for g in self.GUESTS if g.name == name)


def guest_file(name: str) -> Path:
    """A built guest image by its name: a network function, or one of the tests' own."""
    for folder in (image.BUILD, image.BUILD / "guests"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"no {name} in {image.BUILD} or {image.BUILD / 'guests'}: make guests test-guests")
