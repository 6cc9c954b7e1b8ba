"""The driver of a NIC, with the virtio features that it offers, and the backend that moves its packets."""

from __future__ import annotations

from kvnet.xml.element import Element, element
from kvnet.xml.schema import attr, child
from kvnet.xml.types import ABSOLUTE_PATH, Choice, Int, OnOff, Text, YesNo

__all__ = ["Backend", "Driver", "GuestOffloads", "HostOffloads", "HostdevDriver"]

_COUNT = Int(1)
PASSTHROUGH = ("vfio", "kvm", "xen")
_SIZES = ("rx_queue_size", "tx_queue_size")
_TUNING = ("queues", "rx_queue_size", "tx_queue_size", "txmode", "ioeventfd", "event_idx")


@element("host")
class HostOffloads(Element):
    """Offloads of the host that QEMU offers: checksums, segmentation (GSO, TSO, UFO), ECN, merged receive buffers."""

    csum: bool | None = attr(OnOff(), default=None, guest=True)
    gso: bool | None = attr(OnOff(), default=None, guest=True)
    tso4: bool | None = attr(OnOff(), default=None, guest=True)
    tso6: bool | None = attr(OnOff(), default=None, guest=True)
    ecn: bool | None = attr(OnOff(), default=None, guest=True)
    ufo: bool | None = attr(OnOff(), default=None, guest=True)
    mrg_rxbuf: bool | None = attr(OnOff(), default=None, since="1.2.13", guest=True)


@element("guest")
class GuestOffloads(Element):
    """Offloads that QEMU lets the guest accept: checksums, segmentation (TSO, UFO), ECN."""

    csum: bool | None = attr(OnOff(), default=None, guest=True)
    tso4: bool | None = attr(OnOff(), default=None, guest=True)
    tso6: bool | None = attr(OnOff(), default=None, guest=True)
    ecn: bool | None = attr(OnOff(), default=None, guest=True)
    ufo: bool | None = attr(OnOff(), default=None, guest=True)


def _tuned_right(driver: Driver) -> tuple[str, str] | None:
    if driver.name in PASSTHROUGH:
        tuned = next((name for name in _TUNING if getattr(driver, name) is not None), None)
        return (tuned, f"a NIC that {driver.name} passes through does not have it") if tuned else None
    sizes = {name: getattr(driver, name) for name in _SIZES}
    odd = next((name for name, size in sizes.items() if size is not None and size & (size - 1)), None)
    return (odd, f"{sizes[odd]} is no power of two") if odd else None


@element("driver", cross_check=_tuned_right, cross_fields=("name", "rx_queue_size", "tx_queue_size"))
class Driver(Element):
    """The driver of an interface: ``vhost`` or ``qemu`` with their tuning, or the one of a host device.

    ``queues`` is the number of queue pairs; ``rx_queue_size`` and ``tx_queue_size`` are in descriptors, and
    powers of two. ``iommu``,
    ``ats``, ``packed`` and ``page_per_vq`` are options of virtio, ``rss`` and ``rss_hash_report`` of its receive side
    scaling. ``model`` is a variant of the kernel's vfio-pci, and ``iommufd`` how the device is opened.
    """

    name: str | None = attr(Choice("qemu", "vhost", *PASSTHROUGH), default=None)
    model: str | None = attr(Text(r"[^\n]+"), default=None, since="10.0.0")
    queues: int | None = attr(_COUNT, default=None, since="1.0.6", guest=True)
    rx_queue_size: int | None = attr(_COUNT, default=None, since="2.3.0", guest=True)
    tx_queue_size: int | None = attr(_COUNT, default=None, since="3.7.0", guest=True)
    txmode: str | None = attr(Choice("iothread", "timer"), default=None)
    ioeventfd: bool | None = attr(OnOff(), default=None, since="0.9.3")
    event_idx: bool | None = attr(OnOff(), default=None, since="0.9.5", guest=True)
    iommu: bool | None = attr(OnOff(), default=None, since="3.5.0", guest=True)
    iommufd: bool | None = attr(YesNo(), default=None, since="12.1.0")
    ats: bool | None = attr(OnOff(), default=None, since="3.5.0", guest=True)
    packed: bool | None = attr(OnOff(), default=None, since="6.3.0", guest=True)
    page_per_vq: bool | None = attr(OnOff(), default=None, since="7.9.0", guest=True)
    rss: bool | None = attr(OnOff(), default=None, since="8.3.0", guest=True)
    rss_hash_report: bool | None = attr(OnOff(), default=None, since="8.3.0", guest=True)
    host: HostOffloads | None = child(HostOffloads, default=None, since="1.2.9")
    guest: GuestOffloads | None = child(GuestOffloads, default=None, since="1.2.9")


@element("driver")
class HostdevDriver(Element):
    """The driver that passes a PCI function through; ``model`` is a variant of the kernel's vfio-pci."""

    name: str | None = attr(Choice(*PASSTHROUGH), default=None, optional_since="10.0.0")
    model: str | None = attr(Text(r"[^\n]+"), default=None, since="10.0.0")
    iommufd: bool | None = attr(YesNo(), default=None, since="12.1.0")


@element("backend")
class Backend(Element):
    """The program or the device files behind the NIC.

    ``tap`` and ``vhost`` are paths of device files, ``log_file`` is passt's. passt tells the guest ``hostname`` and
    ``fqdn``.
    """

    type: str | None = attr(Choice("passt", "default", newer={"passt": "9.0.0", "default": "10.6.0"}), default=None)
    tap: str | None = attr(ABSOLUTE_PATH, default=None)
    vhost: str | None = attr(ABSOLUTE_PATH, default=None)
    log_file: str | None = attr(ABSOLUTE_PATH, "logFile", default=None, since="9.0.0")
    hostname: str | None = attr(Text(), default=None, since="11.8.0", guest=True)
    fqdn: str | None = attr(Text(), default=None, since="11.8.0", guest=True)
