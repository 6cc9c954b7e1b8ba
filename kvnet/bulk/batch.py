"""Results of a chunk as bytes that are ready to be written, with what a run wants to know of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from kvnet.bulk.rendered import Rendered
from kvnet.bulk.uses import Uses
from kvnet.errors import FieldPath, Problem

__all__ = [
    "Batch",
    "Form",
    "batch",
    "count_reason",
    "described",
    "digest",
    "example",
    "head",
    "numbered",
    "refused_line",
    "unnumbered",
    "uses_of_line",
]

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}")


class Form(NamedTuple):
    """What the lines hold: ``devices`` or a whole domain; or neither, where ``files`` take the XML."""

    devices: bool = False
    files: bool = False


class Batch(NamedTuple):
    """The results of one chunk, in order.

    ``lines`` are JSON without the index, which is not known where they are made; ``files`` are names and XML,
    where those are asked for. ``records`` hold a digest of 8 bytes for each use, and in 8 more the number of its
    VM in the batch. ``reasons`` and ``notes`` count by code; a reason has an example. ``size`` is how much of
    the input this was.
    """

    lines: list[bytes]
    files: list[tuple[str, str] | None]
    records: bytes
    refused: int
    reasons: dict[str, tuple[int, str]]
    notes: dict[str, int]
    size: int = 0


def batch(made: Iterable[tuple[Rendered, str | None]], form: Form, size: int = 0) -> Batch:
    """Put results together, each with the name of the file that it came from where that is to be told."""
    lines: list[bytes] = []
    files: list[tuple[str, str] | None] = []
    records: list[bytes] = []
    reasons: dict[str, tuple[int, str]] = {}
    notes: dict[str, int] = {}
    refused = 0
    for number, (each, source) in enumerate(made):
        file = _file(each) if form.files else None
        problems = each.problems or (_name_problems(each, file) if form.files else ())
        codes = sorted({note.code for note in each.notes})
        lines.append(_line(each, source, problems, codes, form))
        if problems:
            refused += 1
            told = {"namespace": each.namespace, "name": each.name}
            count_reason(reasons, problems[0].code, example(told, described(problems[0])))
        else:
            records += [digest(*use) + number.to_bytes(8, "little") for use in each.uses]
        if form.files:
            files.append((file, _xml(each, form)) if file and not problems else None)
        for code in codes:
            notes[code] = notes.get(code, 0) + 1
    return Batch(lines, files, b"".join(records), refused, reasons, notes, size)


def count_reason(reasons: dict[str, tuple[int, str]], code: str, example: str, count: int = 1) -> None:
    """Count a reason; its first example stays."""
    seen = reasons.get(code)
    reasons[code] = (seen[0] + count, seen[1]) if seen else (count, example)


def digest(kind: str, where: str, what: str) -> bytes:
    """8 bytes for something that only one VM may use."""
    return blake2b(f"{kind}\0{where}\0{what}".encode(errors="surrogatepass"), digest_size=8).digest()


def uses_of_line(uses: Uses) -> dict[str, tuple[tuple[str, str], ...]]:
    """What a VM uses, as its line tells it: pairs, the network or host first."""
    told = {"macs": uses.macs, "vfs": uses.vfs, "taps": uses.taps}
    return {key: value for key, value in told.items() if value}


def numbered(index: int, line: bytes) -> bytes:
    """A line of the output."""
    return b'{"index": %d, %b\n' % (index, line[1:])


def unnumbered(line: bytes) -> bytes:
    """The line that was numbered."""
    return b"{" + line.partition(b", ")[2].removesuffix(b"\n")


def head(line: bytes) -> bytes:
    """A line of the output without its XML; no JSON text can hold the bytes that it is cut at."""
    for key in (b', "xml": ', b', "devices": '):
        before, found, _ = line.partition(key)
        if found:
            return before + b"}"
    return line


def described(problem: Problem) -> dict[str, Any]:
    """A problem as plain data, its keys those of a Kubernetes status cause where there are such."""
    place = problem.place
    told = {
        "code": problem.code,
        "reason": str(problem.cause) if problem.cause else None,
        "field": problem.field or None,
        "message": problem.message,
        "hint": problem.hint or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def refused_line(line: bytes, problem: Problem) -> bytes:
    """The line of a VM that was rendered, and is refused after all."""
    kept = {key: value for key, value in json.loads(head(line)).items() if key in ("namespace", "name", "file")}
    return json.dumps(kept | {"problems": [described(problem)]}).encode()


def _line(each: Rendered, source: str | None, problems: tuple[Problem, ...], codes: list[str], form: Form) -> bytes:
    told: dict[str, Any] = {"namespace": each.namespace, "name": each.name}
    if source is not None:
        told["file"] = source
    if problems:
        told["problems"] = [described(problem) for problem in problems]
        return json.dumps(told).encode()
    told["uses"] = uses_of_line(each.uses)
    if codes:
        told["notes"] = codes
    if not form.files:
        # last, so that head need not look at it
        told |= {"devices": each.devices} if form.devices else {"xml": each.domain}
    return json.dumps(told).encode()


def _xml(each: Rendered, form: Form) -> str:
    return "\n".join(each.devices) + "\n" if form.devices else each.domain or ""


def _file(each: Rendered) -> str | None:
    """The name of a VM's file, or nothing where it would not be one plain name."""
    parts = (each.namespace or "default", each.name or "vm")
    if not all(_FILE_NAME.fullmatch(part) for part in parts) or len("_".join(parts)) > 240:
        return None
    return f"{'_'.join(parts)}.xml"


def _name_problems(each: Rendered, file: str | None) -> tuple[Problem, ...]:
    if file is not None:
        return ()
    told = f"{each.namespace or 'default'!r} and {each.name!r} cannot name a file"
    hint = "use letters, digits, - and . in name and namespace"
    return (Problem(FieldPath(("metadata", "name")), "KN704", told, hint=hint),)


def example(told: dict[str, Any], problem: dict[str, Any]) -> str:
    """Which VM a line is about, and what is wrong with it."""
    who = f"{told.get('namespace') or 'default'}/{told['name']}" if told.get("name") else "a VM without a name"
    where = f" ({problem['file']}:{problem.get('line')}:{problem.get('column')})" if problem.get("file") else ""
    return f"{who}{where}: {problem['message']}"
