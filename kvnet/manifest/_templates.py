"""Texts that YAML cannot read: templates that nobody has rendered, and documents of others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from kvnet.manifest._kinds import OURS, is_foreign
from kvnet.manifest._problems import TEMPLATE, Flaw

__all__ = ["is_action", "mentions_ours", "template_flaw", "templated_value", "without_foreign"]

_INNER: Final = r"""(?:[^{}"'\n]|"[^"\n]{0,300}"|'[^'\n]{0,300}'|\{[^{}\n]{0,300}\}){0,300}"""
_VARIABLE: Final = r"\$\{[A-Za-z_][A-Za-z0-9_]{0,100}(?::?[=?+-][^{}\n]{0,300})?\}|\$\{\{[^{}\n]{0,300}\}\}"
"""What envsubst or Flux would replace, or as ``${{NAME}}`` a GitHub workflow.

Of an OpenShift Template it is a parameter without a value.
"""
_ACTION: Final = re.compile(
    rf"(?<!\$)\{{\{{(?:[^{{}}\n]{{0,300}}|{_INNER})\}}\}}|\{{%[^\n]{{0,300}}?%\}}|\{{#[^\n]{{0,300}}?#\}}|{_VARIABLE}"
)
"""What Helm, Jinja or envsubst would replace."""
_OPENS: Final = re.compile(r"(?<!\$)\{\{(?P<comment>-?[ \t]*/\*)?|\{%|\{#")
_CLOSES: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_COMMENT_CLOSES: Final = re.compile(r"\*/[ \t]*-?\}\}")
"""The ends of what may have several lines: actions, and comments of Helm."""
_LONGEST: Final = 1000
"""Characters of an action of several lines."""
_MENTION: Final = re.compile(
    rf"(?<![\w.-])(?:(?:pool|instancetype)\.)?kubevirt\.io/v|\bkind[\"']?:[ \t]*[\"']?(?:{'|'.join(OURS)})\b"
)
_PART: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_AT_MARGIN: Final = re.compile(
    r"^(?P<key>kind|apiVersion):[ \t]+(?P<quote>[\"']?)(?P<value>[A-Za-z][\w./-]*)(?P=quote)[ \t\r]*(?:#.*)?$",
    re.MULTILINE,
)
_UNTEMPLATED: Final = frozenset({"accessCredentials", "annotations", "args", "command", "volumes"})
"""Members with text for others, such as cloud-init or a shell, which have templates or variables of their own."""


def mentions_ours(text: str) -> bool:
    """Whether one of the documents in a text is an object that kvnet reads, or names a kind or an API of KubeVirt's."""
    for start, end in _parts(text):
        part = text[start:end]
        named = _at_margin(part)
        if not is_foreign(named) if "kind" in named else _MENTION.search(part):
            return True
    return False


def without_foreign(text: str, is_readable: Callable[[str], bool]) -> tuple[str, list[dict[str, str]]]:
    """A text with blanks in place of the documents of others that YAML cannot read, and the identities of these.

    Lines stay lines, and every character its place. Before a text can be read, what stands at the margin tells the kind
    of a document.
    """
    parts = [(start, end, _at_margin(text[start:end])) for start, end in _parts(text)]
    is_of_others = [
        "kind" in named and is_foreign(named) and not is_readable(text[start:end]) for start, end, named in parts
    ]
    found = [named for (_, _, named), is_other in zip(parts, is_of_others, strict=True) if is_other]
    spans = []
    for n, (start, end, _) in enumerate(parts):
        # actions alone belong to a document beside them
        if is_of_others[n] or (any(is_of_others[max(n - 1, 0) : n + 2]) and _is_bare(text[start:end])):
            marker = _PART.match(text, start)
            spans.append((marker.end() if marker else start, end))
    return _blanked(text, spans), found


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Where each document of a text starts and ends."""
    return pairwise([0, *(match.start() for match in _PART.finditer(text)), len(text)])


def _is_bare(part: str) -> bool:
    """Whether a document has nothing but actions and comments."""
    left = _ACTION.sub("", _blanked(part, _over_lines(part)))
    return all(line.lstrip()[:1] in ("", "#") for line in left.removeprefix("---").splitlines())


def _at_margin(part: str) -> dict[str, str]:
    """The kind and the API version of a document that are written in a line of their own, without indentation.

    Of several kinds it is one that kvnet reads, alone: the line between two documents may be missing.
    """
    said = [(match["key"], match["value"]) for match in _AT_MARGIN.finditer(part)]
    kinds = [value for key, value in said if key == "kind"]
    own = [each for each in kinds if each in OURS]
    return {"kind": own[0]} if own and len(kinds) > 1 else dict(reversed(said))


def is_action(text: str, index: int) -> bool:
    """Whether the character at an index is one of the first two braces of what Helm or Jinja would replace."""
    for first in (index, index - 1):
        opens = _OPENS.match(text, first) if first >= 0 else None
        if opens and (_ACTION.match(text, first) or _end_over_lines(text, opens)):
            return True
    return False


def template_flaw(text: str, index: int, is_readable: Callable[[str], bool]) -> Flaw | None:
    """The flaw of a template, at its first brace, in a text that YAML cannot read at an index; nothing for other texts.

    ``is_readable`` says of a text whether YAML can read it: it is asked about the text without its actions.
    """
    long_ones = [*_over_lines(text)]
    lines = _blanked(text, long_ones).split("\n")
    actions = [n for n, line in enumerate(lines) if _has_action(line)]
    is_template = text.count("\n", 0, index) in actions or (
        bool(actions or long_ones) and is_readable("\n".join(map(_neutral, lines)))
    )
    if not is_template:
        return None
    offsets = [start for start, _ in long_ones[:1]]
    for first in actions[:1]:
        start = sum(len(line) + 1 for line in lines[:first])
        offsets += [start + match.start() for match in [_ACTION.search(lines[first])] if match]
    return _flaw(text[min(offsets) :][:1], offset=min(offsets))


def _over_lines(text: str) -> Iterator[tuple[int, int]]:
    """Where each action of several lines, and each comment of Helm, starts and ends."""
    end = 0
    while opens := _OPENS.search(text, end):
        closed = _end_over_lines(text, opens)
        if closed:
            yield opens.start(), closed
        elif opens["comment"]:
            return
        end = closed or opens.end()


def _end_over_lines(text: str, opens: re.Match[str]) -> int:
    """Where a comment of Helm ends, or an action that has several lines; else 0."""
    if opens["comment"]:
        closes = _COMMENT_CLOSES.search(text, opens.end())
        return closes.end() if closes else 0
    end = text.find(_CLOSES[opens[0]], opens.end(), opens.end() + _LONGEST)
    return end + 2 if end >= 0 and "\n" in text[opens.end() : end] else 0


def _blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with spaces in place of spans of it; lines stay lines."""
    parts, last = [], 0
    for start, end in spans:
        parts += [text[last:start], re.sub("[^\n]", " ", text[start:end])]
        last = end
    return "".join([*parts, text[last:]])


def _has_action(line: str) -> bool:
    is_comment = line.lstrip().startswith("#")
    return "{" in line and not is_comment and _ACTION.search(line) is not None


def _neutral(line: str) -> str:
    """A line with a word in place of each action, or an empty one where nothing else is in it."""
    if not _has_action(line):
        return line
    return _ACTION.sub("x", line) if _ACTION.sub("", line).strip() else ""


def templated_value(data: Any, *, has_parameters: bool = False) -> Flaw | None:
    """The flaw of the first text in plain data that Helm, Jinja or envsubst would fill in, or nothing.

    With ``has_parameters``, the data are of an OpenShift Template, which fills in variables itself.
    """
    found = _templated(data, has_parameters)
    return None if found is None else _flaw(found[1], path=found[0])


def _templated(data: Any, has_parameters: bool) -> tuple[tuple[str | int, ...], str] | None:
    """The path of the first text that a template has, and the first character of what would be filled in."""
    if isinstance(data, str):
        found = _ACTION.search(data) if "{{" in data or "${" in data else None
        return None if found is None or (has_parameters and found[0][0] == "$") else ((), found[0][0])
    members: Any = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, each in members:
        inner = None if key in _UNTEMPLATED else _templated(each, has_parameters)
        if inner is not None:
            return (key, *inner[0]), inner[1]
    return None


def _flaw(first: str, **place: Any) -> Flaw:
    """The flaw of a template; ``first`` is the first character of what would be filled in."""
    if first == "$":
        message = "this is a template with a variable that has not been filled in"
        return Flaw(code=TEMPLATE, message=message, hint="fill it in first, for example with `envsubst`", **place)
    message = "this is a template of Helm or Jinja that has not been rendered"
    return Flaw(code=TEMPLATE, message=message, hint="render it first, for example with `helm template`", **place)
