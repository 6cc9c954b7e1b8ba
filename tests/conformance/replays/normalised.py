"""Where KubeVirt's answer is a fault that kvnet does not copy, a replay evens it out, and says so here."""

from __future__ import annotations

from collections import Counter

__all__ = ["NORMALISED", "normalised"]

NORMALISED: Counter[str] = Counter()
"""In how many cases each fault was evened out."""


def normalised(fault: str) -> None:
    """Note that a fault was evened out in a case: once for each case."""
    NORMALISED[fault] += 1
