"""``kvnet render``."""

from __future__ import annotations

import sys
from argparse import Namespace

from attrs import evolve

from kvnet.cli import inputs, output
from kvnet.cli.report import Report
from kvnet.domain.patch import patch
from kvnet.errors import FieldPath, Place, Problem, Rejected, XmlError
from kvnet.manifest.document import Text
from kvnet.pipeline import Rendered

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the XML of every machine, or nothing where one of them has an error."""
    given = inputs.read(arguments)
    made = inputs.rendered(given, report, whole=not (arguments.devices or arguments.into))
    if arguments.into and len(made) > 1:
        names = ", ".join(each.name for each in made)
        told = f"{len(made)} machines do not fit into one domain"
        raise Rejected([Problem(FieldPath(), "KN010", told, hint=f"choose one with --name: {names}")])
    documents = _documents(made, arguments)
    if arguments.output == "xml":
        text = "\n".join(documents)
        sys.stdout.write(text if arguments.into else text + "\n")
    else:
        facts = [_described(each, document) for each, document in zip(made, documents, strict=True)]
        output.dump(facts[0] if len(facts) == 1 else facts, arguments.output)
    return 0


def _documents(made: list[Rendered], arguments: Namespace) -> list[str]:
    """One document for each machine."""
    if arguments.into:
        return [_patched(inputs.domain_text(arguments.into), each) for each in made]
    return [_document(each, arguments) for each in made]


def _patched(text: Text, made: Rendered) -> str:
    try:
        return patch(text.text, made.devices(indent=0))
    except XmlError as error:
        raise XmlError(_in_file(problem, text.file) for problem in error.problems) from None


def _in_file(problem: Problem, file: str) -> Problem:
    place = problem.place or Place(file, 1, 1)
    return problem.placed(evolve(place, file=file))


def _document(made: Rendered, arguments: Namespace) -> str:
    if arguments.devices:
        return "\n".join(made.devices(indent=0))
    return made.domain().rstrip("\n")


def _described(made: Rendered, document: str) -> dict[str, object]:
    return {
        "name": made.name,
        "xml": document,
        "devices": made.devices(),
        "notes": [note.as_dict() for note in made.compiled.notes],
        "requirements": [output.plain(requirement) for requirement in made.compiled.requirements],
    }
