"""The text of a CNI configuration becomes a chain of plugins, and each of its settings has a position in the text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import attrs

from kvnet.cni.chain import AnyPlugin, Chain, ListMembers
from kvnet.cni.plugins import Plugin
from kvnet.errors import FieldPath, Rejected
from kvnet.manifest import binder
from kvnet.manifest._json import found, parse_json
from kvnet.manifest._problems import NAD_CONFIG, Flaw, Misfit, problem_of

__all__ = ["chain_of", "chain_or_reject", "position"]

_REFUSED = "KN345"
_HINT = 'write JSON such as {"cniVersion": "0.3.1", "type": "bridge", "bridge": "br10"}'
_PLUGIN = binder.reader(AnyPlugin)
_AROUND = binder.reader(ListMembers)
_MOST_REMEMBERED = 1024
_MOST_TOLD = 32


@lru_cache(maxsize=_MOST_REMEMBERED)
def chain_of(text: str) -> Chain:
    """The chain of plugins in the text of a CNI configuration; the machines of a fleet share few of them.

    Raises Misfit where it is not JSON, neither a plugin nor a list of them, or a plugin without a type (KN008), and
    with every value that a plugin or libvirt would refuse (KN345). Flaws have their ``offset`` in the text.

    >>> chain_of('{"type": "bridge", "bridge": "br10", "vlan": 7}').first
    BridgePlugin(type='bridge', bridge='br10', vlan=7)
    """
    value = _parsed(text)
    is_list = isinstance(value, dict) and "plugins" in value
    plugins = value.get("plugins", [value]) if isinstance(value, dict) else None
    if not isinstance(plugins, list) or not plugins or not all(isinstance(each, dict) for each in plugins):
        raise _malformed("is neither a plugin nor a list of plugins")
    if not all(isinstance(each.get("type"), str) and each["type"] for each in plugins):
        raise _malformed("has a plugin without a `type`")
    around = {key: each for key, each in value.items() if key != "plugins"} if is_list else {}
    read: list[Plugin] = []
    flaws = _flaws_around(around)
    for n, each in enumerate(plugins):
        try:
            read.append(_PLUGIN(each))
        except Misfit as misfit:
            flaws += misfit.under("plugins", n) if is_list else misfit.flaws
    if flaws:
        raise Misfit(*(_refused(text, flaw) for flaw in flaws[:_MOST_TOLD]), *_untold(flaws, _REFUSED, "are refused"))
    return Chain(plugins=tuple(read), is_list=is_list, around=around)


def _flaws_around(members: dict[str, Any]) -> list[Flaw]:
    try:
        _AROUND(members)
    except Misfit as misfit:
        return list(misfit.flaws)
    return []


def chain_or_reject(text: str, at: FieldPath) -> Chain:
    """The chain of ``chain_of``; raises Rejected with problems of the field ``at``, which is where it is needed."""
    try:
        return chain_of(text)
    except Misfit as misfit:
        told = [problem_of(flaw) for flaw in misfit.flaws]
        raise Rejected([attrs.evolve(each, at=at) for each in told]) from None


def _untold(flaws: Sequence[Flaw], code: str, what: str) -> Iterator[Flaw]:
    """How many flaws are left out: each is looked for in the whole text, so the work for many would have no bound."""
    if len(flaws) > _MOST_TOLD:
        message = f"in the CNI configuration, {len(flaws) - _MOST_TOLD} more values {what}"
        yield Flaw(code=code, message=message, offset=0)


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON: {error.msg}", error.pos) from None
    except Misfit as misfit:
        inside = "in the CNI configuration, "
        told = misfit.flaws[:_MOST_TOLD]
        flaws = [Flaw(code=NAD_CONFIG, message=inside + flaw.message, offset=flaw.offset) for flaw in told]
        raise Misfit(*flaws, *_untold(misfit.flaws, NAD_CONFIG, "are given twice")) from None


def _malformed(message: str, offset: int = 0) -> Misfit:
    return Misfit(Flaw(code=NAD_CONFIG, message=f"the CNI configuration {message}", hint=_HINT, offset=offset))


def _refused(text: str, flaw: Flaw) -> Flaw:
    """A flaw of the data as a flaw of its text."""
    problem, at = problem_of(flaw), position(text, flaw.path)
    message = f"in the CNI configuration, {FieldPath(flaw.path)}: {problem.message}" if flaw.path else problem.message
    return Flaw(code=_REFUSED, message=message, hint=problem.hint, offset=at)


def position(text: str, path: tuple[str | int, ...]) -> int:
    """The index of the value at a path in JSON text, or that of the nearest value around it.

    >>> text = '{"vlan": 7, "trunk": [{"id": 8}]}'
    >>> text[position(text, ("trunk", 0, "id")) :]
    '8}]}'
    """
    return found(text, path)[0].start_mark.index
