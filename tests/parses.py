"""Count how often XML is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

import pytest
from lxml import etree

__all__ = ["count_parses"]


def count_parses(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> int:
    """How many trees lxml makes, and how many texts expat reads, while an action runs."""
    count = 0

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **members: Any) -> Any:
            nonlocal count
            count += 1
            return function(*arguments, **members)

        return counted

    with monkeypatch.context() as patched:
        patched.setattr(etree, "fromstring", counting(etree.fromstring))
        patched.setattr(expat, "ParserCreate", counting(expat.ParserCreate))
        action()
    return count
