"""The status of a running machine's NICs, as KubeVirt reports it."""

from __future__ import annotations

from typing import Any

import attrs

from kvnet.domain.read import read_domain
from kvnet.running.agent import agent_nics
from kvnet.running.controller import controller_status
from kvnet.running.handler import handler_status
from kvnet.running.pod_status import pod_addresses, pod_networks
from kvnet.running.reported import reported
from kvnet.spec import InterfaceStatus, Machine, Status

__all__ = ["status"]


def status(
    vmi: Machine,
    domain_xml: str | bytes | None,
    guest_agent: Any = None,
    multus: Any = None,
    *,
    pod_ips: Any = None,
) -> tuple[InterfaceStatus, ...]:
    """``status.interfaces`` of a machine, from its last status and what can be seen of it now.

    ``domain_xml`` is the live domain, or ``None`` where there is none: then what was reported of it stays.
    ``guest_agent`` is what QEMU's guest-network-get-interfaces returns, ``multus`` the pod's network-status, and
    ``pod_ips`` the pod's own addresses, ``{network: {podIP: …, podIPs: […]}}``: plain data, ``None`` where it is
    not known. Without ``multus`` this is virt-handler's pass alone. With it virt-controller's pass follows, and then
    virt-handler's again, each on the other's result: there the two, which go by turns, come to rest, and the
    order is virt-handler's. A status that is reported once more with nothing new to see stays the same.

    Raises XmlError for a domain that cannot be read, and Rejected for plain data of another shape.
    """
    agent, networks, addresses = agent_nics(guest_agent), pod_networks(multus), pod_addresses(pod_ips)
    devices = None if domain_xml is None else read_domain(domain_xml, lossless=True)

    def handled(machine: Machine) -> tuple[InterfaceStatus, ...]:
        return reported(machine) if devices is None else handler_status(machine, devices, agent, addresses)

    if multus is not None:
        vmi = _reporting(vmi, controller_status(_reporting(vmi, handled(vmi)), networks))
    return handled(vmi)


def _reporting(vmi: Machine, interfaces: tuple[InterfaceStatus, ...]) -> Machine:
    return attrs.evolve(vmi, status=attrs.evolve(vmi.status or Status(), interfaces=interfaces))
