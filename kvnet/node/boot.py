"""What a domain boots from: images of disks, or a kernel with its initial RAM disk."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase
from typing import Final

from attrs import frozen
from lxml import etree

from kvnet.xml.parser import parse

__all__ = ["Boot", "bootable"]

_QCOW2: Final = b"QFI\xfb"
"""The first bytes of an image of that format."""


@frozen(kw_only=True)
class Boot:
    """What a domain boots from, as absolute paths.

    - ``disks``: images, the first of which is booted where there is no kernel
    - ``kernel``, ``initrd``: of a direct boot
    - ``cmdline``: the arguments of the kernel
    """

    disks: tuple[Path, ...] = ()
    kernel: Path | None = None
    initrd: Path | None = None
    cmdline: str | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot be booted from: what each file lacks, in words."""
        files = [each for each in (*self.disks, self.kernel, self.initrd) if each is not None]
        missing = [f"there is no file {file}" for file in files if not file.is_file()]
        return (
            *missing,
            *(f"{each} is a qcow2 image: name it so (.qcow2)" for each in self.disks if _is_unnamed(each)),
        )


def _is_unnamed(image: Path) -> bool:
    return image.is_file() and image.suffix != ".qcow2" and _first_bytes(image) == _QCOW2


def _first_bytes(image: Path) -> bytes:
    with image.open("rb") as stream:
        return stream.read(len(_QCOW2))


def bootable(document: str, boot: Boot) -> str:
    """The domain with what it boots from, behind everything that it has. Its disks are virtio's.

    The name of an image says its format, and not what is in it, which a guest can write: an image that is made to look
    like qcow2 would name any file of the host as the one that it is based on.
    """
    root = parse(document)
    system, devices = root.find("os"), root.find("devices")
    assert system is not None
    assert devices is not None
    direct = {"kernel": boot.kernel, "initrd": boot.initrd, "cmdline": boot.cmdline}
    for tag, value in direct.items():
        if value is not None:
            etree.SubElement(system, tag).text = str(value)
    for image, letter in zip(boot.disks, ascii_lowercase, strict=False):
        disk = etree.SubElement(devices, "disk", type="file", device="disk")
        etree.SubElement(disk, "driver", name="qemu", type="qcow2" if image.suffix == ".qcow2" else "raw")
        etree.SubElement(disk, "source", file=str(image))
        etree.SubElement(disk, "target", dev=f"vd{letter}", bus="virtio")
    return etree.tostring(root, encoding="unicode")
