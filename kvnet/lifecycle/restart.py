"""Tell which changes of a machine's manifest take effect only when the machine restarts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import fields

from kvnet.errors import FieldPath, Problem, Severity
from kvnet.lifecycle.migration import is_migratable
from kvnet.manifest.binder import plain
from kvnet.spec import BINDINGS, SOURCES, Devices, Machine
from kvnet.spec.machine import checked_machine
from kvnet.spec.nic import interfaces_at
from kvnet.spec.wire import json_name

__all__ = ["network_changes", "restart_required"]

_RESTART = "restart the machine: this does not change while it runs"
_REMOVE = "restart the machine; or keep the NIC with `state: absent` until it is unplugged, where its binding allows it"
_MIGRATE = "restart the machine: a live migration would do too, but it cannot migrate"
_SHOWN = 60
_DEVICES = {"network_interface_multiqueue": False, "use_virtio_transitional": False, "autoattach_pod_interface": True}
"""Fields that concern all NICs, and their values where they are absent."""

_MEMBERS = frozenset({*BINDINGS, *SOURCES})
_POINTERS = frozenset({"bootOrder", "claimName", "requestName"})

_Difference = tuple[FieldPath, Any, Any]
"""A field, and its values in the running machine and in the manifest; ``None`` where it is absent."""


def restart_required(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """Tell what of a machine's manifest takes effect only after a restart.

    No restart is needed for another order, for a new NIC, for a change of ``state``, nor for another
    NetworkAttachmentDefinition where the machine can migrate live.

    Args:
        template: the VM's manifest now, with its default NIC, and written out as ``kvnet.expand`` does.
        running: the running machine, a VirtualMachineInstance.

    Returns a warning at the manifest's field for each change, none where no restart is needed. Source: KubeVirt's
    ``pkg/network/vmliveupdate/restart.go`` and ``pkg/virt-controller/watch/vm/vm.go``. Raises TypeError for what is not
    a machine.
    """
    checked_machine(template)
    checked_machine(running)
    problems = (*network_changes(template, running), *_device_changes(template, running))
    origin = template.origin
    return problems if origin is None else tuple(problem.placed(origin.place(problem.at)) for problem in problems)


def network_changes(template: Machine, running: Machine) -> tuple[Problem, ...]:
    """The changes of NICs and networks that need a restart; arguments as for ``restart_required``.

    Source: KubeVirt's ``pkg/network/vmliveupdate/restart.go``.
    """
    return (*_interface_changes(template, running), *_network_changes(template, running))


def _device_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    """The changes of fields for all NICs that need a restart; an absent field equals its default.

    Source: KubeVirt's ``pkg/virt-controller/watch/vm/vm.go``.
    """
    for name, default in _DEVICES.items():
        was, now = (getattr(machine.spec.domain.devices, name) for machine in (running, template))
        if (default if was is None else was) != (default if now is None else now):
            at = template.root / "domain" / "devices" / json_name(getattr(fields(Devices), name))
            yield _change("KN816", (at, was, now), _RESTART)


def _interface_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = interfaces_at(template)
    for name, n, differences in _compared(running.interfaces, template.interfaces, at, ignored="state"):
        if n is None:
            message = f"the running machine has the NIC '{name}', and the manifest does not"
            yield _warning(at, "KN811", message, _REMOVE)
        for each in differences:
            yield _change("KN812", each, _RESTART)


def _network_changes(template: Machine, running: Machine) -> Iterator[Problem]:
    at = template.root / "networks"
    ignored = "networkName" if is_migratable(running) else ""
    for name, n, differences in _compared(running.networks, template.networks, at, ignored=ignored):
        if n is None:
            message = f"the running machine has the network '{name}', and the manifest does not"
            yield _warning(at, "KN813", message, _REMOVE)
        for each in differences:
            yield _change("KN814", each, _MIGRATE if each[0].parts[-1] == "networkName" else _RESTART)
    added = next((n for n, network in enumerate(template.networks) if network.pod), None)
    if added is not None and not any(network.pod for network in running.networks):
        yield _warning(at[added], "KN815", "the running machine is not on the pod network", _RESTART)


def _compared(
    running: Iterable[Any], wanted: Iterable[Any], at: FieldPath, *, ignored: str
) -> Iterator[tuple[str, int | None, Iterable[_Difference]]]:
    """The name of each running NIC or network, its position in the manifest, and the differences between the two."""
    numbered = {each.name: (n, plain(each)) for n, each in enumerate(wanted)}
    for each in running:
        n, now = numbered.get(each.name, (None, {}))
        yield each.name, n, () if n is None else _differences(plain(each), now, at[n], ignored)


def _differences(was: Mapping[str, Any], now: Mapping[str, Any], at: FieldPath, ignored: str) -> Iterator[_Difference]:
    """Each field, other than the ignored one, in which the plain data of two objects of one class differ.

    Values are compared as Go compares them: an absent text, number or boolean equals its zero value, except where
    KubeVirt's API has a pointer; an absent list differs from an empty one. Bindings and sources have no order.
    """
    old, new = (" and ".join(key for key in each if key in _MEMBERS) or None for each in (was, now))
    if old != new:
        yield at, old, new
    for key in dict.fromkeys((*was, *now)):
        old, new = was.get(key), now.get(key)
        if key in _MEMBERS and old is not None and new is not None:
            yield from _differences(old, new, at / key, ignored)
        elif key not in _MEMBERS and key != ignored and _normalized(old, key) != _normalized(new, key):
            yield at / key, old, new


def _normalized(value: Any, key: str = "") -> Any:
    """A value with Go's zero values as ``None``, and without members of that value."""
    if isinstance(value, list):
        return [_normalized(each) for each in value]
    if isinstance(value, Mapping):
        members = {name: _normalized(each, name) for name, each in value.items()}
        return {name: each for name, each in members.items() if each is not None}
    return None if value in ("", 0) and key not in _POINTERS else value


def _change(code: str, difference: _Difference, hint: str) -> Problem:
    at, was, now = difference
    return _warning(at, code, f"the running machine has {_shown(was)} here, and the manifest has {_shown(now)}", hint)


def _warning(at: FieldPath, code: str, message: str, hint: str) -> Problem:
    return Problem(at, code, message, hint=hint, severity=Severity.WARNING)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
