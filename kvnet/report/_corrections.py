"""Find the characters of a text that a fix replaces: a key, a value, or a gateway in network data."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import yaml

from kvnet.errors import Problem
from kvnet.manifest._yaml import sound_nodes

__all__ = ["correction"]

_KEYS: Final = frozenset({"KN003", "KN016", "KN151", "KN931"})
"""Codes of problems whose key is to be written otherwise, and not the value."""
_RAW: Final = "KN004"
"""The code of problems where only the quotes are wrong."""
_NETWORK_DATA: Final = "KN923"
"""The code of problems in a text within the manifest."""
_BARE: Final = re.compile(r"[A-Za-z][\w./-]*")
"""Words that YAML reads as text without quotes; true, null and the like are never written for others."""
_GATEWAY6: Final = re.compile(r"gateway6[ \t]*:[ \t]*$")
_ADDRESS: Final = re.compile(r"(?P<quote>(?:\\?\"|'{1,2})?)(?P<address>[0-9A-Fa-f:.]+)(?P=quote)")

Correction = tuple[int, int, str]
"""Where an edit starts and ends, and what it writes."""


def correction(text: str, index: int, problem: Problem) -> Correction | None:
    """The correction of a problem whose place is a character of a text; nothing where it is written in an odd way."""
    found = _in_network_data if problem.code == _NETWORK_DATA else _of_node
    return found(text, index, problem)


def _of_node(text: str, index: int, problem: Problem) -> Correction | None:
    """The edit of a key or value that stands as such in the text."""
    name = problem.at.parts[-1] if problem.at.parts else None
    for key, value in _pairs(text).get(index, ()):
        if key is not None and key.value != str(name):
            continue
        node = key if problem.code in _KEYS else value
        if isinstance(node, yaml.ScalarNode):
            start, end = node.start_mark.index, node.end_mark.index
            made = _written(text[start:end], node.value, problem)
            return (start, end, made) if made is not None else None
    return None


def _written(raw: str, value: str, problem: Problem) -> str | None:
    """What is written in place of a scalar, quoted as it is; nothing for one with an anchor, a tag or several lines."""
    instead = problem.instead
    if "\n" in raw or (raw != value and raw[:1] not in ("'", '"')):
        return None
    if problem.code == _RAW:
        return instead
    quote = raw[0] if raw != value else "" if _BARE.fullmatch(instead) else '"'
    return f"{quote}{instead}{quote}"


@lru_cache(maxsize=4)
def _pairs(text: str) -> dict[int, list[tuple[yaml.Node | None, yaml.Node]]]:
    """The keys and values of a text by where each of both starts; entries of lists have no key."""
    found: dict[int, list[tuple[yaml.Node | None, yaml.Node]]] = {}
    pending: list[yaml.Node] = list(sound_nodes(text))
    seen = set()
    while pending:
        node = pending.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(None, each) for each in node.value]
        for key, value in pairs:
            for each in (key, value) if key is not None else (value,):
                found.setdefault(each.start_mark.index, []).append((key, value))
            pending.append(value)
    return found


def _in_network_data(text: str, index: int, problem: Problem) -> Correction | None:
    """The edit of a gateway within a text; one in ``gateway6``, which is deprecated, becomes a route."""
    written = _ADDRESS.match(text, index)
    if written is None:
        return None
    line = text.rfind("\n", 0, index) + 1
    key = _GATEWAY6.search(text[line:index])
    if key is None:
        return *written.span("address"), problem.instead
    mark = written["quote"] or _mark_within(text, index)
    route = f"routes: [{{to: {mark}::/0{mark}, via: {mark}{problem.instead}{mark}}}]"
    return line + key.start(), written.end(), route


def _mark_within(text: str, index: int) -> str:
    """The quotes for a word inside the scalar around a character, which may have quotes itself."""
    around = (value for pairs in _pairs(text).values() for _, value in pairs if isinstance(value, yaml.ScalarNode))
    styles = (each.style for each in around if each.start_mark.index <= index < each.end_mark.index)
    return {'"': "'", "'": "''"}.get(next(styles, None) or "", '"')
