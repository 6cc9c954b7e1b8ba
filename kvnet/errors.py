"""Problems and exceptions: each problem has a place, a code, a fact and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import attrs

__all__ = [
    "Cause",
    "FactsError",
    "FieldPath",
    "KvnetError",
    "Place",
    "Problem",
    "Rejected",
    "Severity",
    "XmlError",
]


_LONGEST = 2000
"""Characters of a message, a hint or a field that a line has."""


class Severity(StrEnum):
    """How much a problem weighs: only errors keep a machine from being rendered."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Cause(StrEnum):
    """The Kubernetes cause types that KubeVirt's admission webhook answers with."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    DUPLICATE = "FieldValueDuplicate"
    NOT_SUPPORTED = "FieldValueNotSupported"
    NOT_FOUND = "FieldValueNotFound"
    FORBIDDEN = "FieldValueForbidden"


@attrs.frozen(slots=False)
class FieldPath:
    """A Kubernetes field path: ``root / "networks"`` and ``path[0]`` extend it, ``str`` spells it."""

    parts: tuple[str | int, ...] = ()

    def __truediv__(self, name: str) -> FieldPath:
        return FieldPath((*self.parts, name))

    def __getitem__(self, index: int) -> FieldPath:
        return FieldPath((*self.parts, index))

    def __str__(self) -> str:
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.parts)
        return text.removeprefix(".")


@attrs.frozen(slots=False)
class Place:
    """A position in a text: line and column count from 1, documents of a stream from 0."""

    file: str
    line: int
    column: int
    document: int = 0

    @classmethod
    def later(cls, find: Callable[[], Place]) -> Place:
        """A place that is looked for when it is first asked for.

        To find one, the text is parsed again: a note on each machine of a fleet, of which only the code counts, would
        take as long as all other work.
        """
        made = cls.__new__(cls)
        made.__dict__["_find"] = find
        return made

    def __getattr__(self, name: str) -> Any:
        find = self.__dict__.get("_find")
        if find is None and name in self.__dict__:  # another thread has found it since
            return self.__dict__[name]
        if find is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        found: Place = find()
        self.__dict__.update(file=found.file, line=found.line, column=found.column, document=found.document)
        self.__dict__.pop("_find", None)
        return getattr(self, name)

    def __reduce__(self) -> tuple[type[Place], tuple[Any, ...]]:
        return type(self), (self.file, self.line, self.column, self.document)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@attrs.frozen(slots=False)
class Problem:
    """One finding about one field. ``str`` gives the line that the command prints, in which what a terminal would obey
    is spelled out.

    ``at`` is the path of the field, ``code`` names the kind of problem (``KN101``; the reference lists all),
    ``message`` states the fact, and ``hint`` says what to write instead. ``severity`` is error, warning or note, and
    ``place`` the position in the text, where there is one. ``cause`` is the Kubernetes cause type of KubeVirt's
    webhook, ``None`` where the finding is not KubeVirt's. The webhook names a few fields by another path, which is
    ``reported_at``. ``instead`` is what to write in place of the key or the value there, where only one thing can be
    meant.

    >>> print(Problem(FieldPath(("spec",)) / "networks", "KN103", "there are two primary networks", hint="keep one"))
    kvnet: error KN103 there are two primary networks; keep one [spec.networks]
    """

    at: FieldPath
    code: str
    message: str
    hint: str = attrs.field(default="", kw_only=True)
    cause: Cause | None = attrs.field(default=None, kw_only=True)
    severity: Severity = attrs.field(default=Severity.ERROR, kw_only=True)
    reported_at: FieldPath | None = attrs.field(default=None, kw_only=True)
    place: Place | None = attrs.field(default=None, kw_only=True)
    instead: str = attrs.field(default="", kw_only=True, repr=False)

    @property
    def field(self) -> str:
        """The path as KubeVirt's webhook prints it."""
        return str(self.at if self.reported_at is None else self.reported_at)

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def placed(self, place: Place | None) -> Problem:
        """The same problem with its position in the text it came from."""
        # a note on each machine of a fleet is placed: attrs.evolve takes four times as long
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, place=place)
        return made

    def line(self, severity: str) -> str:
        """The line as it is told; of what is very long, such as a value that it quotes, the middle is left out.

        ``severity`` is the word for it.
        """
        where = self.place or "kvnet"
        hint = f"; {_shortened(self.hint)}" if self.hint else ""
        field = f" [{_shortened(self.field)}]" if self.field else ""
        return f"{where}: {severity} {self.code} {_shortened(self.message)}{hint}{field}"

    def as_dict(self) -> dict[str, Any]:
        """The problem as plain data, without what is absent; the keys are those of a Kubernetes status cause, and more.

        >>> Problem(FieldPath(("spec",)), "KN005", "the field is missing").as_dict()
        {'severity': 'error', 'code': 'KN005', 'field': 'spec', 'message': 'the field is missing'}
        """
        place = self.place
        known = {
            "severity": str(self.severity),
            "code": self.code,
            "reason": str(self.cause) if self.cause else None,
            "field": self.field,
            "message": self.message,
            "hint": self.hint or None,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
        }
        return {key: value for key, value in known.items() if value is not None}

    def __str__(self) -> str:
        from kvnet.values import printable  # noqa: PLC0415 - for what is printed alone

        return printable(self.line(str(self.severity)))


def _shortened(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


class KvnetError(Exception):
    """Base of all that kvnet raises for bad input; ``problems`` holds every finding, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))

    def __reduce__(self) -> tuple[type[KvnetError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class Rejected(KvnetError):
    """A manifest that cannot be read, admitted or compiled."""


class FactsError(KvnetError):
    """A document of host facts that cannot be read."""


class XmlError(KvnetError):
    """XML that is not well formed, not allowed, or not what libvirt's grammar knows."""
