"""The plugins that change the link of the plugin before them in a chain."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from kvnet.cni.plugins import Plugin
from kvnet.cni.values import Count, Mtu, Rate, UsualMac
from kvnet.spec.wire import mapping, named

__all__ = ["BandwidthPlugin", "FirewallPlugin", "PortmapPlugin", "TuningPlugin"]

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
