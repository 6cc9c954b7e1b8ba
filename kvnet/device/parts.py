"""The small parts that interfaces and hostdevs share."""

from __future__ import annotations

from kvnet.device.patterns import ABSOLUTE_PATH, ALIAS
from kvnet.xml.element import element
from kvnet.xml.schema import attr
from kvnet.xml.types import Choice, Int, OnOff, Text, YesNo

__all__ = ["Acpi", "Rom", "Teaming"]


def _persistent_of_a_transient(teaming: Teaming) -> tuple[str, str] | None:
    if (teaming.type == "transient") != (teaming.persistent is not None):
        return "persistent", "the transient NIC of a team, and it alone, names its persistent one"
    return None


@element("teaming", since="6.1.0", cross_check=_persistent_of_a_transient)
class Teaming:
    """A team of two NICs (failover of virtio-net): the transient one names the alias of the persistent one."""

    type: str = attr(Choice("persistent", "transient"))
    persistent: str | None = attr(ALIAS, default=None)


@element("rom")
class Rom:
    """The device's option ROM."""

    bar: bool | None = attr(OnOff(), default=None, since="0.9.10")
    enabled: bool | None = attr(YesNo(), default=None, since="4.3.0")
    file: str | None = attr(ABSOLUTE_PATH, default=None, since="0.9.10")


@element("acpi")
class Acpi:
    """The number by which the guest's firmware names the NIC (``eno1``), and its NUMA nodes."""

    index: int | None = attr(Int(), default=None, since="7.3.0")
    nodeset: str | None = attr(Text(r"[0-9,\-\^]+"), default=None, since="11.8.0")
