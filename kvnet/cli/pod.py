"""``kvnet pod``."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, FINDINGS, WRITERS, headed_texts, status_of, write_each
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.manifest.binder import plain
from kvnet.manifest.dumping import as_yaml
from kvnet.pipeline import placed
from kvnet.pod import (
    BridgeLease,
    BridgeLink,
    DesiredLink,
    DhcpServer,
    DummyLink,
    LeaseRoute,
    Phase,
    PodAnnotations,
    PodDhcp,
    PodFound,
    PodLinks,
    PodNat,
    RenamedLink,
    TapLink,
    assumed_found,
    assumption,
    check_network_data,
    dnsmasq,
    found_after,
    load_found,
    migration_target_annotations,
    network_data,
    pod_annotations,
    pod_dhcp,
    pod_links,
    pod_nat,
    updated_annotations,
)
from kvnet.pod.dhcp import LEASE_SECONDS
from kvnet.pod.dhcp_options import Code
from kvnet.spec import Machine
from kvnet.target import Target
from kvnet.values import on_one_line

__all__ = ["FORMATS", "cloud_init", "run"]


@frozen(kw_only=True)
class _Plan:
    """What the pod of one machine needs, and the notes on it."""

    name: str
    links: PodLinks
    nat: PodNat
    dhcp: PodDhcp
    annotations: tuple[PodAnnotations, ...]
    notes: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        of_annotations = (problem for each in self.annotations for problem in each.problems)
        return (*self.notes, *self.links.problems, *self.nat.problems, *self.dhcp.problems, *of_annotations)

    @property
    def texts(self) -> dict[str, str]:
        """The annotations and their texts."""
        return {key: text for each in self.annotations for key, text in each.texts.items()}


_ANNOTATIONS: Final[Mapping[Phase, tuple[Callable[[Machine, Target], PodAnnotations], ...]]] = {
    Phase.STARTUP: (pod_annotations,),
    Phase.LIVE_UPDATE: (updated_annotations,),
    Phase.MIGRATION_TARGET: (pod_annotations, migration_target_annotations),
}
"""For each phase, what gives the annotations that KubeVirt writes; later ones go over earlier ones."""


def run(arguments: Namespace, report: Report) -> int:
    """Print what the pod of each machine needs. Returns 1 where any of it cannot be planned."""
    machines, target = inputs.read(arguments, report)
    inputs.admit(machines, target, report)
    found = None if arguments.found is None else load_found(inputs.named_file(arguments.found))
    plans = [_plan(machine, target, found, Phase(arguments.phase)) for machine in machines]
    write = FORMATS.get(arguments.output, _nothing)
    written = [write(plan) for plan in plans]
    problems = [
        placed(machine.origin, dict.fromkeys((*plan.problems, *unwritten)))
        for machine, plan, (_, unwritten) in zip(machines, plans, written, strict=True)
    ]
    if arguments.output in WRITERS:
        described = [_described(plan, told) for plan, told in zip(plans, problems, strict=True)]
        write_each(described, arguments.output, machines=len(machines))
    elif arguments.output == "text":
        sys.stdout.write("".join(text for text, _ in written))
    else:
        named = [(plan.name, text) for plan, (text, _) in zip(plans, written, strict=True)]
        sys.stdout.write(headed_texts(named, _BETWEEN.get(arguments.output, "\n")))
    for told in problems:
        report.problems(told)
    return FINDINGS if any(each.is_error for told in problems for each in told) else CLEAN


def _plan(machine: Machine, target: Target, given: PodFound | None, phase: Phase) -> _Plan:
    found = assumed_found(machine, target) if given is None else given
    links = pod_links(machine, target, found, phase=phase)
    return _Plan(
        name=domain_name(machine, target.profile),
        links=links,
        nat=pod_nat(machine, target, found, phase=phase),
        # the servers start once the links are made
        dhcp=PodDhcp() if links.problems else pod_dhcp(machine, target, found_after(found, links)),
        annotations=tuple([write(machine, target) for write in _ANNOTATIONS[phase]]),
        notes=() if given is not None else (assumption(machine, found),),
    )


def _text(plan: _Plan) -> _Written:
    """A line for each thing that is to be there, in the order in which it is made."""
    return "".join(f"{on_one_line(f'{plan.name}: {line}')}\n" for line in _lines(plan)), ()


def _lines(plan: _Plan) -> Iterator[str]:
    yield from (f"annotation {key}: {text}" for key, text in plan.texts.items())
    yield from (f"{'remove' if _is_absent(each) else 'link'} {each.name}: {_told(each)}" for each in plan.links.links)
    yield from (f"sysctl {each}" for each in plan.links.sysctls)
    yield from (f"lease of {name}: {_told_lease(lease)}" for name, lease in plan.links.leases.items())
    for network, addresses in plan.links.pod_ips.items():
        yield f"pod IPs of {network}: {', '.join(map(str, addresses))}"
    yield from map(shlex.join, plan.nat.commands)
    yield from (f"DHCP on {each.bridge}: {_told_server(each)}" for each in plan.dhcp.servers if not each.is_refused)


def _told(link: DesiredLink) -> str:
    """A link in words."""
    match link:
        case TapLink():
            queues = f"{link.queues or 1} queue{'s' if link.multi_queue else ''}"
            parts = ["tap", f"port of {link.controller}", _mtu(link.mtu), queues, f"owner {link.owner}"]
        case RenamedLink():
            index = "" if link.index is None else f" (index {link.index})"
            parts = [f"the pod's NIC{index}", f"port of {link.controller}", f"MAC of {link.controller}", "no addresses"]
        case BridgeLink() | DummyLink():
            addresses = map(str, (*link.ipv4.addresses, *link.ipv6.addresses))
            kind = "bridge" if isinstance(link, BridgeLink) else "dummy"
            parts = [kind, str(link.mac or ""), _mtu(link.mtu), *addresses]
    return ", ".join(filter(None, parts))


def _mtu(mtu: int | None) -> str:
    return "" if mtu is None else f"MTU {mtu}"


def _told_lease(lease: BridgeLease) -> str:
    if lease.ipam_disabled:
        return "no address, so there is no DHCP"
    routes = (f"route {_told_route(each)}" for each in lease.routes)
    gateway = f"gateway {lease.gateway}" if lease.gateway else ""
    return ", ".join(filter(None, (f"{lease.address} for {lease.mac or 'any MAC'}", gateway, *routes)))


def _told_server(served: DhcpServer) -> str:
    """Who is served what, in words."""
    told = {
        "": served.address and f"{served.address} for {served.mac or 'any MAC'}",
        "from": served.server,
        "gateway": served.gateway,
        "MTU": served.address and served.mtu,
        "IPv6": served.address6 and served.address6.ip,
        "name servers": " ".join(map(str, (*served.nameservers, *served.nameservers6))),
        "search": " ".join(served.search_domains),
    }
    routes = [f"route {_told_route(each)}" for each in served.routes]
    own = [f"option {code} {value.hex()}" for code, value in served.options if code not in _TOLD_OPTIONS]
    return ", ".join([*(f"{word} {value}".strip() for word, value in told.items() if value), *routes, *own])


_TOLD_OPTIONS: Final = frozenset(Code) - {Code.NTP_SERVERS, Code.TFTP_SERVER, Code.BOOT_FILE}
"""The options that are told by their meaning, and the pod's own host name."""


