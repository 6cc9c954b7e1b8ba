"""What a machine's status reports of its NICs, and from which sources it has that."""

from __future__ import annotations

from enum import StrEnum

import attrs

from kvnet.spec import Condition, InterfaceStatus, Machine

__all__ = ["InfoSource", "condition", "has_source", "reported", "with_source", "without_source"]

_SEPARATOR = ", "


class InfoSource(StrEnum):
    """Where KubeVirt knows a NIC from."""

    DOMAIN = "domain"
    GUEST_AGENT = "guest-agent"
    MULTUS = "multus-status"


def reported(vmi: Machine) -> tuple[InterfaceStatus, ...]:
    """The entries of ``status.interfaces``; none where there is no status."""
    return vmi.status.interfaces if vmi.status else ()


def condition(vmi: Machine, kind: str) -> Condition | None:
    """The first condition of a type in the machine's status."""
    conditions = vmi.status.conditions if vmi.status else ()
    return next((each for each in conditions if each.type == kind), None)


def has_source(entry: InterfaceStatus, source: InfoSource) -> bool:
    """Whether ``infoSource``, a list in text, names a source."""
    return source in _listed(entry)


def with_source(entry: InterfaceStatus, source: InfoSource) -> InterfaceStatus:
    """The entry with a source added at the end, unless it is named already."""
    return entry if has_source(entry, source) else _sourced(entry, [*_listed(entry), source])


def without_source(entry: InterfaceStatus, source: InfoSource) -> InterfaceStatus:
    """The entry with a source taken out."""
    return _sourced(entry, [each for each in _listed(entry) if each != source])


def _listed(entry: InterfaceStatus) -> list[str]:
    return entry.info_source.split(_SEPARATOR) if entry.info_source else []


def _sourced(entry: InterfaceStatus, sources: list[str]) -> InterfaceStatus:
    return attrs.evolve(entry, info_source=_SEPARATOR.join(sources) or None)
