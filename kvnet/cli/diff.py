"""``kvnet diff``."""

from __future__ import annotations

from argparse import Namespace

from kvnet.cli.inputs import domain_text
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, change_dict, write
from kvnet.cli.report import Report
from kvnet.device import Device, read_device
from kvnet.device.diff import Change, Noticed, diff
from kvnet.domain.read import about, domain_element, effective, parse_document, read_domain
from kvnet.errors import KvnetError

__all__ = ["run"]

_DEVICES = ("interface", "hostdev")


def run(arguments: Namespace, report: Report) -> int:
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
