"""``kvnet render``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from kvnet import domain
from kvnet.cli import inputs, output
from kvnet.cli.rendering import Rendered, rendered
from kvnet.cli.report import Report
from kvnet.compile import Profile
from kvnet.errors import FieldPath, Problem, Rejected

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Print the XML of every machine, or nothing where one of them has an error."""
    given = inputs.read(arguments)
    made = rendered(given, Profile(arguments.profile), report)
    if arguments.into and len(made) > 1:
        names = ", ".join(each.name for each in made)
        told = f"{len(made)} machines do not fit into one domain"
        raise Rejected([Problem(FieldPath(), "KN010", told, hint=f"choose one with --name: {names}")])
    documents = [_document(each, arguments) for each in made]
    if arguments.output == "xml":
        print("\n".join(documents))
    else:
        facts = [_described(each, document) for each, document in zip(made, documents, strict=True)]
        output.dump(facts[0] if len(facts) == 1 else facts, arguments.output)
    return 0


def _document(made: Rendered, arguments: Namespace) -> str:
    if arguments.devices:
        return "\n".join(made.compiled.xml(indent=0))
    if arguments.into:
        text = Path(arguments.into).read_text(encoding="utf-8")
        return domain.patch(text, made.compiled.xml(indent=0))
    return made.domain(arguments.virt_type).rstrip("\n")


def _described(made: Rendered, document: str) -> dict[str, object]:
    return {
        "name": made.name,
        "xml": document,
        "devices": made.compiled.xml(),
        "notes": [output.described(note) for note in made.compiled.notes],
        "requirements": [output.plain(requirement) for requirement in made.compiled.requirements],
    }
