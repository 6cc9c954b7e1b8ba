"""The plugins of a chain: those that make or take a link, the first of a chain, and those that change it after them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from kvnet.cni.ipam import Ipam
from kvnet.cni.values import (
    BridgeTrunk,
    Count,
    LinkName,
    LinkState,
    Mtu,
    PciText,
    Rate,
    Switch,
    Trunk,
    UsualMac,
    VlanId,
    VlanPriority,
    VlanProtocol,
)
from kvnet.spec.wire import BriefRepr, Rest, mapping, named, rest

__all__ = [
    "BandwidthPlugin",
    "BridgePlugin",
    "FirewallPlugin",
    "HostDevicePlugin",
    "IpvlanPlugin",
    "KubeOvnPlugin",
    "MacvlanPlugin",
    "MacvtapPlugin",
    "OtherPlugin",
    "OvnPlugin",
    "OvsPlugin",
    "Plugin",
    "PortmapPlugin",
    "PtpPlugin",
    "SriovPlugin",
    "TuningPlugin",
    "VlanPlugin",
]


@frozen(kw_only=True, slots=False, repr=False)
class Plugin(BriefRepr):
    """What the configurations of all plugins have; their defaults are those of the plugins.

    - ``type``: the plugin's name
    - ``cni_version``, ``name``: of a configuration that is no chain
    - ``capabilities``: what the container runtime passes on to the plugin
    - ``disable_check``: leaves out CNI's own checks
    - ``ipam``: who gives addresses to the link
    - ``rest``: settings that kvnet does not know
    """

    type: str = ""
    cni_version: str = ""
    name: str = ""
    capabilities: Mapping[str, bool] = mapping()
    disable_check: bool = False
    ipam: Ipam = None
    rest: Rest = rest()


@frozen(kw_only=True, slots=False, repr=False)
class BridgePlugin(Plugin):
    """``bridge`` and ``cnv-bridge``: a port of a Linux bridge. Source: containernetworking/plugins, main/bridge.

    - ``bridge``: its name, ``cni0`` where none is given
    - ``mtu``: in bytes
    - ``vlan``: the VLAN of untagged frames; ``vlan_trunk``: the VLANs of tagged ones
    - ``preserve_default_vlan``: whether the port stays in the bridge's VLAN 1
    - ``macspoofchk``: drop frames whose sender is not the link's MAC address
    - ``port_isolation``: isolated ports do not reach each other
    - ``disable_container_interface``: the link in the pod stays down
    - the other fields configure addresses and routes of the bridge, and its multicast
    """

    bridge: LinkName = ""
    mtu: Mtu = 0
    vlan: VlanId = 0
    vlan_trunk: BridgeTrunk = ()
    preserve_default_vlan: bool = True
    macspoofchk: bool = False
    port_isolation: bool = False
    disable_container_interface: bool = False
    is_gateway: bool = False
    is_default_gateway: bool = False
    force_address: bool = False
    ip_masq: bool = False
    ip_masq_backend: str = ""
    hairpin_mode: bool = False
    promisc_mode: bool = False
    enabledad: bool = False
    uplink_interface: LinkName = ""


@frozen(kw_only=True, slots=False, repr=False)
class OvsPlugin(Plugin):
    """``ovs``: a port of an Open vSwitch bridge. Source: k8snetworkplumbingwg/ovs-cni.

    ``trunk`` takes precedence over ``vlan``; ``device_id`` is the PCI address of a function with hardware offload.
    """

    bridge: LinkName = ""
    vlan: VlanId = 0
    trunk: Trunk = ()
    mtu: Mtu = 0
    interface_type: str = named("interface_type", default="")
    device_id: str = named("deviceID", default="")
    ofport_request: Count = named("ofport_request", default=0)
    ovn_port: str = ""
    configuration_path: str = named("configuration_path", default="")
    socket_file: str = named("socket_file", default="")
    link_state_check_retries: Count = named("link_state_check_retries", default=0)
    link_state_check_interval: Count = named("link_state_check_interval", default=0)


@frozen(kw_only=True, slots=False, repr=False)
class SriovPlugin(Plugin):
    """``sriov``: a virtual function. Source: k8snetworkplumbingwg/sriov-cni.

    - ``vlan``, ``vlan_qos`` (its priority), ``vlan_proto``: of all frames of the function
    - ``mac``: its MAC address
    - ``spoofchk``, ``trust``: ``on`` or ``off``
    - ``link_state``: ``auto``, ``enable`` or ``disable``
    - ``min_tx_rate``, ``max_tx_rate``: in Mbit/s, 0 for no bound
    """

    device_id: str = named("deviceID", default="")
    vlan: VlanId = 0
    vlan_qos: VlanPriority = named("vlanQoS", default=0)
    vlan_proto: VlanProtocol = ""
    mac: UsualMac = ""
    spoofchk: Switch = ""
    trust: Switch = ""
    link_state: LinkState = named("link_state", default="")
    min_tx_rate: Count = named("min_tx_rate", default=0)
    max_tx_rate: Count = named("max_tx_rate", default=0)
    log_level: str = ""
    log_file: str = ""

    def __attrs_post_init__(self) -> None:
        if self.vlan_qos and not self.vlan:
            raise ValueError(f"vlanQoS {self.vlan_qos} needs a VLAN")
        if self.max_tx_rate and self.min_tx_rate > self.max_tx_rate:
            raise ValueError(f"min_tx_rate {self.min_tx_rate} exceeds max_tx_rate {self.max_tx_rate}")


@frozen(kw_only=True, slots=False, repr=False)
class MacvlanPlugin(Plugin):
    """``macvlan``: a link with a MAC address of its own on the link ``master``; ``mode`` is ``bridge`` if empty."""

    master: LinkName = ""
    mode: str = ""
    mtu: Mtu = 0
    link_in_container: bool = False
    bcqueuelen: Count = 0


@frozen(kw_only=True, slots=False, repr=False)
class MacvtapPlugin(Plugin):
    """``macvtap``: a macvtap that a device plugin has made. Source: kubevirt/macvtap-cni.

    The lower link stands in the configuration of the device plugin. ``device_id`` is filled in by Multus.
    """

    device_id: str = named("deviceID", default="")
    mtu: Mtu = 0
    is_promiscuous: bool = named("promiscMode", default=False)


@frozen(kw_only=True, slots=False, repr=False)
class IpvlanPlugin(Plugin):
    """``ipvlan``: a link that shares the MAC address of ``master``."""

    master: LinkName = ""
    mode: str = ""
    mtu: Mtu = 0
    link_in_container: bool = False


@frozen(kw_only=True, slots=False, repr=False)
class PtpPlugin(Plugin):
    """``ptp``: a pair of links with routed addresses."""

    mtu: Mtu = 0
    ip_masq: bool = False
    ip_masq_backend: str = ""


@frozen(kw_only=True, slots=False, repr=False)
class HostDevicePlugin(Plugin):
    """``host-device``: a link of the host, found by name, MAC address, path in sysfs or PCI address."""

    device: LinkName = ""
    hwaddr: UsualMac = ""
    kernelpath: str = ""
    pci_bus_id: PciText = named("pciBusID", default="")


@frozen(kw_only=True, slots=False, repr=False)
class VlanPlugin(Plugin):
    """``vlan``: the link of the VLAN ``vlan_id`` on the link ``master``."""

    master: LinkName = ""
    vlan_id: VlanId = 0
    mtu: Mtu = 0
    link_in_container: bool = False


@frozen(kw_only=True, slots=False, repr=False)
class OvnPlugin(Plugin):
    """``ovn-k8s-cni-overlay``: a network of OVN-Kubernetes. Source: ovn-org/ovn-kubernetes, go-controller/pkg/cni.

    - ``topology``: ``localnet`` is a physical network of the nodes, ``layer2`` and ``layer3`` are overlays
    - ``vlan_id``: of a localnet; ``physical_network_name``: what OVN's bridge mapping calls it
    - ``net_attach_def_name``: of the NAD that holds this configuration
    - the other fields say which addresses OVN gives
    """

    topology: str = ""
    net_attach_def_name: str = ""
    physical_network_name: str = ""
    vlan_id: VlanId = named("vlanID", default=0)
    mtu: Mtu = 0
    role: str = ""
    subnets: str = ""
    exclude_subnets: str = ""
    join_subnet: str = ""
    allow_persistent_ips: bool = named("allowPersistentIPs", default=False)


@frozen(kw_only=True, slots=False, repr=False)
class KubeOvnPlugin(Plugin):
    """``kube-ovn``: a network of Kube-OVN; ``provider`` is ``NAD.NAMESPACE.ovn``."""

    provider: str = ""
    server_socket: str = named("server_socket", default="")


@frozen(kw_only=True, slots=False, repr=False)
class OtherPlugin(Plugin):
    """A plugin that kvnet does not know; all of its settings are in ``rest``."""


_MOST_BURST = (2**32 - 1) * 8


@frozen(kw_only=True, slots=False, repr=False)
class TuningPlugin(Plugin):
    """``tuning`` and ``cnv-tuning``: settings of the link. ``mtu`` is in bytes; ``sysctl`` are the kernel's."""

    mac: UsualMac = ""
    mtu: Mtu = 0
    promisc: bool = False
    allmulti: bool | None = None
    tx_q_len: Count | None = named("txQLen", default=None)
    sysctl: Mapping[str, str] = mapping()
    data_dir: str = ""


