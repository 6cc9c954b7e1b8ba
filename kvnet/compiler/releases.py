"""Tell which NICs the host's libvirt or QEMU would define with a part dropped, or would never start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve, frozen

from kvnet.compiler.result import Compiled, CompiledNic
from kvnet.device import Device
from kvnet.errors import Problem, Severity
from kvnet.spec import Machine
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Target
from kvnet.values import release
from kvnet.xml.paths import newer_parts

__all__ = ["for_releases", "too_new"]

_LIBVIRT, _QEMU = "libvirt", "QEMU"
_OLDEST_LIBVIRT = "9.0.0"
"""The release that kvnet is tried with. Where the host's is not known, what this one has is not told."""
_MODELS_OF_QEMU = {"igb": "8.0.0"}
_ACPI_INDEX_OF_QEMU = "6.1.0"
_FIELDS = {"model": "model", "acpi": "acpiIndex", "boot": "bootOrder", "mac": "macAddress", "link": "state"}
"""The fields of a spec's interface by the elements that hold their values."""


@frozen
class _Need:
    """A release of libvirt or QEMU that an element of a device needs."""

    element: str
    program: str
    since: str

    def __str__(self) -> str:
        return f"{self.program} {self.since}"


def for_releases(made: CompiledNic, nic: Nic, target: Target) -> CompiledNic:
    """The NIC with what the host's releases of libvirt and QEMU do not know of its device (``KN347``).

    It is an error, and there is no device, where the facts or the target name the release. Where they do not, it is a
    warning, for what libvirt 9.0 does not know. The QEMU of a libvirt that is new enough is taken to be so too.
    """
    if made.device is None:
        return made
    known = {_LIBVIRT: target.libvirt_release or target.facts.libvirt_version, _QEMU: target.facts.qemu_version}
    needs = _needs(made.device, known)
    if not needs:
        return made
    problems = [
        _problem(nic, made.device, [each for each in needs if each.element == element], known)
        for element in dict.fromkeys(each.element for each in needs)
    ]
    errors = tuple([each for each in problems if each.is_error])
    warnings = tuple([each for each in problems if not each.is_error])
    device = None if errors else made.device
    return evolve(made, device=device, problems=(*made.problems, *errors), notes=(*made.notes, *warnings))


def too_new(machine: Machine, compiled: Compiled, target: Target) -> tuple[Problem, ...]:
    """The errors of ``for_releases`` for all NICs of a compiled machine, in any profile."""
    specs = [nic for nic in nics_of(machine) if not nic.interface.is_absent]
    checked = [for_releases(made, nic, target) for made, nic in zip(compiled.nics, specs, strict=True)]
    return tuple(problem for each in checked for problem in each.problems if problem.code == "KN347")


def _needs(device: Device, known: Mapping[str, str | None]) -> list[_Need]:
    """What a device needs that is newer than the releases that are known, the newest of each element."""
    newest: dict[str, str] = {}
    libvirt, qemu = known[_LIBVIRT], known[_QEMU]
    for at, since in newer_parts(device, libvirt or _OLDEST_LIBVIRT):
        element = _element(str(at.parts[1]))
        newest[element] = max(newest.get(element, "0"), since, key=release)
    if not newest and not qemu:
        return []
    needs = [_Need(element, _LIBVIRT, since) for element, since in newest.items()]
    for element, since in _needs_of_qemu(device):
        if release(since) > release(qemu) if qemu else element in newest:
            needs.append(_Need(element, _QEMU, since))
    return needs


def _needs_of_qemu(device: Device) -> Iterator[tuple[str, str]]:
    since = _MODELS_OF_QEMU.get(getattr(device, "model", None) or "")
    if since:
        yield "model", since
    if device.acpi is not None and device.acpi.index is not None:
        yield "acpi", _ACPI_INDEX_OF_QEMU


def _element(name: str) -> str:
    """The element that a problem is about: passt's forwarded ports are its backend's."""
    return "backend" if name == "portForward" else name.removeprefix("@")


_WORDS: dict[str, Callable[[Device], str]] = {
    "model": lambda device: f"the model {getattr(device, 'model', None)}",
    "vlan": lambda _: "a VLAN on a Linux bridge",
    "backend": lambda _: "passt",
    "source": lambda _: "passt for vhost-user",
    "acpi": lambda _: "an ACPI index",
}
"""How messages name what an element says; others are named as they are."""


def _problem(nic: Nic, device: Device, needs: list[_Need], known: Mapping[str, str | None]) -> Problem:
    """An error with the releases that are known to be too old, else a warning with all that are needed."""
    element = needs[0].element
    words = _WORDS[element](device) if element in _WORDS else f"<{element}>"
    lacking = [each for each in needs if known[each.program]]
    field = _FIELDS.get(element)
    at = nic.at / field if field else nic.at
    message = f"'{nic.name}' has {words}, which needs {' and '.join(map(str, lacking or needs))}"
    if lacking:
        there = " and ".join(f"{each.program} {known[each.program]}" for each in lacking)
        message += f": {there} would drop it, or never start the domain"
        return Problem(at, "KN347", message, hint="use a newer release, or leave it out")
    facts = " and ".join(f"{each.program.lower()}Version" for each in needs)
    hint = f"check the host, and give {facts} in the facts"
    return Problem(at, "KN347", message, hint=hint, severity=Severity.WARNING)
