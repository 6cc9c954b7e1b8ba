"""NADs for machines, and what is told of both."""

from __future__ import annotations

import json
from typing import Any

import kvnet

__all__ = ["ADVICE", "BRIDGE", "IPAM", "NICS", "nad", "told"]

Json = dict[str, Any]

ADVICE = frozenset(f"KN{number}" for number in range(912, 928))
"""The codes of advice on what KubeVirt's user guide says."""
NICS = "spec.domain.devices.interfaces"
BRIDGE: Json = {"type": "bridge", "bridge": "br1"}
IPAM: Json = {"type": "host-local", "subnet": "10.1.1.0/24"}
_RESOURCE = "k8s.v1.cni.cncf.io/resourceName"


def nad(*plugins: Json, name: str = "nad", namespace: str | None = None, resource: str = "") -> kvnet.Nad:
    """A NAD; several plugins are a chain."""
    config = plugins[0] if len(plugins) == 1 else {"cniVersion": "0.3.1", "name": name, "plugins": list(plugins)}
    annotations = {_RESOURCE: resource} if resource else {}
    return kvnet.Nad(name=name, namespace=namespace, config=json.dumps(config), annotations=annotations)


def told(machine: Json, *nads: kvnet.Nad, groups: tuple[str, ...] = (), **target: Any) -> list[tuple[str, str]]:
    """The advice on a machine: codes and fields."""
    problems = kvnet.check(kvnet.load(machine), kvnet.Target(nads=nads, **target), groups=groups)
    return [(each.code, each.field) for each in problems if each.code in ADVICE]
