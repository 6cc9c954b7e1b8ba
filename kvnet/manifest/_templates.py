"""Texts that are templates of Helm or Jinja, which are no YAML before they are rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from kvnet.manifest._kinds import OURS
from kvnet.manifest._problems import TEMPLATE, Flaw

__all__ = ["is_action", "mentions_ours", "template_flaw", "templated_value"]

_ACTION: Final = re.compile(r"(?<!\$)\{\{[^{}\n]{0,300}\}\}|\{%[^\n]{0,300}?%\}|\{#[^\n]{0,300}?#\}")
"""What Helm or Jinja would replace. ``${{NAME}}`` is a parameter of an OpenShift Template, or a GitHub workflow's."""
_OPENS: Final = re.compile(r"\{\{-?[ \t]*/\*")
_CLOSES: Final = re.compile(r"\*/[ \t]*-?\}\}")
"""The ends of a comment of Helm, which may have several lines."""
_MENTION: Final = re.compile(rf"kubevirt\.io/v|\bkind[\"']?:[ \t]*[\"']?(?:{'|'.join(OURS)})\b")
_UNTEMPLATED: Final = frozenset({"accessCredentials", "annotations", "labels", "volumes"})
"""Members with text for others, such as cloud-init, which has templates of its own."""


def mentions_ours(text: str) -> bool:
    """Whether a text names an API version of KubeVirt, or a kind that kvnet reads."""
    return _MENTION.search(text) is not None


def is_action(text: str, index: int) -> bool:
    """Whether the character at an index is one of the first two braces of what Helm or Jinja would replace."""
    return any(_ACTION.match(text, first) for first in (index, index - 1) if first >= 0)


def template_flaw(text: str, index: int, is_readable: Callable[[str], bool]) -> Flaw | None:
    """The flaw of a template, at its first brace, in a text that YAML cannot read at an index; nothing for other texts.

    ``is_readable`` says of a text whether YAML can read it: it is asked about the text without its actions.
    """
    comments = [*_comments(text)]
    lines = _blanked(text, comments).split("\n")
    actions = [n for n, line in enumerate(lines) if _has_action(line)]
    is_template = text.count("\n", 0, index) in actions or (
        bool(actions or comments) and is_readable("\n".join(map(_neutral, lines)))
    )
    if not is_template:
        return None
    offsets = [start for start, _ in comments[:1]]
    for first in actions[:1]:
        start = sum(len(line) + 1 for line in lines[:first])
        offsets += [start + match.start() for match in [_ACTION.search(lines[first])] if match]
    return _flaw(offset=min(offsets))


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """Where each comment of Helm starts and ends."""
    end = 0
    while (opens := _OPENS.search(text, end)) and (closes := _CLOSES.search(text, opens.end())):
        end = closes.end()
        yield opens.start(), end


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


def templated_value(data: Any) -> Flaw | None:
    """The flaw of the first text in plain data that Helm or Jinja would fill in, or nothing."""
    path = _templated_path(data)
    return None if path is None else _flaw(path=path)


def _templated_path(data: Any) -> tuple[str | int, ...] | None:
    if isinstance(data, str):
        return () if "{{" in data and _ACTION.search(data) else None
    members: Any = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, each in members:
        path = None if key in _UNTEMPLATED else _templated_path(each)
        if path is not None:
            return (key, *path)
    return None


def _flaw(**place: Any) -> Flaw:
    message = "this is a template of Helm or Jinja that has not been rendered"
    return Flaw(code=TEMPLATE, message=message, hint="render it first, for example with `helm template`", **place)
