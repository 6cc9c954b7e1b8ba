"""One NIC compiled, from the least that decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from machines import vmi

import kvnet
from kvnet.device import Hostdev, Interface

__all__ = ["codes", "compiled", "hostdev_of", "interface_of", "only"]

Json = dict[str, Any]


def compiled(
    nics: list[Json],
    networks: list[Json],
    *,
    facts: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] | None = None,
    **members: Any,
) -> kvnet.Compiled:
    """What becomes of a machine; ``facts`` as their document has them, ``target`` for what else Target takes."""
    given = dict(target or {})
    if facts is not None:
        given["facts"] = kvnet.load_facts(facts)
    return kvnet.compile(kvnet.load(vmi(nics, networks, **members)), kvnet.Target(**given))


def only(
    nic: Json,
    network: Json,
    *,
    facts: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] | None = None,
    **members: Any,
) -> kvnet.CompiledNic:
    """The one NIC of a machine that has no other."""
    (made,) = compiled([nic], [network], facts=facts, target=target, **members).nics
    return made


def interface_of(made: kvnet.CompiledNic) -> Interface:
    """The ``<interface>`` that a NIC became."""
    assert isinstance(made.device, Interface), made
    return made.device


def hostdev_of(made: kvnet.CompiledNic) -> Hostdev:
    """The ``<hostdev>`` that a NIC became."""
    assert isinstance(made.device, Hostdev), made
    return made.device


def codes(made: kvnet.CompiledNic | kvnet.Compiled) -> list[str]:
    """The codes of what is told: problems, then notes."""
    return [each.code for each in (*made.problems, *made.notes)]
