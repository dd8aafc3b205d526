# SPDX-License-Identifier: MIT
"""Tests that boot the kernel with the test controls: what must fail on a machine that is told to fail."""
from pathlib import Path
from typing import ClassVar

import conf
import image
from booted import BootedTest, guest_file


class ControlledTest(BootedTest):
    """A booted test whose kernel obeys `control = CONTROL`, words of enum rf_control."""

    CONTROL: ClassVar[str] = ""

    @classmethod
    def make_image(cls) -> Path:
        files = sorted({guest_file(guest.image) for guest in cls.GUESTS})
        host = dict(cls.HOST, control=cls.CONTROL) if cls.CONTROL else dict(cls.HOST)
        return image.make(cls.__name__, conf.text(cls.GUESTS, **host), files, {image.KERNEL: image.TEST_KERNEL})
