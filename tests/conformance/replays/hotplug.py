"""What KubeVirt attaches to a running machine, detaches from it and updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve
from lxml import etree

import kvnet
from kvnet.compiler import found_links
from kvnet.facts import PodLink
from kvnet.hotplug import Action, HotplugPolicy, Plan, networks_to_set_up, plan_changes, plan_virtual_functions
from kvnet.spec import Machine
from kvnet.values import MacAddress
from replays.normalised import normalised
from replays.trees import tree

__all__ = ["hotplug"]

Case = dict[str, Any]
Difference = tuple[str, Any, Any]

_CALLS = {Action.ATTACH: "attach", Action.DETACH: "detach", Action.UPDATE_LINK: "update"}
_LOWER_CASED = "lower-cased XML"
_SORTED = "attach group sorted by text"


def hotplug(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"} | given["vmi"])
    facts = _facts(given, machine)
    plan = plan_changes(given["currentDomainXML"], machine, kvnet.Target(facts=facts), policy=HotplugPolicy.KUBEVIRT)
    done, failed = _executed(plan, given.get("libvirtFailsOn") or "")
    unmade = any(problem.is_error and problem.code < "KN400" for problem in plan.problems)
    yield "convertError", bool(expected.get("convertError")), unmade
    yield "error", bool(expected.get("error")), failed or any(problem.code == "KN850" for problem in plan.problems)
    wanted = [(each["op"], each["xml"]) for each in expected.get("calls") or ()]
    yield "calls", *_evened_out(wanted, done)
    yield "podNetworkSetupNetworks", expected.get("podNetworkSetupNetworks") or [], list(networks_to_set_up(machine))
    if given.get("networkInfo") is not None:
        functions = plan_virtual_functions(given["currentDomainXML"], machine, kvnet.Target(facts=facts))
        yield "sriovError", bool(expected.get("sriovError")), bool(functions.problems)
        attached = [tree(etree.fromstring(each)) for each in expected.get("sriovAttachXML") or ()]
        yield "sriovAttachXML", attached, [tree(etree.fromstring(step.xml)) for step in functions.steps]


def _facts(given: Case, machine: Machine) -> kvnet.HostFacts:
    present = {
        each["name"]: PodLink(name=each["name"], mac=MacAddress.parse(each["mac"]), mtu=each["mtu"])
        for each in given.get("podLinks") or ()
    }
    known = {"architecture": given["arch"], "bindingPlugins": given["bindingPlugins"]}
    info = given.get("networkInfo")
    facts = kvnet.load_facts(known | ({} if info is None else {"networkInfo": info}))
    return evolve(facts, links=found_links(machine, present))


def _executed(plan: Plan, failing: str) -> tuple[list[tuple[str, str]], bool]:
    """The calls that a libvirt takes which fails at every call of one kind; and whether one failed."""
    done: list[tuple[str, str]] = []
    for step in plan.steps:
        if _CALLS[step.action] == failing:
            return done, True
        done.append((_CALLS[step.action], step.xml))
    return done, False


def _evened_out(wanted: list[tuple[str, str]], made: list[tuple[str, str]]) -> tuple[Any, Any]:
    """Both lists of calls as trees, kvnet's in KubeVirt's letter case and order of attachments."""
    theirs, ours = _trees(wanted), _trees(made)
    lowered = _trees([(call, xml.lower()) for call, xml in made])
    if lowered != ours:
        normalised(_LOWER_CASED)
    attached = [each for each in lowered if each[0] == "attach"]
    recorded = sorted(attached, key=repr)
    if sorted(theirs[: len(attached)], key=repr) == recorded and theirs[: len(attached)] != attached:
        normalised(_SORTED)
        lowered[: len(attached)] = theirs[: len(attached)]
    return theirs, lowered


def _trees(calls: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    return [(call, tree(etree.fromstring(xml))) for call, xml in calls]
