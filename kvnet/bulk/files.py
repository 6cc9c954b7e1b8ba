"""A directory of manifests, each of which may hold several objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from attrs import evolve

from kvnet.bulk.batch import Batch, Form, batch
from kvnet.bulk.rendered import Rendered
from kvnet.bulk.rendering import lost_worker
from kvnet.bulk.settings import Settings
from kvnet.bulk.single import guarded, identity, rendered_machine, unexpected
from kvnet.errors import KvnetError, Place
from kvnet.manifest import Document, documents, load_all, loads_all
from kvnet.pipeline import placed
from kvnet.spec import Machine, Nad

__all__ = ["SUFFIXES", "Files", "halves", "lost_file", "nads_in", "rendered_files"]

SUFFIXES = (".yaml", ".yml", ".json")
_NAD = b"NetworkAttachmentDefinition"


class Files(NamedTuple):
    """Some files of a directory; ``skip`` is how many VMs of the first are to be passed over."""

    directory: str
    names: tuple[str, ...]
    skip: int = 0


def rendered_files(settings: bytes, form: Form, files: Files) -> Batch:
    """Render every machine of some files."""
    return batch(_made(files, Settings.unpacked(settings)), form, len(files.names))


def _made(files: Files, settings: Settings) -> Iterator[tuple[Rendered, str]]:
    for number, name in enumerate(files.names):
        for place, made in enumerate(_of_file(os.path.join(files.directory, name), settings)):
            if number or place >= files.skip:
                yield made, name


def _of_file(path: str, settings: Settings) -> Iterator[Rendered]:
    """Every machine of a file; where the text cannot be read, its problems stand for all of them."""
    try:
        for each in load_all(Path(path)).machines:
            yield _of_machine(each, settings)
        return
    except KvnetError as error:
        problems = error.problems
    except Exception as error:
        yield Rendered(index=0, problems=(unexpected(error),))
        return
    try:
        read = documents(Path(path))
    except KvnetError:
        yield Rendered(index=0, problems=problems)
        return
    for document in read:
        yield from _of_document(document, settings)


def _of_document(document: Document, settings: Settings) -> Iterator[Rendered]:
    """The machines of a document that stands beside a bad one."""
    data = document.data if isinstance(document.data, dict) else [document.data]
    try:
        machines = load_all(data).machines
    except KvnetError as error:
        namespace, name = identity(data)
        yield Rendered(index=0, namespace=namespace, name=name, problems=placed(document.origin, error.problems))
        return
    for machine in machines:
        made = _of_machine(machine, settings)
        yield evolve(made, problems=placed(document.origin, made.problems))


def _of_machine(machine: Machine, settings: Settings) -> Rendered:
    return guarded(lambda: rendered_machine(machine, settings.target, whole=settings.whole), machine)


def nads_in(directory: str, names: list[str]) -> tuple[Nad, ...]:
    """The NetworkAttachmentDefinitions of files that can be read; only those that name one are."""
    found: list[Nad] = []
    for name in names:
        path = os.path.join(directory, name)
        try:
            with open(path, "rb") as file:
                text = file.read()
            if _NAD in text:
                found += loads_all(text).nads
        except (OSError, KvnetError):
            continue  # its problems come with its results
    return tuple(found)


def halves(files: Files) -> tuple[Files, ...]:
    """The files in two, or nothing where there is one alone."""
    middle = len(files.names) // 2
    if not middle:
        return ()
    return (
        Files(files.directory, files.names[:middle], files.skip),
        Files(files.directory, files.names[middle:]),
    )


def lost_file(form: Form, files: Files, error: BaseException) -> Batch:
    """The result of a file that no worker could render."""
    name = files.names[0]
    problem = lost_worker(error).placed(Place(os.path.join(files.directory, name), 1, 1))
    return batch([(Rendered(index=0, problems=(problem,)), name)], form, 1)