@frozen(kw_only=True, slots=False, repr=False)
class BandwidthPlugin(Plugin):
    """``bandwidth``: rates in bit/s and bursts in bits; ingress is what the pod receives, and 0 is no bound.

    Raises ValueError for a rate without a burst, a burst without a rate, and a burst of 4 GiB or more.
    """

    ingress_rate: Rate = 0
    ingress_burst: Count = 0
    egress_rate: Rate = 0
    egress_burst: Count = 0
    unshaped_subnets: tuple[str, ...] = ()
    shaped_subnets: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        for way, rate, burst in (
            ("ingress", self.ingress_rate, self.ingress_burst),
            ("egress", self.egress_rate, self.egress_burst),
        ):
            if bool(rate) != bool(burst):
                given, missing = ("Rate", "Burst") if rate else ("Burst", "Rate")
                raise ValueError(f"{way}{given} is given without {way}{missing}")
            if burst >= _MOST_BURST:
                raise ValueError(f"{way}Burst is {burst} bits, and has to be less than 4 GiB")


@frozen(kw_only=True, slots=False, repr=False)
class FirewallPlugin(Plugin):
    """``firewall``: lets the link's traffic pass the host's firewall."""

    backend: str = ""
    iptables_admin_chain_name: str = ""
    firewalld_zone: str = ""
    ingress_policy: str = ""


@frozen(kw_only=True, slots=False, repr=False)
class PortmapPlugin(Plugin):
    """``portmap``: forwards ports of the host."""

    backend: str = ""
    snat: bool | None = None
    masq_all: bool = False
    mark_masq_bit: Count | None = None
    external_set_mark_chain: str = ""
    conditions_v4: tuple[str, ...] = named("conditionsV4", default=())
    conditions_v6: tuple[str, ...] = named("conditionsV6", default=())
