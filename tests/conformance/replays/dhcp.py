"""What the DHCP servers of a machine's pod are, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import Any

from attrs import evolve

from kvnet.pod import DhcpServer, PodDhcp, answer, answer_v6, pod_dhcp
from kvnet.pod.found import BridgeLease, FoundLink, LeaseRoute, PodFound
from kvnet.spec import InterfaceStatus, Machine, Status
from kvnet.values import MacAddress
from replays.case import Case, Difference, running

__all__ = ["dhcp"]


def dhcp(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    plan = pod_dhcp(_machine(given), found=_found(given))
    served = plan.server(given["network"])
    has_server = not expected.get("generateError") and not expected.get("noServerReason")
    yield "has a server", has_server, served is not None
    yield "generateError", bool(expected.get("generateError")), _is_refused(plan, given)
    if served is not None:
        yield from _server(given, expected, served)


def _server(given: Case, expected: Case, served: DhcpServer) -> Iterator[Difference]:
    config = expected["config"]
    yield "serverInterface", expected["serverInterface"], served.bridge
    for wanted, made in (
        ("name", served.link),
        ("ip", served.address),
        ("mac", served.mac),
        ("advertisingIP", served.server),
        ("gateway", served.gateway),
        ("mtu", served.mtu),
        ("advertisingIPv6", served.server6),
    ):
        yield wanted, str(config[wanted]), "" if made is None else str(made)
    yield "ipv6", config["ipv6"].partition("/")[0], str(served.address6.ip) if served.address6 else ""
    yield "routes", config["routes"] or [], [_plain_route(each) for each in served.routes]
    yield "nameservers4", expected["nameservers4"] or [], [str(each) for each in served.nameservers]
    yield "nameservers6", expected["nameservers6"] or [], [str(each) for each in served.nameservers6]
    yield "searchDomains", expected["searchDomains"] or [], list(served.search_domains)
    yield "servesV4", expected["servesV4"], served.address is not None
    yield "servesV6", expected["servesV6"], served.address6 is not None
    yield "optionsError", bool(expected.get("optionsError")), served.is_refused
    if not served.is_refused:
        yield "options", expected["options"] or {}, {str(code): value.hex() for code, value in served.options}
        asked = zip(given["requests"], expected["replies"] or (), strict=False)
        yield "replies", expected["replies"] or [], [_reply(served, request) for request, _ in asked]
        for reply in expected["replies6"] or ():
            made6 = answer_v6(served, bytes.fromhex(reply["requestHex"]))
            yield "replies6", reply.get("responseHex"), made6.hex() if made6 is not None else None


def _machine(given: Case) -> Machine:
    """The machine, with the pod link of its primary network as its status reports it."""
    machine = running(given["vmi"])
    secondary = {each.name for each in machine.networks if each.is_secondary}
    if given["network"] in secondary:
        return machine
    entry = InterfaceStatus(name=given["network"], pod_interface_name=given["podInterface"])
    return evolve(machine, status=Status(interfaces=(entry,)))


def _found(given: Case) -> PodFound:
    links = tuple(
        FoundLink(
            name=name,
            mac=MacAddress.parse(link["mac"]),
            mtu=link["mtu"],
            ipv4=tuple(map(IPv4Interface, link["ipv4"])),
            ipv6=tuple(map(IPv6Interface, link["ipv6"])),
        )
        for name, link in given["links"].items()
    )
    cache = given["cache"]
    leases = {} if cache is None else {given["podInterface"]: _lease(cache)}
    return PodFound(links=links, leases=leases, hostname=given["hostname"], resolv_conf=given["resolvConf"])


def _lease(cache: Case) -> BridgeLease:
    return BridgeLease(
        ipam_disabled=cache["ipamDisabled"],
        address=IPv4Interface(cache["ip"]) if cache["ip"] else None,
        mac=MacAddress.parse(cache["mac"]) if cache["mac"] else None,
        gateway=IPv4Address(cache["gateway"]) if cache["gateway"] else None,
        routes=tuple(
            LeaseRoute(
                destination=None if route["dst"] == "default" else IPv4Network(route["dst"], strict=False),
                gateway=IPv4Address(route["gw"]) if route["gw"] else None,
            )
            for route in cache["routes"] or ()
        ),
    )


def _plain_route(route: LeaseRoute) -> dict[str, str]:
    return {"dst": str(route.destination or "default"), "gw": str(route.gateway or "")}


def _is_refused(plan: PodDhcp, given: Case) -> bool:
    """Whether the NIC in question is refused; nothing is known of the others' links."""
    names = [each["name"] for each in given["vmi"]["spec"]["domain"]["devices"]["interfaces"]]
    networks = [each["name"] for each in given["vmi"]["spec"]["networks"]]
    at = f"spec.domain.devices.interfaces[{names.index(given['network'])}]"
    of = f"spec.networks[{networks.index(given['network'])}]"
    return any(str(each.at).startswith((at, of)) for each in plan.refusals)


def _reply(served: DhcpServer, request: Case) -> dict[str, Any]:
    made = answer(served, request["type"], MacAddress.parse(request["mac"]))
    if made is None:
        return {"answered": False}
    return {
        "answered": True,
        "type": made.type,
        "yiaddr": str(made.address),
        "serverIdentifier": str(made.server),
        "siaddr": "0.0.0.0",
        "leaseOptionHex": dict(made.options)[51].hex(),
        "optionCount": len(made.options),
    }
