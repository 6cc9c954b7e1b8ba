"""``kvnet render``."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from attrs import asdict, evolve

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, WRITERS, headed, refuse_inputs, replace, write_each
from kvnet.cli.report import Report
from kvnet.errors import FieldPath, Place, Problem, Rejected, XmlError
from kvnet.manifest.document import Text
from kvnet.pipeline import Rendered

__all__ = ["run"]

_LONGEST_FILE_NAME = 255
"""The bytes that a file system of Linux takes."""


def run(arguments: Namespace, report: Report) -> int:
    """Print the XML of every machine, or write a file for each; nothing where one of them has an error."""
    machines = inputs.rendered(arguments, report, whole=not (arguments.devices or arguments.into))
    if arguments.into and len(machines) > 1:
        names = ", ".join(each.name for each in machines)
        message = f"{len(machines)} machines do not fit into one domain"
        raise Rejected([Problem(FieldPath(), "KN010", message, hint=f"choose one with --name: {names}")])
    documents = [_document(each, arguments) for each in machines]
    if arguments.output == "xml":
        _print(machines, documents, ends="" if arguments.into else "\n")
    elif arguments.output in WRITERS:
        write_each(list(map(_described, machines, documents)), arguments.output, machines=len(machines))
    else:
        _write_files(arguments, machines, documents)
    return CLEAN


def _print(machines: Sequence[Rendered], documents: Sequence[str], *, ends: str) -> None:
    """Print one document as it is, and several with a comment before each that names its domain."""
    if len(documents) > 1:
        documents = [headed(each.name, document) for each, document in zip(machines, documents, strict=True)]
    sys.stdout.write("\n".join(documents) + ends)


def _write_files(arguments: Namespace, machines: Sequence[Rendered], documents: Sequence[str]) -> None:
    """Write a file for each domain, named like it; a file is there whole, or as it was. Raises OSError and Rejected.

    Two machines of one domain name, a name that is too long, a link, and a file that was read are refused before
    anything is written.
    """
    folder, read = arguments.output, (*arguments.files, arguments.facts, arguments.cluster)
    for name, count in Counter(each.name for each in machines).items():
        if count > 1:
            message = f"{count} machines would be the domain '{name}', and so the file '{name}.xml'"
            hint = "give each machine a name of its own, or the same machine once"
            raise Rejected([Problem(FieldPath(), "KN713", message, hint=hint)])
    names = (each.name for each in machines)
    too_long = next((name for name in names if len(f"{name}.xml".encode()) > _LONGEST_FILE_NAME), None)
    if too_long is not None:
        message = f"'{too_long}.xml' has over {_LONGEST_FILE_NAME} bytes, and cannot be the name of a file"
        raise Rejected(
            [Problem(FieldPath(("metadata", "name")), "KN704", message, hint="give the machine a shorter name")]
        )
    os.makedirs(folder, exist_ok=True)
    files = [os.path.join(folder, f"{machine.name}.xml") for machine in machines]
    for file in files:
        refuse_inputs("-o", file, read)
        if os.path.islink(file) or (os.path.exists(file) and not os.path.isfile(file)):
            raise OSError(f"'{file}' is not a regular file, and a domain is not written through it")
    for file, document in zip(files, documents, strict=True):
        replace(file, (document if document.endswith("\n") else f"{document}\n").encode())


def _document(machine: Rendered, arguments: Namespace) -> str:
    if arguments.into:
        return _patched(inputs.domain_text(arguments.into), machine)
    return "\n".join(machine.devices(indent=0)) if arguments.devices else machine.domain().rstrip("\n")


def _patched(text: Text, machine: Rendered) -> str:
    from kvnet.domain.patch import patch  # noqa: PLC0415 - takes lxml

    try:
        return patch(text.text, machine.devices(indent=0))
    except XmlError as error:
        first = Place(text.file, 1, 1)
        raise XmlError(each.placed(evolve(each.place or first, file=text.file)) for each in error.problems) from None


def _described(machine: Rendered, document: str) -> dict[str, object]:
    requirements = machine.compiled.requirements
    return {
        "name": machine.name,
        "xml": document,
        "devices": machine.devices(),
        "notes": [note.as_dict() for note in machine.compiled.notes],
        "requirements": [asdict(each, filter=lambda _, value: value is not None) for each in requirements],
    }
