"""What several elements share: the patterns of names and paths, and the small elements of interfaces and hostdevs."""

from __future__ import annotations

from kvnet.xml.element import Element, element
from kvnet.xml.schema import attr
from kvnet.xml.types import Choice, Int, OnOff, Text, Token, YesNo

__all__ = ["Acpi", "Rom", "Teaming"]

# as in libvirt's schemas, basictypes.rng
ABSOLUTE_PATH = Text(r"(/|[a-zA-Z]:\\).+")
ALIAS = Token(r"[a-zA-Z0-9_\-.]+")
BRIDGE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/ ]*")
DEVICE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/]+")
UUID = Token(r"[a-fA-F0-9]{32}|[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}")


def _persistent_only_if_transient(teaming: Teaming) -> tuple[str, str] | None:
    if (teaming.type == "transient") != (teaming.persistent is not None):
        return "persistent", "the transient NIC of a team, and no other, names its persistent one"
    return None


@element("teaming", since="6.1.0", cross_check=_persistent_only_if_transient)
class Teaming(Element):
    """The role of a NIC in a team of two (virtio-net failover): ``persistent``, or ``transient`` while it is plugged.

    A transient NIC names the alias of the other in ``persistent``.
    """

    type: str = attr(Choice("persistent", "transient"))
    persistent: str | None = attr(ALIAS, default=None)


def _no_tuning_if_disabled(rom: Rom) -> tuple[str, str] | None:
    tuned = next((name for name in ("bar", "file") if getattr(rom, name) is not None), None)
    return (tuned, "a ROM that is disabled has none") if tuned and rom.enabled is False else None


@element("rom", cross_check=_no_tuning_if_disabled, cross_fields=("bar", "file"))
class Rom(Element):
    """The option ROM: ``bar`` shows it in the guest's memory map, ``enabled`` loads it at all, ``file`` replaces it."""

    bar: bool | None = attr(OnOff(), default=None, since="0.9.10")
    enabled: bool | None = attr(YesNo(), default=None, since="4.3.0")
    file: str | None = attr(ABSOLUTE_PATH, default=None, since="0.9.10")


def _index_from_1(acpi: Acpi) -> tuple[str, str] | None:
    return ("index", "0 is no index: they count from 1") if acpi.index == 0 else None


@element("acpi", cross_check=_index_from_1, cross_fields=("index",))
class Acpi(Element):
    """What ACPI tells the guest: the ``index`` in the NIC's name (``eno1``), and its NUMA nodes such as ``0-1``."""

    index: int | None = attr(Int(), default=None, since="7.3.0")
    nodeset: str | None = attr(Text(r"[0-9,\-\^]+"), default=None, since="11.8.0")
