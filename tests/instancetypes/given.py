"""VMs that refer to an instancetype and a preference, with the target that has them."""

from __future__ import annotations

from typing import Any

from machines import nic, pod, vmi

import kvnet
from kvnet.instancetypes import Expansion
from kvnet.spec import Machine

__all__ = ["Given", "expansion", "given_vm", "told"]

Json = dict[str, Any]
Given = tuple[Machine, kvnet.Target]


def given_vm(
    template: Json | None = None,
    *,
    instancetype: Json | None = None,
    preference: Json | None = None,
    annotations: Json | None = None,
    cluster: Json | None = None,
    **target: Any,
) -> Given:
    """A VM around the members of a VMI spec, and its target; an instancetype has 2 vCPUs unless it says otherwise."""
    vm = vmi([nic(binding="masquerade")], [pod()], kind="VirtualMachine") if template is None else _vm(template)
    if annotations:
        vm["spec"]["template"]["metadata"] = {"annotations": annotations}
    objects: list[Json] = [vm, {"kind": "KubeVirt", "spec": {"configuration": cluster or {}}}]
    if instancetype is not None:
        vm["spec"]["instancetype"] = {"name": "it"}
        size = {"cpu": {"guest": 2}, "memory": {"guest": "1Gi"}}
        objects.append(
            {"kind": "VirtualMachineClusterInstancetype", "metadata": {"name": "it"}, "spec": {**size, **instancetype}}
        )
    if preference is not None:
        vm["spec"]["preference"] = {"name": "pref"}
        objects.append({"kind": "VirtualMachineClusterPreference", "metadata": {"name": "pref"}, "spec": preference})
    manifest = kvnet.load_all(objects)
    return manifest.machines[0], manifest.target(facts=kvnet.HostFacts(**target))


def _vm(template: Json) -> Json:
    spec = {"template": {"spec": {**template, "domain": {"devices": {}, **template.get("domain", {})}}}}
    return {"kind": "VirtualMachine", "metadata": {"name": "vm", "namespace": "ns"}, "spec": spec}


def expansion(given: Given) -> Expansion:
    return kvnet.expand(*given)


def told(given: Given) -> list[tuple[str, str, str | None]]:
    """Code, field and cause of what is to be said of the references of a VM."""
    return [(each.code, each.field, each.cause and str(each.cause)) for each in expansion(given).problems]
