"""VMs with an instancetype, a preference or both: what conflicts, what they become, and their devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

import kvnet
from kvnet.compiler import queue_capacity, topology, vcpus
from kvnet.defaults import defaulted
from kvnet.instancetypes.refusals import guest_memory
from kvnet.manifest import plain
from kvnet.rules.bindings import REMOVED_BINDING_CODES
from kvnet.spec import INSTANCETYPE_KINDS, PREFERENCE_KINDS, Machine, Sriov
from kvnet.target import architecture_of
from kvnet.values import quantity_ceil
from kvnet.xml import write
from replays.case import Case, Difference, bare
from replays.normalised import normalised
from replays.trees import tree

__all__ = ["instancetypes"]

_KINDS = {"instancetype": INSTANCETYPE_KINDS, "preference": PREFERENCE_KINDS}
_ROOTS = ("spec.template.spec", "spec")
_NICS = "domain.devices.interfaces"
_SECURITY = "launchSecurity"
_SPREAD_FIELD = "instancetype.spec.cpu.guest"
_TDX_SOCKET = "kubevirt.io/qgs-socket-path"
_TYPES = {"amd64": "q35", "arm64": "virt", "s390x": "s390-ccw-virtio"}
_FLOAT_BITS = 22
"""KubeVirt's 32-bit floats have 24 bits: three roundings err by less than the guest's memory / 2 ** 22."""


def instancetypes(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine, target = _read(given)
    problems = kvnet.check(machine, target)
    expansion = kvnet.expand(machine, target)
    told = [each for each in problems if each.cause]
    conflicts = [each for each in told if each.code == "KN211" or each.field == _SPREAD_FIELD]
    yield "conflicts", _counted(expected["conflicts"]), _counted((each.cause, each.field) for each in conflicts)
    if expected["conflicts"]:
        return
    unmet = [[str(each.cause), each.field] for each in told if each.code == "KN212"]
    yield "requirementsError", expected["requirementsError"], bool(unmet)
    yield "requirements", [expected["requirements"]] if expected["requirementsError"] else [], unmet
    fails = bool(expansion.refusals) or any(each.code == "KN100" for each in problems)
    yield "controllerError", "controllerError" in expected, fails
    if fails:
        return
    causes = [each for each in told if each.code < "KN200" or each.code in ("KN201", "KN202", "KN209")]
    found = [(each.cause, each.field) for each in causes]
    if any(each.code in REMOVED_BINDING_CODES for each in causes):
        # of a new VM, the webhook tells these alone
        yield "vmAdmission", _counted(expected["vmAdmission"]["causes"]), _counted(found)
        return
    yield "causes", _counted(expected["causes"]), _counted((cause, field.replace(*_ROOTS)) for cause, field in found)
    # the webhook adds the default NIC after the preference: only the VMI is refused for the model that this gets
    is_listed = bool(machine.interfaces or machine.networks)
    yield (
        "vmCauses",
        _counted(expected["vmCauses"]),
        _counted(each for each in found if is_listed or _NICS not in each[1]),
    )
    refused = (*(expected.get("instancetypeCauses") or ()), *(expected.get("preferenceCauses") or ()))
    warned = [each.message for each in problems if each.code == "KN214"]
    yield "refused objects", len(refused), len(warned)
    yield "refused fields", True, all(field in text for (_, field), text in zip(refused, warned, strict=False))
    yield "launchSecurity causes", *_of_launch_security(expected, told)
    whole = defaulted(expansion.machine, target)
    yield from _machine(whole, target, expected["vmi"])
    yield "vcpus", expected["vcpus"], vcpus(topology(whole))
    yield "queues", expected["queues"], queue_capacity(whole)
    yield from _devices(machine, whole, target, expected)


def _read(given: Mapping[str, Any]) -> tuple[Machine, kvnet.Target]:
    """The VM, and a target that has its references under every kind, in the VM's namespace."""
    objects: list[Any] = [{"kind": "KubeVirt", "spec": {"configuration": given["config"]}}, given["vm"]]
    for word, kinds in _KINDS.items():
        matcher = given["vm"]["spec"].get(word)
        if matcher is not None:
            metadata = {"name": matcher["name"], "namespace": given["vm"]["metadata"]["namespace"]}
            objects += [{"kind": kind, "metadata": metadata, "spec": given[word]} for kind in kinds]
    manifest = kvnet.load_all(objects)
    facts = kvnet.load_facts({"links": given["podLinks"], "architecture": given["arch"]})
    return manifest.machines[0], manifest.target(facts=facts)


