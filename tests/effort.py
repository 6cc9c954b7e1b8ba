"""How many examples Hypothesis tries where a test needs more than others, or each of many tests fewer."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]


def examples(times: float) -> int:
    """So many times the examples of the profile: of 100 in CI, and of 10 elsewhere; ``examples(0.5)`` is 50 or 5."""
    return round(times * settings().max_examples)
