"""libvirt's network devices as values, each element declared once."""

from kvnet.device.address import (
    CcwGuestAddress,
    GuestAddress,
    PciGuestAddress,
    PciHostAddress,
    VfHostAddress,
)
from kvnet.device.hostdev import Hostdev
from kvnet.device.interface import Interface
from kvnet.device.parts import Filter, Parameter, PortForward, PortSpan, VlanTag
from kvnet.device.source import (
    BridgeSource,
    DirectSource,
    EthernetSource,
    HostdevSource,
    NetworkSource,
    Source,
    UserSource,
    VhostuserSource,
)

Device = Interface | Hostdev

__all__ = [
    "BridgeSource",
    "CcwGuestAddress",
    "Device",
    "DirectSource",
    "EthernetSource",
    "Filter",
    "GuestAddress",
    "Hostdev",
    "HostdevSource",
    "Interface",
    "NetworkSource",
    "Parameter",
    "PciGuestAddress",
    "PciHostAddress",
    "PortForward",
    "PortSpan",
    "Source",
    "UserSource",
    "VfHostAddress",
    "VhostuserSource",
    "VlanTag",
]
