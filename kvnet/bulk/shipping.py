"""Results as plain tuples, which cost a fraction of what pickling the values themselves does."""

from __future__ import annotations

from typing import Any

from kvnet.bulk.rendered import Rendered
from kvnet.bulk.uses import Uses
from kvnet.errors import Cause, FieldPath, Place, Problem, Severity

__all__ = ["packed", "unpacked"]


def packed(made: Rendered) -> tuple[Any, ...]:
    """A result as a tuple of tuples, texts and numbers."""
    uses = made.uses
    return (
        made.index,
        made.namespace,
        made.name,
        made.devices,
        made.domain,
        tuple(map(_problem, made.problems)),
        tuple(map(_problem, made.notes)),
        (uses.macs, uses.vfs, uses.taps),
    )


def unpacked(shipped: tuple[Any, ...]) -> Rendered:
    """The result that was packed."""
    index, namespace, name, devices, domain, problems, notes, uses = shipped
    return Rendered(
        index=index,
        namespace=namespace,
        name=name,
        devices=devices,
        domain=domain,
        problems=tuple(map(_read_problem, problems)),
        notes=tuple(map(_read_problem, notes)),
        uses=Uses(*uses),
    )


def _problem(problem: Problem) -> tuple[Any, ...]:
    place, reported = problem.place, problem.reported_at
    return (
        problem.at.parts,
        problem.code,
        problem.message,
        problem.hint,
        problem.severity.value,
        problem.cause.value if problem.cause else None,
        reported.parts if reported is not None else None,
        (place.file, place.line, place.column, place.document) if place else None,
    )


def _read_problem(shipped: tuple[Any, ...]) -> Problem:
    parts, code, message, hint, severity, cause, reported, place = shipped
    return Problem(
        FieldPath(parts),
        code,
        message,
        hint=hint,
        severity=Severity(severity),
        cause=Cause(cause) if cause else None,
        reported_at=FieldPath(reported) if reported is not None else None,
        place=Place(*place) if place else None,
    )
