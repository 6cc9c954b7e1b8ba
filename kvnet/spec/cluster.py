"""What the cluster's KubeVirt object decides: feature gates, defaults, and what is permitted."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

__all__ = ["BindingPlugin", "ClusterConfig", "Gate", "PluginMigration"]


class Gate(StrEnum):
    """The feature gates that networking asks for; those in ``BETA`` are on unless disabled."""

    PASST_BINDING = "PasstBinding"
    PORT_RANGES = "PortRangesSpec"
    NETWORK_DRA = "NetworkDevicesWithDRA"


_BETA = frozenset({Gate.PASST_BINDING})


@frozen(kw_only=True, slots=False)
class PluginMigration:
    """How a plugin's NIC gets over a live migration: by itself, or by ``link-refresh``, its link down and up."""

    method: str | None = None


@frozen(kw_only=True, slots=False)
class BindingPlugin:
    """A network binding plugin as the cluster registers it; one without ``migration`` keeps a machine in place."""

    domain_attachment_type: str | None = None
    migration: PluginMigration | None = None

    @property
    def attaches_tap(self) -> bool:
        return self.domain_attachment_type in ("tap", "managedTap")


@frozen(kw_only=True, slots=False)
class ClusterConfig:
    """``spec.configuration`` of the KubeVirt object, as far as NICs and vCPUs depend on it.

    An explicitly enabled gate is on, else an explicitly disabled one is off, else Beta gates are on and
    Alpha gates off, as in KubeVirt 1.9.
    """

    feature_gates: frozenset[str] = frozenset()
    disabled_feature_gates: frozenset[str] = frozenset()
    default_network_interface: str = "bridge"
    permit_bridge_on_pod_network: bool = True
    cpu_model: str | None = None
    cpu_request: str | None = None
    vm_rollout_strategy: str | None = None
    max_cpu_sockets: int | None = None
    max_hotplug_ratio: int | None = None
    binding_plugins: Mapping[str, BindingPlugin] | None = None

    def allows(self, gate: Gate) -> bool:
        """Whether a feature gate is on."""
        if gate in self.feature_gates:
            return True
        return gate in _BETA and gate not in self.disabled_feature_gates
