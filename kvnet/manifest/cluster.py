"""The cluster's configuration from its KubeVirt object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.manifest import codes
from kvnet.manifest.documents import Document, documents
from kvnet.spec.cluster import BindingPlugin, ClusterConfig

__all__ = ["load_cluster"]

_TYPES: dict[tuple[str, ...], tuple[str, type]] = {
    ("developerConfiguration", "featureGates"): ("feature_gates", list),
    ("developerConfiguration", "disabledFeatureGates"): ("disabled_feature_gates", list),
    ("network", "defaultNetworkInterface"): ("default_network_interface", str),
    ("network", "permitBridgeInterfaceOnPodNetwork"): ("permit_bridge_on_pod_network", bool),
    ("network", "binding"): ("binding_plugins", dict),
    ("cpuModel",): ("cpu_model", str),
    ("cpuRequest",): ("cpu_request", str),
    ("vmRolloutStrategy",): ("vm_rollout_strategy", str),
    ("liveUpdateConfiguration", "maxCpuSockets"): ("max_cpu_sockets", int),
    ("liveUpdateConfiguration", "maxHotplugRatio"): ("max_hotplug_ratio", int),
}


def load_cluster(source: Any) -> ClusterConfig:
    """Read ``spec.configuration`` of a KubeVirt object, from any source that ``load`` takes.

    What kvnet has no use for is passed over. Raises Rejected with every problem.
    """
    found = [
        each for each in documents(source) if isinstance(each.data, Mapping) and each.data.get("kind") == "KubeVirt"
    ]
    if not found:
        told, hint = "there is no KubeVirt object in what was given", "give one with `kind: KubeVirt`"
        raise Rejected([Problem(FieldPath(), codes.NOTHING_FOUND, told, hint=hint)])
    return _config(found[-1])


def _config(document: Document) -> ClusterConfig:
    problems, known = [], {}
    for path, (name, kind) in _TYPES.items():
        value, at = document.data, FieldPath()
        for step in ("spec", "configuration", *path):
            at = at / step
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            continue
        if type(value) is not kind:
            told = f"{value!r} is not of type {kind.__name__}"
            problems.append(document.placed(Problem(at, codes.WRONG_TYPE, told)))
            continue
        known[name] = _READ.get(kind, lambda same: same)(value)
    if problems:
        raise Rejected(problems)
    return ClusterConfig(**known)


def _plugins(registered: Mapping[str, Any]) -> dict[str, BindingPlugin]:
    return {
        name: BindingPlugin(domain_attachment_type=(plugin or {}).get("domainAttachmentType"))
        for name, plugin in registered.items()
    }


_READ: dict[type, Any] = {list: frozenset, dict: _plugins}