def _counted(causes: Iterable[Any]) -> Counter[tuple[str, str]]:
    return Counter((str(cause), field) for cause, field in causes)


def _of_launch_security(expected: Case, told: Iterable[kvnet.Problem]) -> tuple[Counter[Any], Counter[Any]]:
    wanted = _counted(each for each in expected["otherCauses"] or () if each[1] == f"spec.{_SECURITY}")
    codes = ("KN203", "KN228")
    found = _counted((each.cause, each.field.replace(*_ROOTS)) for each in told if each.code in codes)
    return wanted, Counter({each: count for each, count in found.items() if each[1] == f"spec.{_SECURITY}"})


def _machine(whole: Machine, target: kvnet.Target, vmi: Mapping[str, Any]) -> Iterator[Difference]:
    """The machine after everything, but for what kvnet gives no default: arm64's boot loader and memory to plug in."""
    body = plain(whole)["spec"]["template"]["spec"]
    domain, devices = body["domain"], body["domain"]["devices"]
    # Go leaves out what is false or 0
    yield "cpu", bare(vmi["cpu"]), {key: value for key, value in domain["cpu"].items() if value not in (False, 0)}
    yield "machine", vmi["machine"]["type"], domain.get("machine", {}).get("type") or _TYPES[vmi["architecture"]]
    if vmi["architecture"] != "arm64":
        yield "bootloader", vmi["bootloader"] or {}, domain.get("firmware", {}).get("bootloader") or {}
    yield "memory.guest", _bytes(vmi["memory"].get("guest")), _bytes(guest_memory(whole))
    memory = domain.get("memory", {})
    yield "memory.hugepages", vmi["memory"].get("hugepages"), memory.get("hugepages")
    if "maxGuest" in memory:
        yield "memory.maxGuest", _bytes(vmi["memory"].get("maxGuest")), _bytes(memory["maxGuest"])
    wanted, made = (each.get("requests") or {} for each in (vmi["resources"], domain.get("resources", {})))
    yield "requests.cpu", wanted.get("cpu"), made.get("cpu")
    yield (
        "requests.memory",
        *_rounded(_bytes(wanted.get("memory")), _bytes(made.get("memory")), _bytes(guest_memory(whole))),
    )
    yield "interfaces", bare(vmi["interfaces"] or []), bare(devices.get("interfaces", []))
    yield "networks", bare(vmi["networks"] or []), bare(body.get("networks", []))
    for field in ("autoattachPodInterface", "networkInterfaceMultiqueue", "useVirtioTransitional"):
        yield field, vmi[field], devices.get(field)
    yield "architecture", vmi["architecture"], architecture_of(whole, target)
    yield "launchSecurity", vmi["launchSecurity"], domain.get("launchSecurity")
    annotations = {key: value for key, value in (vmi["annotations"] or {}).items() if key != _TDX_SOCKET}
    yield "annotations", annotations, dict(whole.annotations)


def _rounded(wanted: int | None, made: int | None, guest: int | None) -> tuple[int | None, int | None]:
    """Memory requests, the same twice where they differ by no more than KubeVirt's floats err."""
    if wanted is None or made is None or abs(wanted - made) > (guest or 0) >> _FLOAT_BITS:
        return wanted, made
    if wanted != made:
        normalised("the memory request of an overcommitting instancetype is computed with 32-bit floats")
    return wanted, wanted


def _bytes(quantity: Any) -> int | None:
    return None if quantity is None else quantity_ceil(str(quantity))


def _devices(machine: Machine, whole: Machine, target: kvnet.Target, expected: Case) -> Iterator[Difference]:
    if "devices" not in expected:
        return
    # without network-info, KubeVirt gives no virtual function
    sriov = {each.name for each in whole.interfaces if isinstance(each.binding, Sriov)}
    nics = [nic for nic in kvnet.compile(machine, target).nics if nic.name not in sriov]
    wanted = expected["devicesWithStatus"] if expected.get("devicesError") else expected["devices"]
    made = [tree(etree.fromstring(write(nic.device))) for nic in nics if nic.device is not None]
    yield "devices", [tree(etree.fromstring(each)) for each in wanted or ()], made
