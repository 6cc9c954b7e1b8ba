"""Whole machines: the API server's schema, defaulting, every admitter and the converter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
from lxml import etree

import kvnet
from kvnet.compiler import ordinal_link_names, pod_link_names, queue_capacity, topology, vcpus
from kvnet.defaults import defaulted
from kvnet.manifest import plain
from kvnet.rules.bindings import REMOVED_BINDING_CODES
from kvnet.spec import Machine, Sriov
from kvnet.target import architecture_of
from kvnet.xml import write
from replays.case import Case, Difference
from replays.strict import untrue
from replays.trees import tree

__all__ = ["strict_whole_machines", "whole_machines"]

_OTHER_SUBJECTS = re.compile(
    r"spec\.(?:HostDevices|GPUs|domain\.(?:memory|machine|ioThreads|firmware|features)\b.*"
    r"|domain\.resources\.(?:limits|requests)\.memory|domain\.cpu\.(?:dedicatedCpuPlacement|model|numa|features)\b.*"
    r"|domain\.devices\.(?:disks|filesystems|inputs|rng|tpm|gpus|hostDevices|autoattachVSOCK)\b.*"
    r"|volumes\[\d+\](?:\.(?!cloudInit).*)?)"
)
"""Fields that speak of storage, memory and other devices, on which kvnet has no rule."""
# what is refused on creation alone is among the causes of networks, and not among all causes
_NETWORK_VALIDATOR = ("KN1", "KN201", "KN202", "KN209")


def whole_machines(case: Case) -> Iterator[Difference]:
    """What differs between KubeVirt's answers on a whole machine and kvnet's."""
    expected = case["expected"]
    try:
        machine = kvnet.load(case["vmi"])
    except kvnet.Rejected:
        yield "refusedBySchema", expected["refusedBySchema"], True
        return
    yield "refusedBySchema", expected["refusedBySchema"], False
    if expected["refusedBySchema"]:
        return
    target = _target(case, machine)
    problems = kvnet.check(machine, target)
    refused = any(problem.code == "KN100" for problem in problems)
    yield "refusedByDefaulting", expected["refusedByDefaulting"], refused
    if expected["refusedByDefaulting"] or refused:
        return
    yield from _causes(expected, problems)
    whole = defaulted(machine, target)
    yield from _defaults(expected, whole, target)
    yield "queues", expected["queues"], queue_capacity(whole)
    fresh = attrs.evolve(whole, status=None)
    yield "podNames", expected["podNames"] or {}, pod_link_names(fresh)
    yield "ordinalNames", expected["ordinalNames"] or {}, ordinal_link_names(fresh)
    if not expected["causes"]:
        yield from _devices(case, machine, target)


def strict_whole_machines(case: Case) -> Iterator[Difference]:
    """What ``kvnet check --strict`` says wrongly of a machine that KubeVirt admits."""
    expected = case["expected"]
    is_judged = not expected["refusedBySchema"] and not expected.get("refusedByDefaulting")
    if is_judged and not expected["causes"] and not expected["allCauses"]:
        machine = kvnet.load(case["vmi"])
        yield from untrue(case, kvnet.check(machine, _target(case, machine)))


def _target(case: Case, machine: Machine) -> kvnet.Target:
    cluster = kvnet.load_cluster({"kind": "KubeVirt", "spec": {"configuration": case["config"]}})
    return kvnet.Target(cluster=cluster, facts=kvnet.load_facts(_facts(case, machine, cluster)))


def _facts(case: Case, machine: Machine, cluster: kvnet.ClusterConfig) -> dict[str, Any]:
    facts: dict[str, Any] = {"links": case.get("podLinks") or {}}
    # the architecture of machines that name none was part of the configuration, and is lost with it
    is_known = case["architectureIsAFact"] if machine.spec.architecture else cluster.in_effect is cluster
    if is_known:
        facts["architecture"] = case["arch"]
    return facts | ({"networkInfo": case["networkInfo"]} if "networkInfo" in case else {})


def _causes(expected: Case, problems: tuple[kvnet.Problem, ...]) -> Iterator[Difference]:
    told = [problem for problem in problems if problem.cause]
    network = Counter((str(each.cause), each.field) for each in told if each.code.startswith(_NETWORK_VALIDATOR))
    yield "causes", Counter(map(tuple, expected["causes"] or ())), network
    others = Counter(tuple(each) for each in expected["allCauses"] or () if not _OTHER_SUBJECTS.fullmatch(each[1]))
    lasting = (each for each in told if each.code not in REMOVED_BINDING_CODES)
    yield "allCauses", others, Counter((str(each.cause), each.field) for each in lasting)


def _defaults(expected: Case, whole: Machine, target: kvnet.Target) -> Iterator[Difference]:
    body = plain(whole)["spec"]
    yield "architecture", expected["architecture"], architecture_of(whole, target)
    yield "networks", _bare(expected["networks"] or []), _bare(body.get("networks", []))
    yield "interfaces", _bare(expected["interfaces"] or []), _bare(body["domain"]["devices"].get("interfaces", []))
    yield "cpu", _bare(expected["cpu"] or {}), _bare(body["domain"].get("cpu", {}))
    yield "vcpus", expected["vcpus"], vcpus(topology(whole))


def _devices(case: Case, machine: Machine, target: kvnet.Target) -> Iterator[Difference]:
    expected = case["expected"]
    nics = kvnet.compile(machine, target).nics
    sriov = {each.name for each in machine.interfaces if isinstance(each.binding, Sriov)}
    halves = {
        "devices": ([nic for nic in nics if nic.name not in sriov], "devicesError"),
        "hostdevs": ([nic for nic in nics if nic.name in sriov], "hostdevError"),
    }
    for name, (half, error) in halves.items():
        if name == "hostdevs" and "networkInfo" not in case:
            continue
        failed = any(nic.problems for nic in half)
        yield error, bool(expected.get(error)), failed
        if not failed:
            made = [tree(etree.fromstring(write(nic.device))) for nic in half if nic.device is not None]
            yield name, [tree(etree.fromstring(each)) for each in expected.get(name) or ()], made


def _bare(value: Any) -> Any:
    """Without what counts for nothing: null, zero, false, and empty text and lists."""
    if isinstance(value, dict):
        kept = {key: _bare(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each not in (None, [], "", 0)}
    return [_bare(each) for each in value] if isinstance(value, list) else value
