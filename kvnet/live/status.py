"""The status of a domain's NICs, from the domain and its guest's agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kvnet import interface_status
from kvnet.domain.naming import domain_name
from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.domains import domain_named
from kvnet.spec import InterfaceStatus, Machine
from kvnet.target import Profile

if TYPE_CHECKING:
    import libvirt

__all__ = ["agent_report", "status"]


def status(
    vmi: Machine,
    connection: libvirt.virConnect,
    *,
    profile: Profile | str = Profile.KUBEVIRT,
    name: str | None = None,
    multus: Any = None,
    pod_ips: Any = None,
    timeout: int = 5,
) -> tuple[InterfaceStatus, ...]:
    """``status.interfaces`` of a machine, from its domain as it runs now: see ``kvnet.status``.

    The domain is the one of ``name``, else that of ``domain_name``. The guest's agent has ``timeout`` seconds, and is
    missed by nobody. Of a domain that does not run there is what was reported last. Raises LibvirtError where there
    is no such domain, or libvirt cannot be asked, and what ``kvnet.status`` raises.
    """
    try:
        domain = domain_named(connection, name or domain_name(vmi, profile))
        text = domain.XMLDesc() if domain.isActive() else None
        report = None if text is None else agent_report(domain, timeout=timeout)
    except libvirt_module().libvirtError as error:
        told = f"libvirt says: {error.get_error_message()}"
        raise LibvirtError([Problem(FieldPath(("domain",)), "KN871", told)]) from error
    return interface_status.status(vmi, text, report, multus, pod_ips=pod_ips)


def agent_report(domain: libvirt.virDomain, *, timeout: int = 5) -> list[dict[str, Any]] | None:
    """What the guest's agent says of the guest's links, as its command guest-network-get-interfaces does.

    ``None`` where there is no agent, or it does not answer in time. Afterwards libvirt waits for the agent for ever
    again, as it does unless told otherwise.
    """
    libvirt = libvirt_module()
    try:
        with _patience(domain, timeout):
            links = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
    except libvirt.libvirtError:
        if not domain.connect().isAlive():
            raise
        return None
    kinds = {libvirt.VIR_IP_ADDR_TYPE_IPV4: "ipv4", libvirt.VIR_IP_ADDR_TYPE_IPV6: "ipv6"}
    return [
        {
            "name": name,
            "hardware-address": link.get("hwaddr") or "",
            "ip-addresses": [
                {"ip-address": each["addr"], "ip-address-type": kinds[each["type"]], "prefix": each["prefix"]}
                for each in link.get("addrs") or ()
            ],
        }
        for name, link in links.items()
    ]


@contextmanager
def _patience(domain: libvirt.virDomain, timeout: int) -> Iterator[None]:
    libvirt = libvirt_module()
    with suppress(libvirt.libvirtError):  # a driver that has no agents has no timeout for them
        domain.agentSetResponseTimeout(timeout, 0)
    try:
        yield
    finally:
        with suppress(libvirt.libvirtError):
            domain.agentSetResponseTimeout(libvirt.VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0)
