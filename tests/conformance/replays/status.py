"""``status.interfaces``, by virt-handler and by virt-controller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kvnet.domain.read import read_domain
from kvnet.manifest.binder import plain as unstructure
from kvnet.running import controller_status, handler_status
from kvnet.running.agent import AgentNic, agent_nics
from kvnet.running.pod_status import pod_addresses, pod_networks
from kvnet.running.reported import reported
from kvnet.spec import InterfaceStatus
from replays.case import Case, Difference, bare, network_status, running


def status(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    vmi = running(given["vmi"])
    # without a domain there is nobody to ask the agent
    agent = agent_nics(None if given["noDomain"] else given["guestAgent"])
    yield "guestInterfaces", bare(expected["guestInterfaces"] or []), bare([_plain_nic(nic) for nic in agent])
    seen = reported(vmi)
    if not given["noDomain"]:
        devices = read_domain(given["domainXML"], lossless=True)
        seen = handler_status(vmi, devices, agent, pod_addresses(given["podInterfaceCache"]))
    yield "handlerStatus", bare(expected["handlerStatus"] or []), _plain(seen)
    networks = pod_networks(network_status(given["podAnnotations"]))
    yield "controllerStatus", bare(expected["controllerStatus"] or []), _plain(controller_status(vmi, networks))


def _plain(entries: Iterable[InterfaceStatus]) -> Any:
    return bare([unstructure(entry) for entry in entries])


def _plain_nic(nic: AgentNic) -> Any:
    return {"mac": nic.mac, "ip": nic.ip, "ips": list(nic.ips), "interfaceName": nic.name}
