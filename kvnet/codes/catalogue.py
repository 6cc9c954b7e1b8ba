"""Find the explanation of a code in the pages that are installed with kvnet."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from kvnet.codes.page import Explanation, read_page

__all__ = ["UnknownCode", "explanation", "explanations"]


class UnknownCode(KeyError):
    """A code that no problem has; the message suggests one that resembles it."""

    def __str__(self) -> str:
        return str(self.args[0])


def explanation(code: str) -> Explanation:
    """The explanation of a code, in any letter case. Raises UnknownCode where no problem has the code.

    >>> explanation("kn906").severity
    <Severity.WARNING: 'warning'>
    >>> explanation("KN0906")
    Traceback (most recent call last):
    ...
    kvnet.codes.catalogue.UnknownCode: no problem has the code 'KN0906'; did you mean KN906?
    """
    found = _page(code.upper())
    if found is None:
        near = get_close_matches(code.upper(), _codes(), n=1)
        hint = f"did you mean {near[0]}?" if near else "`kvnet rules` lists all codes"
        raise UnknownCode(f"no problem has the code '{code}'; {hint}")
    return found


def explanations() -> tuple[Explanation, ...]:
    """The explanations of all codes, in the order of the codes."""
    return tuple(map(explanation, _codes()))


@cache
def _page(code: str) -> Explanation | None:
    """The page of a code, which is read once, or nothing."""
    if code not in _codes():
        return None
    from importlib.resources import files  # noqa: PLC0415 - what a check does not need

    return read_page((files("kvnet.codes") / "pages" / f"{code}.md").read_text(encoding="utf-8"))


@cache
def _codes() -> tuple[str, ...]:
    return tuple(sorted(_names()))


def _names() -> Iterator[str]:
    from importlib.resources import files  # noqa: PLC0415 - what a check does not need

    for page in (files("kvnet.codes") / "pages").iterdir():
        if page.name.endswith(".md"):
            yield page.name.removesuffix(".md")
