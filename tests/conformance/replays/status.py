"""``status.interfaces``, by virt-handler and by virt-controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kvnet.domain.read import read_domain
from kvnet.interface_status import (
    AgentNic,
    agent_nics,
    pod_addresses,
    pod_networks,
    status_interfaces,
    virt_controller_status,
    virt_handler_status,
)
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import InterfaceStatus
from replays.case import Case, Difference, bare, network_status, running


def status(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine = running(given["vmi"])
    # without a domain there is nobody to ask the agent
    agent = agent_nics(None if given["noDomain"] else given["guestAgent"])
    yield "guestInterfaces", bare(expected["guestInterfaces"] or []), bare([_plain_nic(nic) for nic in agent])
    seen = status_interfaces(machine)
    if not given["noDomain"]:
        devices = read_domain(given["domainXML"], lossless=True)
        seen = virt_handler_status(machine, devices, agent, pod_addresses(given["podInterfaceCache"]))
    yield "handlerStatus", bare(expected["handlerStatus"] or []), _plain(seen)
    networks = pod_networks(network_status(given["podAnnotations"]))
    yield (
        "controllerStatus",
        bare(expected["controllerStatus"] or []),
        _plain(virt_controller_status(machine, networks)),
    )


def _plain(entries: Iterable[InterfaceStatus]) -> Any:
    return bare([unstructure(entry) for entry in entries])


def _plain_nic(nic: AgentNic) -> Any:
    return {"mac": nic.mac, "ip": nic.ip, "ips": list(nic.ips), "interfaceName": nic.name}
