"""The cluster's configuration in the KubeVirt object: feature gates, defaults, and what is permitted."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import evolve, frozen

from kvnet.spec.wire import BriefRepr, Lenient, Quantity, UInt32, named

__all__ = ["BindingPlugin", "ClusterConfig", "Gate", "PluginMigration", "Plugins"]


class Gate(StrEnum):
    """The feature gates that networking depends on; those in ``_BETA`` are on unless disabled."""

    PASST_BINDING = "PasstBinding"
    PORT_RANGES = "PortRangesSpec"
    NETWORK_DRA = "NetworkDevicesWithDRA"
    NAMING_UPGRADE = "PodSecondaryInterfaceNamingUpgrade"
    TDX = "WorkloadEncryptionTDX"


_BETA = frozenset({Gate.PASST_BINDING, Gate.NAMING_UPGRADE})
_DEFAULT_INTERFACES = frozenset({"", "bridge", "masquerade", "slirp"})


@frozen(kw_only=True, slots=False, repr=False)
class PluginMigration(BriefRepr, Lenient):
    """How a plugin's NIC gets over a live migration.

    - ``method``: ``link-refresh`` sets the link down and up again; without it nothing needs to be done
    """

    method: str | None = None


@frozen(kw_only=True, slots=False, repr=False)
class BindingPlugin(BriefRepr, Lenient):
    """A network binding plugin as the cluster registers it.

    - ``domain_attachment_type``: ``tap``, ``managedTap``, or ``None`` for a plugin that adds the NIC itself
    - ``migration``: how its NICs migrate; a machine with a plugin without it cannot migrate live
    - ``network_attachment_definition``: the NAD, as ``name`` or ``namespace/name``, that each pod with such a NIC gets
    - ``downward_api``: ``device-info`` for a plugin that reads from the pod which devices its networks have
    """

    domain_attachment_type: str | None = None
    migration: PluginMigration | None = None
    network_attachment_definition: str | None = None
    downward_api: str | None = named("downwardAPI", default=None)

    @property
    def attaches_tap(self) -> bool:
        return self.domain_attachment_type in ("tap", "managedTap")

    @property
    def reads_device_info(self) -> bool:
        return self.downward_api == "device-info"


Plugins = Mapping[str, BindingPlugin]
"""Binding plugins by the name they are registered under."""


@frozen(kw_only=True, slots=False, repr=False)
class ClusterConfig(BriefRepr, Lenient):
    """``spec.configuration`` of the KubeVirt object, as far as NICs and vCPUs depend on it.

    - ``feature_gates``, ``disabled_feature_gates``: an enabled gate is on, else a disabled one is off, else gates in
      Beta are on and those in Alpha off, as in KubeVirt 1.9
    - ``default_network_interface``: the binding of the NIC of machines that list none; bridge where it is empty
    - ``permit_bridge_on_pod_network``: whether ``bridge`` may bind the pod network
    - ``cpu_model``: of machines that name none
    - ``cpu_request``: a Kubernetes quantity of CPUs, for machines that request none
    - ``vm_rollout_strategy``: ``LiveUpdate`` or ``Stage``
    - ``max_cpu_sockets``: sockets up to which CPUs can be plugged in
    - ``max_hotplug_ratio``: how many times its sockets a machine may grow to
    - ``binding_plugins``: by the name they are registered under; ``None`` where it is not known which those are
    """

    feature_gates: frozenset[str] = named("developerConfiguration.featureGates", default=frozenset())
    disabled_feature_gates: frozenset[str] = named("developerConfiguration.disabledFeatureGates", default=frozenset())
    default_network_interface: str = named("network.defaultNetworkInterface", default="bridge")
    permit_bridge_on_pod_network: bool = named("network.permitBridgeInterfaceOnPodNetwork", default=True)
    cpu_model: str | None = None
    cpu_request: Quantity | None = None
    vm_rollout_strategy: str | None = None
    max_cpu_sockets: UInt32 | None = named("liveUpdateConfiguration.maxCpuSockets", default=None)
    max_hotplug_ratio: UInt32 | None = named("liveUpdateConfiguration.maxHotplugRatio", default=None)
    binding_plugins: Plugins | None = named("network.binding", default=None, hash=False)

    @property
    def complete(self) -> ClusterConfig:
        """The same as all that the KubeVirt object says: where it lists no binding plugins, none are registered."""
        return self if self.binding_plugins is not None else evolve(self, binding_plugins={})

    @property
    def in_effect(self) -> ClusterConfig:
        """What KubeVirt works with: the stock configuration where it does not know the default interface.

        KubeVirt then gives up the whole configuration, and says so only in its log (``pkg/virt-config``).
        """
        return self if self.default_network_interface in _DEFAULT_INTERFACES else _STOCK

    def allows(self, gate: Gate) -> bool:
        """Whether a feature gate is on."""
        if gate in self.feature_gates:
            return True
        return gate in _BETA and gate not in self.disabled_feature_gates


_STOCK = ClusterConfig()
