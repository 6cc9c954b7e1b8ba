"""Other ways to make the same XML, one module each.

A module has a ``NAME`` for people, and ``render(vm)``, which gives the four texts of a machine. ``LEAVES_OUT``,
where there is one, holds an XPath for each thing that the peer has no way to say.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from attrs import frozen

from work import Vm

__all__ = ["APART", "PEERS", "Missing", "Peer", "load"]

_BENCH = "pip install -e '.[bench]'"

PEERS: dict[str, str] = {
    "fstring": _BENCH,
    "kvnet_": "pip install -e .",
    "lxml_": "pip install -e .",
    "etree": "it comes with Python",
    "template": _BENCH,
    "jinja": _BENCH,
    "xsdata_": _BENCH,
    "pydantic_": _BENCH,
    "nova_": "pip install -e '.[bench-nova]'",
    "virtinst_": "apt-get install --no-install-recommends virtinst, and the Python that Debian comes with",
}
"""Every peer's module, and how to get what it needs."""

APART = ("nova_", "virtinst_")
"""Peers that leave their mark on the process: on its locale, its builtins, what happens on errors and forks."""


@frozen(kw_only=True)
class Peer:
    """One way to make the XML of a machine."""

    module: str
    name: str
    render: Callable[[Vm], list[str]]
    leaves_out: tuple[str, ...] = ()


@frozen(kw_only=True)
class Missing:
    """A peer that is not installed, and how to get it."""

    module: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.module.rstrip('_')} is left out: {self.reason}. To get it: {self.remedy}"


def load(module: str) -> Peer | Missing:
    """The peer of a module, or why it cannot be had here."""
    try:
        found = import_module(f"peers.{module}")
    except ImportError as error:
        return Missing(module=module, reason=str(error), remedy=PEERS[module])
    leaves_out = tuple(getattr(found, "LEAVES_OUT", ()))
    return Peer(module=module, name=found.NAME, render=found.render, leaves_out=leaves_out)
