"""``kvnet diff`` and ``import``: domains of libvirt."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from kvnet.cli.inputs import domain_text
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, change_dict, refuse_inputs, replace, write
from kvnet.cli.report import Report
from kvnet.device import Device, read_device
from kvnet.device.diff import Change, Noticed, diff
from kvnet.domain.import_ import DomainText, Imported, facts_of, import_domains
from kvnet.domain.read import about, domain_element, effective, parse_document, read_domain
from kvnet.errors import KvnetError, Place, Problem
from kvnet.manifest import Manifest, dump
from kvnet.spec import Machine, Nad

__all__ = ["run_diff", "run_import"]

_DEVICES = ("interface", "hostdev")


def run_diff(arguments: Namespace, report: Report) -> int:
    """Print every change; noise alone makes no difference."""
    try:
        before, after = _devices(arguments.before), _devices(arguments.after)
    except KvnetError as error:
        report.problems(error.problems)
        return FAILED
    changes = diff(before, after)
    real = tuple(change for change in changes if change.noticed is not Noticed.NOISE)
    _show(changes if arguments.noise else real, arguments.output)
    return FINDINGS if real else CLEAN


def _devices(file: str) -> tuple[Device, ...]:
    text = domain_text(file)
    root = parse_document(text.text, text.file)
    if root.tag in _DEVICES:
        return (read_device(text.text, lossless=True, file=text.file),)
    devices = read_domain(text.text, lossless=True, file=text.file)
    return effective(devices, about(domain_element(root, text.file)))


def _show(changes: tuple[Change, ...], format: str) -> None:
    if format == "text":
        for change in changes:
            print(change)
        return
    write([change_dict(change) for change in changes], format)


def run_import(arguments: Namespace, report: Report) -> int:
    """Print the machines and the definitions of their networks as one stream, and write the facts to a file."""
    wrong = _misuse(arguments)
    if wrong:
        report.failure(wrong)
        return FAILED
    if arguments.facts_out and not arguments.connect:
        refuse_inputs("--facts-out", arguments.facts_out, arguments.domains)
    domains = _from_libvirt(arguments) if arguments.connect else _from_files(arguments.domains)
    imported = import_domains(domains, profile=arguments.profile)
    for domain, each in zip(domains, imported, strict=True):
        report.problems(_placed(each, domain) if len(domains) > 1 else each.assumptions)
    if arguments.facts_out:
        text = dump(facts_of(imported), "json" if Path(arguments.facts_out).suffix == ".json" else "yaml")
        replace(arguments.facts_out, text.encode())
    sys.stdout.write(dump(Manifest(objects=_objects(imported)), arguments.output))
    return CLEAN


def _misuse(arguments: Namespace) -> str:
    if arguments.all and not arguments.connect:
        return "--all means the domains of a libvirt: give its URI with -c"
    if arguments.all and arguments.domains:
        return "give either names of domains or --all"
    if arguments.facts_out in ("", "-"):
        return "--facts-out names a file, and standard output has the manifests: write --facts-out facts.yaml"
    return "" if arguments.domains or arguments.all else "no domain is given: kvnet import FILE, or -c URI NAME"


def _from_files(names: Iterable[str]) -> list[DomainText]:
    texts = [domain_text(name) for name in names]
    return [DomainText(text.text, text.file) for text in texts]


def _from_libvirt(arguments: Namespace) -> list[DomainText]:
    from kvnet import live  # noqa: PLC0415 - an extra

    with live.connect(arguments.connect) as connection:
        return list(live.domain_texts(connection, None if arguments.all else arguments.domains))


def _placed(imported: Imported, domain: DomainText) -> list[Problem]:
    """The assumptions, each with the domain that it is about."""
    return [problem.placed(Place(domain.file, 1, 1)) for problem in imported.assumptions]


def _objects(imported: Iterable[Imported]) -> tuple[Machine | Nad, ...]:
    """The machines, each with those of its NADs that no machine before it has."""
    objects = [list[Machine | Nad]([made.machine, *made.nads]) for made in imported]
    return tuple(dict.fromkeys(each for some in objects for each in some))
