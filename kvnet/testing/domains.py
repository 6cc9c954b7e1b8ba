"""Strategies for whole domains of libvirt, as text."""

from __future__ import annotations

from xml.sax.saxutils import escape

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kvnet.device import Device, Hostdev, Interface
from kvnet.spec.nic import MODELS
from kvnet.testing.devices import devices
from kvnet.testing.values import labels, xml_texts
from kvnet.xml import write

__all__ = ["domains"]

_MACHINES = (
    "<type>hvm</type>",
    "<type arch='x86_64' machine='q35'>hvm</type>",
    "<type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>",
    "<type arch='aarch64' machine='virt'>hvm</type>",
    "<type arch='s390x' machine='s390-ccw-virtio'>hvm</type>",
)
_BOOTS = ("fd", "hd", "cdrom", "network")
_KNOWN_MODELS = (None, *MODELS, "virtio-transitional", "virtio-non-transitional", "vmxnet3")


@st.composite
def domains(draw: st.DrawFn, *, libvirt: str | None = None, max_devices: int = 4) -> str:
    """The XML of a domain with NICs of every kind, and with PCI devices of the host, of which some are NICs.

    Machine type, boot devices, CPUs, memory and names vary. With ``libvirt``, the devices are what that release knows.
    libvirt would not define all of them: two devices may have one address.
    """
    inside = draw(st.lists(_devices(libvirt), max_size=max_devices))
    name = escape(draw(labels() | xml_texts().filter(str.strip)))
    boots = "".join(
        f"<boot dev='{each}'/>" for each in draw(st.lists(st.sampled_from(_BOOTS), unique=True, max_size=3))
    )
    return (
        f"<domain type='kvm'><name>{name}</name><memory unit='MiB'>{draw(st.integers(1, 4096))}</memory>"
        f"<vcpu>{draw(st.integers(1, 16))}</vcpu><os>{draw(st.sampled_from(_MACHINES))}{boots}</os>"
        f"<devices>{''.join(map(write, inside))}</devices></domain>"
    )


def _devices(libvirt: str | None) -> SearchStrategy[Device]:
    """Devices as they are in domains: most models are KubeVirt's, and most aliases are the user's."""
    return st.builds(_usual, devices(libvirt=libvirt), st.sampled_from(_KNOWN_MODELS), labels(), st.integers(0, 3))


def _usual(device: Device, model: str | None, name: str, kind: int) -> Device:
    if kind == 0:
        return device
    alias = f"ua-{'sriov-' if isinstance(device, Hostdev) and kind > 1 else ''}{name}" if kind < 3 else None
    named = evolve(device, alias=alias)
    try:
        return evolve(named, model=model) if isinstance(named, Interface) else named
    except ValueError:
        # the model does not go with the driver or the source
        return named
