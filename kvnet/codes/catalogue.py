"""Find the explanation of a code in the pages that are installed with kvnet, which have one format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import attrs

from kvnet._spelling import near_words
from kvnet.codes.groups import group_of
from kvnet.errors import Severity

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["DOCUMENTATION", "Explanation", "UnknownCode", "explanation", "explanations", "page_url", "read_page"]

DOCUMENTATION: Final = "https://kvnet.readthedocs.io/en/latest"
"""Where the documentation is published."""

_PAGE = re.compile(
    r"""# (?P<code>KN\d{3}): (?P<title>[^\n]+)

\| Severity \| Group \| Since \| Source \|
\| --- \| --- \| --- \| --- \|
\| (?P<severity>error|warning|note) \| (?P<group>[a-z]+) \| (?P<since>[\d.]+|unreleased) \| (?P<source>[^\n|]+) \|

## What it does

(?P<what>.+?)

## Why is this bad

(?P<why>.+?)

## Example

(?P<bad>.+?)

## Use instead

(?P<good>.+?)
""",
    re.DOTALL,
)


@attrs.frozen(kw_only=True)
class Explanation:
    """What is to be known of one problem code.

    ``code`` is the code (``KN906``), ``title`` its meaning in a few words, and ``severity`` how much it weighs as a
    rule; ``what`` names the exceptions. ``group`` is a key of ``GROUPS``. ``since`` is the release of kvnet that first
    had the code, or ``unreleased``. ``source`` is the file of KubeVirt, the function of libvirt or the standard that
    it follows, and empty where it is kvnet's own. ``text`` is the whole page in Markdown, of which ``what``, ``why``,
    ``bad`` and ``good`` are sections; what ``bad`` shows is told with the code, and what ``good`` shows is not.
    ``url`` is the page in the published documentation.
    """

    code: str
    title: str
    severity: Severity
    group: str
    since: str
    source: str
    text: str
    what: str
    why: str
    bad: str
    good: str

    @property
    def url(self) -> str:
        return page_url(self.code)


def page_url(code: str) -> str:
    """The address of the page of a code in the published documentation."""
    return f"{DOCUMENTATION}/reference/problems/{code}.html"


def read_page(text: str) -> Explanation:
    """The explanation that a page holds. Raises ValueError where the page does not have the format of all pages."""
    match = _PAGE.fullmatch(text)
    if match is None:
        raise ValueError(f"not the page of a code: {text.partition(chr(10))[0]!r}")
    parts = match.groupdict()
    if parts["group"] != group_of(parts["code"]):
        raise ValueError(f"{parts['code']}: its group is {group_of(parts['code'])}, not {parts['group']}")
    source = "" if parts["source"] == "-" else parts["source"]
    severity = Severity(parts["severity"])
    return Explanation(text=text, **(parts | {"severity": severity, "source": source}))  # type: ignore[arg-type]


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
        near = near_words(code.upper(), _pages(), most=1, among=None)
        hint = f"did you mean {near[0]}?" if near else "`kvnet rules` lists all codes"
        raise UnknownCode(f"no problem has the code '{code}'; {hint}")
    return found


def explanations() -> tuple[Explanation, ...]:
    """The explanations of all codes, in the order of the codes."""
    return tuple(map(explanation, _pages()))


@lru_cache(512)
def _page(code: str) -> Explanation | None:
    """The page of a code, which is read once, or nothing."""
    page = _pages().get(code)
    return None if page is None else read_page(page.read_text(encoding="utf-8"))


@cache
def _pages() -> Mapping[str, Traversable]:
    """The files of the pages by their codes, in the order of the codes."""
    from importlib.resources import files  # noqa: PLC0415 - what a check does not need

    pages = {each.name: each for each in (files("kvnet.codes") / "pages").iterdir() if each.name.endswith(".md")}
    return {name.removesuffix(".md"): pages[name] for name in sorted(pages)}
