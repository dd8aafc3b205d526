# SPDX-License-Identifier: MIT
"""Boot images for tests: the built loader, kernel and root with another ringfence.conf and other guests."""
import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import Iterable, Mapping

from machine import BUILD

IMAGES = BUILD / "images"
LOADER = "EFI/BOOT/BOOTX64.EFI"
CONF = "ringfence/ringfence.conf"
KERNEL = "ringfence/ringfence.elf"
ROOT = "ringfence/root.elf"
SHIPPED_CONF = Path("boot/ringfence.conf")
TEST_KERNEL = BUILD / "test" / "ringfence.elf"  # defences can be switched off: [host] control


def base() -> dict[str, Path]:
    """What every image holds, by its place in the volume."""
    return {LOADER: BUILD / "BOOTX64.EFI", KERNEL: BUILD / "ringfence.elf", ROOT: BUILD / "root.elf"}


def checksum(path: Path) -> str:
    """What both platforms print of the file they boot, so that one can see that it is the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(name: str, conf: str | None, guests: Iterable[Path] = (),
         replace: Mapping[str, Path | None] | None = None) -> Path:
    """Write build/images/NAME.img. `replace` puts other files at places in the volume; None leaves one out."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    image = IMAGES / f"{name}.img"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as text:
        files: dict[str, Path | None] = dict(base())
        if conf is not None:
            text.write(conf)
            text.flush()
            files[CONF] = Path(text.name)
        files |= {f"ringfence/{guest.name}": guest for guest in guests}
        files |= replace or {}
        words = [f"{place}={path}" for place, path in files.items() if path is not None]
        subprocess.run(["boot/image.sh", str(image), *words], check=True, timeout=120)
    return image
