"""How a run renders its machines, which is the same for all of them."""

from __future__ import annotations

from attrs import evolve, field, frozen

from kvnet.target import Target

__all__ = ["Settings"]


def _without_origins(target: Target) -> Target:
    """The target without the texts that its objects were read from, which no worker needs."""
    return evolve(
        target,
        nads=tuple([evolve(nad, origin=None) for nad in target.nads]),
        instancetypes=tuple([evolve(each, origin=None) for each in target.instancetypes]),
        preferences=tuple([evolve(each, origin=None) for each in target.preferences]),
    )


@frozen(kw_only=True)
class Settings:
    """How to render all machines: ``whole`` asks for domains, ``files`` for a file for each instead of XML in lines.

    The facts of ``target`` are those of machines without facts of their own. ``templates`` lets shapes be learnt, which
    changes no result.
    """

    target: Target = field(factory=Target, converter=_without_origins)
    whole: bool = False
    files: bool = False
    templates: bool = field(default=True, eq=False)
