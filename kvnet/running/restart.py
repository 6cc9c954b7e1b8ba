"""Which changes of a machine's manifest wait for its restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs

from kvnet.errors import FieldPath, Problem, Severity
from kvnet.manifest.binder import plain as unstructure
from kvnet.running.differences import Difference, differences
from kvnet.running.migration import is_migratable
from kvnet.spec import Devices, Machine
from kvnet.spec.wire import json_name

__all__ = ["device_changes", "network_changes", "restart_required"]

_RESTART = "restart the machine: it keeps what it has while it runs"
_TAKE_OUT = (
    "restart the machine; or keep the NIC, with `state: absent`, until it is unplugged, where its binding allows"
)
_MIGRATE = "restart the machine: it cannot migrate live, which would do instead"
_SHOWN = 60
_DEVICES = {"network_interface_multiqueue": False, "use_virtio_transitional": False, "autoattach_pod_interface": True}
"""Fields of all NICs, and what they are where they are absent."""


def restart_required(vm: Machine, vmi: Machine) -> tuple[Problem, ...]:
    """What of a machine's manifest the running machine takes over by a restart alone; empty where there is nothing.

    ``vm`` is the manifest, with its default NIC, instance type and preference written out, and ``vmi`` what runs. No
    restart is needed for order, for a new NIC, for a change of ``state``, nor, where the machine can migrate live, for
    another NetworkAttachmentDefinition. Each problem is a warning, at the manifest's field. Follows KubeVirt 1.9.
    """
    found = (*network_changes(vm, vmi), *device_changes(vm, vmi))
    origin = vm.origin
    return found if origin is None else tuple(problem.placed(origin.place(problem.at)) for problem in found)


def network_changes(vm: Machine, vmi: Machine) -> tuple[Problem, ...]:
    """The changes of NICs and networks that need a restart (KubeVirt's ``vmliveupdate``)."""
    return (*_interface_changes(vm, vmi), *_network_changes(vm, vmi))


def device_changes(vm: Machine, vmi: Machine) -> tuple[Problem, ...]:
    """The changes of fields for all NICs that need a restart; one that is written out as its default is none."""
    found = []
    for name, default in _DEVICES.items():
        was, now = getattr(vmi.spec.domain.devices, name), getattr(vm.spec.domain.devices, name)
        if (default if was is None else was) != (default if now is None else now):
            at = vm.root / "domain" / "devices" / json_name(getattr(attrs.fields(Devices), name))
            found.append(_change("KN816", Difference(at, was, now), _RESTART))
    return tuple(found)


def _interface_changes(vm: Machine, vmi: Machine) -> Iterator[Problem]:
    at = vm.root / "domain" / "devices" / "interfaces"
    places = {nic.name: n for n, nic in enumerate(vm.interfaces)}
    for nic in vmi.interfaces:
        n = places.get(nic.name)
        if n is None:
            told = f"the running machine has a NIC '{nic.name}', and the manifest has not"
            yield _warning(at, "KN811", told, _TAKE_OUT)
            continue
        for each in differences(nic, vm.interfaces[n], at[n], ignored=("state",)):
            yield _change("KN812", each, _RESTART)


def _network_changes(vm: Machine, vmi: Machine) -> Iterator[Problem]:
    at = vm.root / "networks"
    ignored = ("network_name",) if is_migratable(vmi) else ()
    places = {network.name: n for n, network in enumerate(vm.networks)}
    for network in vmi.networks:
        n = places.get(network.name)
        if n is None:
            told = f"the running machine has a network '{network.name}', and the manifest has not"
            yield _warning(at, "KN813", told, _TAKE_OUT)
            continue
        for each in differences(network, vm.networks[n], at[n], ignored=ignored):
            yield _change("KN814", each, _MIGRATE if each.at.parts[-1] == "networkName" else _RESTART)
    added = next((n for n, network in enumerate(vm.networks) if network.pod), None)
    if added is not None and not any(network.pod for network in vmi.networks):
        yield _warning(at[added], "KN815", "the running machine is not on the pod network", _RESTART)


def _change(code: str, change: Difference, hint: str) -> Problem:
    told = f"the running machine has {_shown(change.was)} here, and the manifest {_shown(change.now)}"
    return _warning(change.at, code, told, hint)


def _warning(at: FieldPath, code: str, told: str, hint: str) -> Problem:
    return Problem(at, code, told, hint=hint, severity=Severity.WARNING)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(unstructure(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
