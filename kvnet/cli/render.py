"""``kvnet render``."""

from __future__ import annotations

import sys
from argparse import Namespace

from attrs import asdict, evolve

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN
from kvnet.cli.formats import write
from kvnet.cli.report import Report
from kvnet.domain.patch import patch
from kvnet.errors import FieldPath, Place, Problem, Rejected, XmlError
from kvnet.manifest.document import Text
from kvnet.pipeline import Rendered

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the XML of every machine, or nothing where one of them has an error."""
    machines = inputs.rendered(arguments, report, whole=not (arguments.devices or arguments.into))
    if arguments.into and len(machines) > 1:
        names = ", ".join(each.name for each in machines)
        message = f"{len(machines)} machines do not fit into one domain"
        raise Rejected([Problem(FieldPath(), "KN010", message, hint=f"choose one with --name: {names}")])
    documents = [_document(each, arguments) for each in machines]
    if arguments.output == "xml":
        sys.stdout.write("\n".join(documents) + ("" if arguments.into else "\n"))
    else:
        described = [_described(each, document) for each, document in zip(machines, documents, strict=True)]
        write(described[0] if len(described) == 1 else described, arguments.output)
    return CLEAN


def _document(machine: Rendered, arguments: Namespace) -> str:
    if arguments.into:
        return _patched(inputs.domain_text(arguments.into), machine)
    return "\n".join(machine.devices(indent=0)) if arguments.devices else machine.domain().rstrip("\n")


def _patched(text: Text, machine: Rendered) -> str:
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
