"""What can go wrong, as values: each problem has a place, a code, a fact and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
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

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@attrs.frozen(slots=False)
class Problem:
    """One finding about one field.

    ``at`` is the field's true path. KubeVirt names a few fields by another path; ``field`` is the
    one that its webhook would print, and ``cause`` the type it would give (``None`` for findings
    that are not KubeVirt's).
    """

    at: FieldPath
    code: str
    message: str
    hint: str = attrs.field(default="", kw_only=True)
    cause: Cause | None = attrs.field(default=None, kw_only=True)
    severity: Severity = attrs.field(default=Severity.ERROR, kw_only=True)
    reported_at: FieldPath | None = attrs.field(default=None, kw_only=True)
    place: Place | None = attrs.field(default=None, kw_only=True)

    @property
    def field(self) -> str:
        """The path as KubeVirt's webhook prints it."""
        return str(self.at if self.reported_at is None else self.reported_at)

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def placed(self, place: Place | None) -> Problem:
        """The same problem with its position in the text it came from."""
        return attrs.evolve(self, place=place)

    def as_dict(self) -> dict[str, Any]:
        """The problem as plain data, without what is absent; the keys are those of a Kubernetes status cause, and more.

        >>> Problem(FieldPath(("spec",)), "KN005", "the field is missing").as_dict()
        {'severity': 'error', 'code': 'KN005', 'field': 'spec', 'message': 'the field is missing'}
        """
        place = self.place
        told = {
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
        return {key: value for key, value in told.items() if value is not None}

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        path = f"{self.field}: " if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.severity} {self.code} {path}{self.message}{hint}"


class KvnetError(Exception):
    """Base of all that kvnet raises for bad input; ``problems`` holds every finding, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Rejected(KvnetError):
    """A manifest that cannot be read, admitted or compiled."""


class FactsError(KvnetError):
    """A document of host facts that cannot be read."""


class XmlError(KvnetError):
    """XML that is not well formed, not allowed, or not what libvirt's grammar knows."""
