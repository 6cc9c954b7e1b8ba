"""The cluster's configuration from its KubeVirt object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.manifest import codes
from kvnet.manifest.documents import Document, documents
from kvnet.spec.cluster import BindingPlugin, ClusterConfig, PluginMigration

__all__ = ["cluster_config", "load_cluster"]

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


_KINDS = {list: "a list", dict: "a mapping", str: "text", bool: "true or false", int: "a whole number"}


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
    return cluster_config(found[-1])


def cluster_config(document: Document) -> ClusterConfig:
    """The configuration in a KubeVirt object. Raises Rejected with every problem."""
    problems, known = [], {}
    for path, (name, kind) in _TYPES.items():
        value, at = document.data, FieldPath()
        for step in ("spec", "configuration", *path):
            at = at / step
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            continue
        flaws = list(_flaws(value, kind, at))
        problems += [document.placed(flaw) for flaw in flaws]
        if flaws:
            continue
        known[name] = _READ.get(kind, lambda same: same)(value)
    if problems:
        raise Rejected(problems)
    return ClusterConfig(**known)


def _flaws(value: Any, kind: type, at: FieldPath) -> Iterator[Problem]:
    """What keeps a value from being of its kind: text in lists, and of a plugin its members."""
    if type(value) is not kind:
        yield Problem(at, codes.WRONG_TYPE, f"{value!r} is not {_KINDS[kind]}")
    elif isinstance(value, list):
        for n, each in enumerate(value):
            if not isinstance(each, str):
                yield Problem(at[n], codes.WRONG_TYPE, f"{each!r} is not text")
    elif isinstance(value, dict):
        for name, plugin in value.items():
            if not isinstance(plugin, Mapping | None):
                yield Problem(at / name, codes.WRONG_TYPE, f"{plugin!r} is not a mapping")
            elif plugin:
                yield from _plugin_flaws(plugin, at / name)


def _plugin_flaws(plugin: Mapping[str, Any], at: FieldPath) -> Iterator[Problem]:
    attachment, migration = plugin.get("domainAttachmentType"), plugin.get("migration")
    if not isinstance(attachment, str | None):
        yield Problem(at / "domainAttachmentType", codes.WRONG_TYPE, f"{attachment!r} is not text")
    if not isinstance(migration, Mapping | None):
        yield Problem(at / "migration", codes.WRONG_TYPE, f"{migration!r} is not a mapping")
    elif migration and not isinstance(migration.get("method"), str | None):
        yield Problem(at / "migration" / "method", codes.WRONG_TYPE, f"{migration['method']!r} is not text")


def _plugins(registered: Mapping[str, Any]) -> dict[str, BindingPlugin]:
    return {name: _plugin(plugin or {}) for name, plugin in registered.items()}


def _plugin(plugin: Mapping[str, Any]) -> BindingPlugin:
    attachment, migration = plugin.get("domainAttachmentType"), plugin.get("migration")
    return BindingPlugin(
        domain_attachment_type=attachment,
        migration=None if migration is None else PluginMigration(method=migration.get("method")),
    )


_READ: dict[type, Any] = {list: frozenset, dict: _plugins}
