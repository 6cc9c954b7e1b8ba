"""Report the status of a domain's NICs, from the domain and its guest agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kvnet import interface_status
from kvnet.live._libvirt import domain_of, libvirt_module, refused
from kvnet.spec import InterfaceStatus, Machine
from kvnet.target import Profile

if TYPE_CHECKING:
    import libvirt

__all__ = ["agent_report", "status"]


def status(
    machine: Machine,
    connection: libvirt.virConnect,
    *,
    profile: Profile | str = Profile.KUBEVIRT,
    name: str | None = None,
    multus: Any = None,
    pod_ips: Any = None,
    timeout: int = 5,
) -> tuple[InterfaceStatus, ...]:
    """The ``status.interfaces`` of a machine from its domain now, as ``kvnet.status`` gives it.

    ``name`` is the domain's, else ``domain_name`` of the machine for ``profile``. ``multus`` and ``pod_ips`` are those
    of ``kvnet.status``. The guest agent has ``timeout`` seconds to answer; without an agent, the status has what the
    domain says. For a domain that does not run, it is what the machine's own status says.

    Raises LibvirtError where there is no such domain, or libvirt cannot describe it, and what ``kvnet.status`` raises.
    """
    try:
        domain = domain_of(connection, machine, Profile(profile), name)
        text = domain.XMLDesc() if domain.isActive() else None
        report = None if text is None else agent_report(domain, timeout=timeout)
    except libvirt_module().libvirtError as error:
        raise refused(error) from error
    return interface_status.status(machine, text, report, multus, pod_ips=pod_ips)


def agent_report(domain: libvirt.virDomain, *, timeout: int = 5) -> list[dict[str, Any]] | None:
    """The guest's links, in the form of the guest agent's command guest-network-get-interfaces.

    Returns ``None`` where there is no agent, or it does not answer within ``timeout`` seconds. Afterwards libvirt waits
    for the agent without limit again, which is its default. Raises libvirtError where the connection is lost.
    """
    libvirt = libvirt_module()
    try:
        with _agent_timeout(domain, timeout):
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
def _agent_timeout(domain: libvirt.virDomain, timeout: int) -> Iterator[None]:
    libvirt = libvirt_module()
    with suppress(libvirt.libvirtError):  # a driver without agents has no timeout for them
        domain.agentSetResponseTimeout(timeout, 0)
    try:
        yield
    finally:
        with suppress(libvirt.libvirtError):
            domain.agentSetResponseTimeout(libvirt.VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0)
