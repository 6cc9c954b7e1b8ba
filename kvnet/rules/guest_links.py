"""The network data that a machine's cloud-init volumes hold, and which of its links are which NICs."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kvnet.errors import FieldPath, Place
from kvnet.manifest.network_data import GuestLink, Written, index_of, read_network_data
from kvnet.rules.context import Nic, RuleContext
from kvnet.spec.wire import entries, member, text
from kvnet.values import PciAddress

__all__ = ["VolumeData", "is_nic", "network_data_of", "user_data_of"]

_CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")


class VolumeData(NamedTuple):
    """The network data of a volume: the path and text of its member, and its links.

    ``links`` is ``None`` where they are not known: data of another form, or in a Secret. ``is_plain`` says that
    the text stands in the manifest as it is.
    """

    at: FieldPath
    text: str = ""
    links: tuple[GuestLink, ...] | None = None
    is_plain: bool = False

    def place(self, context: RuleContext, written: Written) -> Place | None:
        """The position in the manifest of what is written in the data, where its text stands there as it is."""
        origin = context.machine.origin
        if origin is None or not self.is_plain:
            return None
        return origin.place(self.at, offset=index_of(self.text, written.path))


def network_data_of(context: RuleContext) -> Iterator[VolumeData]:
    """The network data of each cloud-init volume that has some."""
    for at, source in _sources(context):
        plain, encoded = text(source, "networkData"), text(source, "networkDataBase64")
        if plain:
            yield VolumeData(at / "networkData", plain, read_network_data(plain), is_plain=True)
        elif encoded:
            decoded = _decoded(encoded)
            links = None if decoded is None else read_network_data(decoded)
            yield VolumeData(at / "networkDataBase64", decoded or "", links)
        elif member(source, "networkDataSecretRef"):
            yield VolumeData(at / "networkDataSecretRef")


def user_data_of(context: RuleContext) -> Iterator[str]:
    """The user data of each cloud-init volume that has some in the manifest."""
    for _, source in _sources(context):
        yield text(source, "userData") or _decoded(text(source, "userDataBase64")) or ""


def _sources(context: RuleContext) -> Iterator[tuple[FieldPath, Mapping[str, Any]]]:
    """The sources of cloud-init's data, with their paths."""
    for n, volume in enumerate(entries(context.machine.spec.rest, "volumes")):
        for kind in _CLOUD_INIT:
            source = member(volume, kind)
            if source is not None:
                yield (context.root / "volumes")[n] / kind, source


def _decoded(encoded: str) -> str | None:
    try:
        return b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None  # of that, guest_network tells


def is_nic(context: RuleContext, nic: Nic, link: GuestLink) -> bool | None:
    """Whether a link of the network data is a NIC; ``None`` where that is not certain.

    Names are those that Linux gives: by the order of the NICs, by their buses, or by their ACPI indexes.
    """
    present = [each for each in context.nics if not each.interface.is_absent]
    if link.mac is not None:
        macs = {mac: each.number for each, mac in context.macs if mac is not None}
        return macs[link.mac] == nic.number if link.mac in macs else _only(present, link)
    if link.name is None:
        return _only(present, link)
    bearers = [each for n, each in enumerate(present) if link.name in _names(each, n)]
    return nic in bearers if bearers else _only(present, link)


def _only(present: Sequence[Nic], link: GuestLink) -> bool | None:
    """Whether there is no other NIC that a link could be."""
    return True if len(present) == 1 and link.is_nic else None


def _names(nic: Nic, position: int) -> Iterator[str]:
    yield f"eth{position}"
    if nic.interface.acpi_index:
        yield f"eno{nic.interface.acpi_index}"
    if not nic.interface.pci_address:
        yield f"enp{position + 1}s0"
        return
    try:
        address = PciAddress.parse(nic.interface.pci_address)
    except ValueError:
        return
    yield f"enp{address.bus}s{address.slot}"
