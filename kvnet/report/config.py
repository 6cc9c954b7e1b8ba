"""Read the configuration of kvnet: the table ``tool.kvnet`` of a pyproject.toml, or a ``.kvnet.toml``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final

from attrs import evolve, field, frozen

from kvnet._spelling import near_word
from kvnet.errors import FieldPath, Place, Problem, Rejected, Severity
from kvnet.report.selection import Selection, known_selector

__all__ = ["FILE_NAMES", "Config", "read_config", "severity_for"]

FILE_NAMES: Final = (".kvnet.toml", "pyproject.toml")
"""What a configuration is called; in one folder, the first of them counts."""

_CODE: Final = "KN030"
_TABLE: Final = "tool.kvnet"
_MOST_TOLD: Final = 64
"""After so many problems no more are looked for: the text is searched for the place of each."""
_MOST_PARTS: Final = 32
_LONG_KEY: Final = re.compile(rf"""(?<![\w"'-])(?:(?:"[^"\n]*"|'[^'\n]*'|[\w-]++)[ \t]*\.[ \t]*){{{_MOST_PARTS}}}""")
"""A key for which Python's parser of TOML would take work in proportion to the square of its length."""


@frozen(kw_only=True)
class Config:
    """What a project has decided about its checks.

    - ``selection``: what is told, and as what
    - ``baseline``: the file of a baseline, relative to the configuration; empty where there is none
    - ``strict``: whether warnings are findings
    - ``file``: the file that says so, empty where nothing does
    """

    selection: Selection = field(factory=Selection)
    baseline: str = ""
    strict: bool = False
    file: str = ""


def read_config(text: str, file: str) -> Config | None:
    """The configuration in a TOML text; nothing where it is a pyproject.toml without the table ``tool.kvnet``.

    Raises Rejected with every key that is not known and every value that is not understood, each with its place.

    >>> read_config('ignore = ["KN906"]', ".kvnet.toml").selection.ignore
    ('KN906',)
    """
    is_project = PurePath(file).name == "pyproject.toml"
    if is_project and "kvnet" not in text:
        return None
    import tomllib  # noqa: PLC0415 - most runs find no configuration

    if _LONG_KEY.search(text):
        raise Rejected([_unreadable(f"a key has over {_MOST_PARTS} parts", file)])
    try:
        data: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number of thousands of digits
        raise Rejected([_unreadable(str(error), file)]) from None
    if is_project:
        tools = data.get("tool")
        data = tools.get("kvnet") if isinstance(tools, Mapping) else None
        if data is None:
            return None
    written = _Written(text, file, _TABLE if is_project else "")
    if not isinstance(data, Mapping):
        raise Rejected([written.problem("", f"{_TABLE} is a table", "")])
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for key, value in data.items():
        values[key] = _value(key, value, written, problems)
        if len(problems) >= _MOST_TOLD:
            break
    if problems:
        raise Rejected(problems)
    own = {key: values.pop(key) for key in ("baseline", "strict") if key in values}
    selection = Selection(**{_FIELDS[key]: value for key, value in values.items()})
    return evolve(Config(selection=selection, file=file), **own)


@frozen
class _Written:
    """A text of TOML, the name of its file, and the table that is read. It finds keys again, which tomllib does not."""

    text: str
    file: str
    table: str

    def problem(self, key: str, message: str, hint: str) -> Problem:
        at = FieldPath(tuple([each for each in (*self.table.split("."), *key.split(".")) if each]))
        return Problem(at, _CODE, message, hint=hint, place=self._place(key))

    def _place(self, key: str) -> Place:
        """Where a key is written, or else what holds it: another key, its table, or the beginning."""
        header = (
            re.search(rf"^[ \t]*\[+[ \t]*{re.escape(self.table)}\b", self.text, re.MULTILINE) if self.table else None
        )
        start = header.start() if header else 0
        found = (self._index(each, start) for each in reversed(key.split(".")) if each)
        index = next((each for each in found if each is not None), start)
        line = self.text.count("\n", 0, index) + 1
        return Place(self.file, line, index - self.text.rfind("\n", 0, index))

    def _index(self, word: str, start: int) -> int | None:
        """Where a word is a key after an index, at the beginning of a line; nothing where it is in an inline table."""
        spelled = rf"^[ \t]*(?:[\w.\[-]*[.\[])?[\"']?(?P<key>{re.escape(word)})[\"']?[ \t]*[].=]"
        within = re.compile(spelled, re.MULTILINE).search(self.text, start)
        return within.start("key") if within else None


def _unreadable(message: str, file: str) -> Problem:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line, column = (int(found[1]), int(found[2])) if found else (1, 1)
    told = message[: found.start()].strip() if found else message
    return Problem(FieldPath(), _CODE, f"not TOML: {told}", place=Place(file, line, column))


def _value(key: str, value: Any, written: _Written, problems: list[Problem]) -> Any:
    """What a key says; where it cannot be understood, a problem is added."""
    read = _READERS.get(key)
    if read is None:
        near = near_word(key, _READERS)
        hint = f"did you mean '{near}'?" if near else f"the keys are {', '.join(_READERS)}"
        problems.append(written.problem(key, f"kvnet has no setting '{key}'", hint))
        return None
    try:
        return read(value)
    except _Misfit as misfit:
        problems += [written.problem(".".join([key, *path]), message, "") for path, message in misfit.flaws]
        return None


class _Misfit(Exception):
    """Why a value is not understood: each reason with the path to it within the value."""

    def __init__(self, *flaws: tuple[tuple[str, ...], str]) -> None:
        self.flaws = flaws
        super().__init__(flaws)


def _selectors(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Misfit(((), 'this has to be a list of texts, such as ["KN906", "fleet"]'))
    try:
        return tuple(map(known_selector, value))
    except ValueError as error:
        raise _Misfit(((), str(error))) from None


def _severities(value: Any) -> tuple[tuple[str, Severity], ...]:
    if not isinstance(value, Mapping):
        raise _Misfit(((), 'this has to be a table, such as {KN906 = "error"}'))
    read: list[tuple[str, Severity]] = []
    flaws: list[tuple[tuple[str, ...], str]] = []
    for name, severity in value.items():
        try:
            read.append(severity_for(name, severity))
        except ValueError as error:
            flaws.append(((name,), str(error)))
    if flaws:
        raise _Misfit(*flaws)
    return tuple(read)


def severity_for(name: str, severity: object) -> tuple[str, Severity]:
    """A selector and the severity that its problems get. Raises ValueError where one of the two is none."""
    if severity not in tuple(Severity):
        raise ValueError(f"{severity!r} is no severity: write {', '.join(Severity)}, or leave the code out with ignore")
    return known_selector(name), Severity(str(severity))


def _file_name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Misfit(((), "this has to be the name of a file"))
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Misfit(((), "this has to be true or false"))
    return value


_FIELDS: Final[Mapping[str, str]] = {
    "select": "select",
    "extend-select": "extend_select",
    "ignore": "ignore",
    "severity": "severities",
}
"""The field of ``Selection`` for each of its keys."""
_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "select": _selectors,
    "extend-select": _selectors,
    "ignore": _selectors,
    "severity": _severities,
    "baseline": _file_name,
    "strict": _flag,
}
"""The reader of each key."""
