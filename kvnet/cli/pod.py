"""``kvnet pod``."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FINDINGS
from kvnet.cli.formats import WRITERS, write_each
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import Problem
from kvnet.manifest.binder import plain
from kvnet.pipeline import placed
from kvnet.pod import (
    BridgeLease,
    BridgeLink,
    DesiredLink,
    DummyLink,
    Phase,
    PodFound,
    PodLinks,
    PodNat,
    RenamedLink,
    TapLink,
    assumed_found,
    assumption,
    load_found,
    pod_links,
    pod_nat,
)
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["FORMATS", "run"]


@frozen(kw_only=True)
class _Plan:
    """What the pod of one machine needs, and the notes on it."""

    name: str
    links: PodLinks
    nat: PodNat
    notes: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(dict.fromkeys((*self.notes, *self.links.problems, *self.nat.problems)))


def run(arguments: Namespace, report: Report) -> int:
    """Print what the pod of each machine needs. Returns 1 where any of it cannot be planned."""
    machines, target = inputs.read(arguments, report)
    inputs.admit(machines, target, report)
    found = None if arguments.found is None else load_found(inputs.named_file(arguments.found))
    plans = [_plan(machine, target, found, Phase(arguments.phase)) for machine in machines]
    problems = [placed(machine.origin, plan.problems) for machine, plan in zip(machines, plans, strict=True)]
    if arguments.output in WRITERS:
        described = [_described(plan, told) for plan, told in zip(plans, problems, strict=True)]
        write_each(described, arguments.output, machines=len(machines))
    else:
        print(end=FORMATS[arguments.output](plans))
    for told in problems:
        report.problems(told)
    return FINDINGS if any(each.is_error for told in problems for each in told) else CLEAN


def _plan(machine: Machine, target: Target, given: PodFound | None, phase: Phase) -> _Plan:
    found = assumed_found(machine, target) if given is None else given
    return _Plan(
        name=domain_name(machine, target.profile),
        links=pod_links(machine, target, found, phase=phase),
        nat=pod_nat(machine, target, found, phase=phase),
        notes=() if given is not None else (assumption(machine, found),),
    )


def _text(plans: Sequence[_Plan]) -> str:
    """A line for each thing that is to be there, in the order in which it is made."""
    return "".join(f"{plan.name}: {line}\n" for plan in plans for line in _lines(plan))


def _lines(plan: _Plan) -> Iterator[str]:
    yield from (f"{'remove' if _is_absent(each) else 'link'} {each.name}: {_told(each)}" for each in plan.links.links)
    yield from (f"sysctl {each}" for each in plan.links.sysctls)
    yield from (f"lease of {name}: {_told_lease(lease)}" for name, lease in plan.links.leases.items())
    for network, addresses in plan.links.pod_ips.items():
        yield f"pod IPs of {network}: {', '.join(map(str, addresses))}"
    yield from map(shlex.join, plan.nat.commands)


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
    routes = (f"route {each.destination or 'default'} by {each.gateway or 'the link'}" for each in lease.routes)
    gateway = f"gateway {lease.gateway}" if lease.gateway else ""
    return ", ".join(filter(None, (f"{lease.address} for {lease.mac or 'any MAC'}", gateway, *routes)))


def _is_absent(link: DesiredLink) -> bool:
    return not isinstance(link, RenamedLink) and link.is_absent


def _nft(plans: Sequence[_Plan]) -> str:
    """The rulesets for ``nft -f``; of several machines, each after a comment with its name."""
    if len(plans) == 1:
        return plans[0].nat.text
    return "\n".join(f"# {plan.name}\n{plan.nat.text}" for plan in plans)


FORMATS: Final[Mapping[str, Callable[[Sequence[_Plan]], str]]] = {"text": _text, "nft": _nft}
"""For each format that only this command has, the function that writes it."""


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
        "problems": [each.as_dict() for each in problems],
    }


_KINDS: Final[Mapping[type, str]] = {BridgeLink: "bridge", TapLink: "tap", RenamedLink: "renamed", DummyLink: "dummy"}


def _described_link(link: DesiredLink) -> dict[str, Any]:
    return {"kind": _KINDS[type(link)], **plain(link)}
