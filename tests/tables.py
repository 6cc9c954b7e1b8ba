"""Tables of cases, each with a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

__all__ = ["rows"]


def rows(cases: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    """The cases for ``parametrize``, named by their keys."""
    return [pytest.param(*values, id=name) for name, values in cases.items()]
