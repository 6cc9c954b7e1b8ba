"""What is wrong with a CNI configuration, the JSON inside a NetworkAttachmentDefinition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from kvnet.manifest.json_text import oddities, parse_json
from kvnet.manifest.scalars import Unfit
from kvnet.manifest.text import Text

__all__ = ["ConfigFlaw", "config_flaws"]

_HINT = 'write JSON such as {"cniVersion": "0.3.1", "type": "bridge", "bridge": "br10"}'


@frozen
class ConfigFlaw:
    """What is wrong, and at which character of the configuration."""

    message: str
    hint: str = _HINT
    offset: int = 0


def config_flaws(config: str) -> Iterator[ConfigFlaw]:
    """Every flaw of a configuration's text: no JSON, no plugin, or a plugin without a type."""
    try:
        value = parse_json(config)
    except json.JSONDecodeError as error:
        yield ConfigFlaw(f"the CNI configuration is not JSON: {error.msg}", offset=error.pos)
        return
    except Unfit:
        for problem in oddities(Text("", config)):
            offset = _offset(config, problem.place.line, problem.place.column) if problem.place else 0
            yield ConfigFlaw(f"in the CNI configuration, {problem.message}", hint="", offset=offset)
        return
    chain = value.get("plugins", [value]) if isinstance(value, dict) else None
    if not isinstance(chain, list) or not chain or not all(isinstance(each, dict) for each in chain):
        yield ConfigFlaw("the CNI configuration is no plugin and no list of them")
    elif not all(_has_type(each) for each in chain):
        yield ConfigFlaw("the CNI configuration names no plugin `type`")


def _has_type(plugin: dict[str, Any]) -> bool:
    return isinstance(plugin.get("type"), str)


def _offset(text: str, line: int, column: int) -> int:
    before = text.split("\n")[: line - 1]
    return sum(len(each) + 1 for each in before) + column - 1