def _told_route(route: LeaseRoute) -> str:
    return f"{route.destination or 'default'} by {route.gateway or 'the link'}"


def _is_absent(link: DesiredLink) -> bool:
    return not isinstance(link, RenamedLink) and link.is_absent


def _nft(plan: _Plan) -> _Written:
    """The ruleset for ``nft -f``."""
    return plan.nat.text, ()


def _dnsmasq(plan: _Plan) -> _Written:
    """A configuration for each server, of several each after a comment, and why there is none for some."""
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for each in plan.dhcp.servers:
        try:
            texts.append((each.bridge, dnsmasq(each)))
        except Rejected as refused:
            problems += refused.problems
    return headed_texts(texts), tuple(problems)


def _annotations(plan: _Plan) -> _Written:
    """The annotations as YAML, to be put below ``metadata``."""
    return as_yaml({"annotations": plan.texts}), ()


def _nothing(_: _Plan) -> _Written:
    """The formats of ``WRITERS`` hold the plans of all machines in one document."""
    return "", ()


_Written = tuple[str, tuple[Problem, ...]]
"""A text, and what could not be written."""
FORMATS: Final[Mapping[str, Callable[[_Plan], _Written]]] = {
    "text": _text,
    "nft": _nft,
    "dnsmasq": _dnsmasq,
    "annotations": _annotations,
}
"""For each format that only this command has, the function that writes the plan of a machine."""
_BETWEEN: Final[Mapping[str, str]] = {"annotations": "---\n"}
"""What parts the plans of several machines, where it is not an empty line."""


def _described(plan: _Plan, problems: Sequence[Problem]) -> dict[str, Any]:
    links = plan.links
    return {
        "name": plan.name,
        "links": {
            "networks": list(links.networks),
            "due": links.is_due,
            "links": [_described_link(each) for each in links.links],
            "sysctls": {each.path: each.value for each in links.sysctls},
            "leases": plain(links.leases),
            "podIPs": {network: [*map(str, addresses)] for network, addresses in links.pod_ips.items()},
            "forgotten": list(links.forgotten),
            "before": plain(links.before),
            "after": plain(links.after),
        },
        "nat": {"commands": [list(each) for each in plan.nat.commands], "ruleset": plan.nat.as_json()},
        "dhcp": [_described_server(each) for each in plan.dhcp.servers],
        "annotations": plan.texts,
        "problems": [each.as_dict() for each in problems],
    }


_KINDS: Final[Mapping[type, str]] = {BridgeLink: "bridge", TapLink: "tap", RenamedLink: "renamed", DummyLink: "dummy"}


def _described_link(link: DesiredLink) -> dict[str, Any]:
    return {"kind": _KINDS[type(link)], **plain(link)}


def _described_server(served: DhcpServer) -> dict[str, Any]:
    options = {str(code): value.hex() for code, value in served.options}
    return {
        **plain(evolve(served, at=FieldPath(), options=(), problems=())),
        "leaseSeconds": LEASE_SECONDS,
        "options": options,
    }


def cloud_init(arguments: Namespace, report: Report) -> int:
    """Print the network data of every machine, or compare it with what the machines have."""
    machines, target = inputs.read(arguments, report)
    if arguments.check:
        found = [problem for machine in machines for problem in check_network_data(machine, target)]
        # what kvnet check only warns of is a difference here
        report.findings(found)
        return status_of(found) or int(any(each.code == "KN923" for each in found))
    made = [network_data(machine, target) for machine in machines]
    errors = [problem for each in made for problem in each.problems]
    if errors:
        raise Rejected(errors)
    report.problems(note for each in made for note in each.notes)
    if arguments.output == "json":
        write_each([each.plain(arguments.version) for each in made], "json", machines=len(made))
    else:
        texts = [each.text(arguments.version) for each in made]
        names = [str(machine.name) for machine in machines]
        sys.stdout.write(headed_texts(list(zip(names, texts, strict=True)), "---\n"))
    return CLEAN
