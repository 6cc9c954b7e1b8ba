"""What a domain document says of the whole machine."""

from __future__ import annotations

import re

from attrs import frozen
from lxml import etree

__all__ = ["About", "about"]

_ARCHITECTURES = {"x86_64": "amd64", "i686": "amd64", "aarch64": "arm64", "s390x": "s390x"}
_UNITS = {
    **dict.fromkeys(("b", "bytes"), 1),
    **dict.fromkeys(("KB",), 10**3),
    **dict.fromkeys(("k", "KiB"), 2**10),
    **dict.fromkeys(("MB",), 10**6),
    **dict.fromkeys(("M", "MiB"), 2**20),
    **dict.fromkeys(("GB",), 10**9),
    **dict.fromkeys(("G", "GiB"), 2**30),
    **dict.fromkeys(("TB",), 10**12),
    **dict.fromkeys(("T", "TiB"), 2**40),
}


@frozen(kw_only=True)
class About:
    """Name, architecture as Kubernetes has it, vCPUs as sockets, cores and threads, and memory in bytes.

    ``None`` is what the document does not say, or not in a way that can be read.
    """

    name: str | None
    architecture: str | None
    sockets: int | None
    cores: int | None
    threads: int | None
    memory: int | None
    is_pci_express: bool


def about(domain: etree._Element) -> About:
    """Read a ``<domain>`` element. Never fails: NICs are worth reading in an odd document, too."""
    machine = domain.find("os/type")
    arch, kind = ("", "") if machine is None else (machine.get("arch", ""), machine.get("machine", ""))
    shape = domain.find("cpu/topology")
    vcpus = _whole(domain.findtext("vcpu"))
    parts = {name: None if shape is None else _whole(shape.get(name)) for name in ("sockets", "cores", "threads")}
    return About(
        name=(domain.findtext("name") or "").strip() or None,
        architecture=_ARCHITECTURES.get(arch),
        sockets=parts["sockets"] or vcpus,
        cores=parts["cores"],
        threads=parts["threads"],
        memory=_memory(domain.find("memory")),
        is_pci_express=not re.match(r"(pc|pc-i440fx-.*)$", kind),
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\s*[1-9][0-9]{0,8}\s*", text) else None


def _memory(element: etree._Element | None) -> int | None:
    amount = None if element is None else re.fullmatch(r"\s*([0-9]{1,18})\s*", element.text or "")
    if element is None or amount is None:
        return None
    scale = _UNITS.get(element.get("unit", "KiB"))
    return None if scale is None else int(amount[1]) * scale
