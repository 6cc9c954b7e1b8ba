"""Small manifests, as the mappings that a YAML loader would give."""

from __future__ import annotations

from typing import Any

__all__ = ["claim", "multus", "nic", "pod", "vmi"]

Json = dict[str, Any]

_ABOVE = {
    "VirtualMachineInstance": (),
    "VirtualMachine": ("template", "spec"),
    "VirtualMachineInstanceReplicaSet": ("template", "spec"),
    "VirtualMachinePool": ("virtualMachineTemplate", "spec", "template", "spec"),
}


def nic(name: str = "a", binding: str | None = "bridge", **members: Any) -> Json:
    """An entry of ``interfaces``."""
    return {"name": name, **({binding: {}} if binding else {}), **members}


def pod(name: str = "a", **members: Any) -> Json:
    """An entry of ``networks`` that is the pod's."""
    return {"name": name, "pod": members}


def multus(name: str = "a", **members: Any) -> Json:
    """An entry of ``networks`` that Multus attaches."""
    return {"name": name, "multus": {"networkName": "nad", **members}}


def claim(name: str = "a", **members: Any) -> Json:
    """An entry of ``networks`` that comes from a resource claim."""
    return {"name": name, "resourceClaim": members}


def vmi(  # one argument for each place of the manifest that tests write to
    interfaces: list[Json] | None = None,
    networks: list[Json] | None = None,
    *,
    kind: str = "VirtualMachineInstance",
    annotations: Json | None = None,
    devices: Json | None = None,
    domain: Json | None = None,
    spec: Json | None = None,
    status: Json | None = None,
) -> Json:
    """A machine of the given kind around interfaces and networks."""
    inner: Json = {
        "domain": {"devices": {"interfaces": interfaces or [], **(devices or {})}, **(domain or {})},
        "networks": networks or [],
        **(spec or {}),
    }
    for step in reversed(_ABOVE[kind]):
        inner = {step: inner}
    metadata = {"name": "vm", "annotations": annotations or {}}
    api = "pool.kubevirt.io/v1beta1" if kind == "VirtualMachinePool" else "kubevirt.io/v1"
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": inner, "status": status or {}}
