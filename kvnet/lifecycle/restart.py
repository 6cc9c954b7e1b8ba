"""Tell which changes of a machine's manifest take effect only when the machine restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from kvnet.errors import FieldPath, Problem, Severity
from kvnet.lifecycle.migration import is_migratable
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import BINDINGS, SOURCES, Devices, Machine
from kvnet.spec.nic import interfaces_at
from kvnet.spec.wire import json_name

__all__ = ["network_changes", "restart_required"]

_RESTART = "restart the machine: this does not change while it runs"
_REMOVE = "restart the machine; or keep the NIC with `state: absent` until it is unplugged, where its binding allows it"
_MIGRATE = "restart the machine: a live migration would do too, but it cannot migrate"
_SHOWN = 60
_DEVICES = {"network_interface_multiqueue": False, "use_virtio_transitional": False, "autoattach_pod_interface": True}
"""Fields that concern all NICs, and their values where they are absent."""

_MEMBERS: dict[str, Mapping[str, type]] = {"bindings": BINDINGS, "sources": SOURCES}
_POINTERS = frozenset({"boot_order", "claim_name", "request_name"})


def restart_required(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """Tell what of a machine's manifest takes effect only after a restart.

    No restart is needed for another order, for a new NIC, for a change of ``state``, nor for another
    NetworkAttachmentDefinition where the machine can migrate live.

    Args:
        template: the VM's manifest now, with its default NIC, instance type and preference written out.
        running: the running machine, a VirtualMachineInstance.

    Returns a warning at the manifest's field for each change, none where no restart is needed. Source: KubeVirt's
    ``pkg/network/vmliveupdate/restart.go`` and ``pkg/virt-controller/watch/vm/vm.go``.
    """
    found = (*network_changes(template, running), *_device_changes(template, running))
    origin = template.origin
    return found if origin is None else tuple(problem.placed(origin.place(problem.at)) for problem in found)


def network_changes(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """The changes of NICs and networks that need a restart; arguments as for ``restart_required``.

    Source: KubeVirt's ``pkg/network/vmliveupdate/restart.go``.
    """
    return (*_interface_changes(template, running), *_network_changes(template, running))


def _device_changes(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """The changes of fields for all NICs that need a restart; an absent field equals its default.

    Source: KubeVirt's ``pkg/virt-controller/watch/vm/vm.go``.
    """
    found = []
    for name, default in _DEVICES.items():
        was, now = getattr(running.spec.domain.devices, name), getattr(template.spec.domain.devices, name)
        if (default if was is None else was) != (default if now is None else now):
            at = template.root / "domain" / "devices" / json_name(getattr(attrs.fields(Devices), name))
            found.append(_change("KN816", _Difference(at, was, now), _RESTART))
    return tuple(found)


def _interface_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = interfaces_at(template)
    numbers = {nic.name: n for n, nic in enumerate(template.interfaces)}
    for nic in running.interfaces:
        n = numbers.get(nic.name)
        if n is None:
            told = f"the running machine has the NIC '{nic.name}', and the manifest does not"
            yield _warning(at, "KN811", told, _REMOVE)
            continue
        for each in _differences(nic, template.interfaces[n], at[n], ignored=("state",)):
            yield _change("KN812", each, _RESTART)


def _network_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = template.root / "networks"
    ignored = ("network_name",) if is_migratable(running) else ()
    numbers = {network.name: n for n, network in enumerate(template.networks)}
    for network in running.networks:
        n = numbers.get(network.name)
        if n is None:
            told = f"the running machine has the network '{network.name}', and the manifest does not"
            yield _warning(at, "KN813", told, _REMOVE)
            continue
        for each in _differences(network, template.networks[n], at[n], ignored=ignored):
            yield _change("KN814", each, _MIGRATE if each.at.parts[-1] == "networkName" else _RESTART)
    added = next((n for n, network in enumerate(template.networks) if network.pod), None)
    if added is not None and not any(network.pod for network in running.networks):
        yield _warning(at[added], "KN815", "the running machine is not on the pod network", _RESTART)


@attrs.frozen
class _Difference:
    """A field that is ``was`` in the running machine and ``now`` in the manifest; ``None`` where it is absent."""

    at: FieldPath
    was: Any
    now: Any


def _differences(was: Any, now: Any, at: FieldPath, *, ignored: tuple[str, ...] = ()) -> Iterator[_Difference]:
    """Each field, other than the ignored ones, in which two objects of one class differ.

    Values are compared as Go compares them: an absent text, number or boolean equals its zero value, except where
    KubeVirt's API has a pointer; an absent list differs from an empty one. Bindings and sources have no order.
    """
    for field in attrs.fields(type(was)):
        old, new = getattr(was, field.name), getattr(now, field.name)
        if field.name in ignored:
            continue
        if field.name in _MEMBERS:
            yield from _member_differences(_by_name(field.name, old), _by_name(field.name, new), at, ignored)
        elif _normalized(old, field.name) != _normalized(new, field.name):
            yield _Difference(at / json_name(field), old, new)


def _by_name(field: str, members: tuple[Any, ...]) -> dict[str, Any]:
    names = {cls: name for name, cls in _MEMBERS[field].items()}
    return {names[type(each)]: each for each in members}


def _member_differences(
    was: Mapping[str, Any], now: Mapping[str, Any], at: FieldPath, ignored: tuple[str, ...]
) -> Iterator[_Difference]:
    if was.keys() != now.keys():
        yield _Difference(at, " and ".join(was) or None, " and ".join(now) or None)
        return
    for name, old in was.items():
        yield from _differences(old, now[name], at / name, ignored=ignored)


def _normalized(value: Any, name: str = "") -> Any:
    """A value with Go's zero values as ``None``."""
    if isinstance(value, tuple):
        return tuple(map(_normalized, value))
    if attrs.has(type(value)):
        return tuple(_normalized(getattr(value, field.name), field.name) for field in attrs.fields(type(value)))
    return None if value in ("", 0) and name not in _POINTERS else value


def _change(code: str, change: _Difference, hint: str) -> Problem:
    told = f"the running machine has {_shown(change.was)} here, and the manifest has {_shown(change.now)}"
    return _warning(change.at, code, told, hint)


def _warning(at: FieldPath, code: str, told: str, hint: str) -> Problem:
    return Problem(at, code, told, hint=hint, severity=Severity.WARNING)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(unstructure(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
