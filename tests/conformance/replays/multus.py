"""The annotations of a machine's pod, and the names of its links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import evolve

import kvnet
from kvnet.compiler import ordinal_link_names, pod_link_names
from kvnet.compiler.pod import is_ordinal, link_names_in_use, pod_link_name
from kvnet.interface_status.sources import primary_link
from kvnet.lifecycle.restart import may_have_ordinal_links
from kvnet.pod import PodAnnotations, migration_target_annotations, pod_annotations, updated_annotations
from replays.case import Case, Difference, network_status, running

__all__ = ["multus"]

_NETWORKS = "k8s.v1.cni.cncf.io/networks"


def multus(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine, annotations = running(given["vmi"]), given.get("podAnnotations") or {}
    target = _target(given)
    seen = [each.interface for each in target.facts.pod_networks or ()]
    yield from _annotations("newPod", expected, pod_annotations(machine, target))
    yield from _annotations("migrationTargetFromSource", expected, migration_target_annotations(machine, target))
    updated = updated_annotations(machine, target, networks=annotations.get(_NETWORKS, ""))
    yield "activePodUpdate", _parsed(expected["activePodUpdate"]["annotations"]), _parsed(updated.texts)
    unreported = evolve(machine, status=None)
    yield "hashedNames", expected["hashedNames"], pod_link_names(unreported)
    yield "ordinalNames", expected["ordinalNames"], ordinal_link_names(unreported)
    yield "podInterfaceNames", expected["podInterfaceNames"], link_names_in_use(unreported, seen)
    named = {each.name: pod_link_name(machine, each) for each in machine.networks}
    yield "podInterfaceNameWithStatus", expected["podInterfaceNameWithStatus"], named
    yield "primaryPodInterface", expected["primaryPodInterface"], primary_link(target.facts.pod_networks or ()) or ""
    yield "podHasOrdinalNames", expected["podHasOrdinalNames"], is_ordinal(seen)
    yield "hasOrdinalSecondaryIfaces", expected["hasOrdinalSecondaryIfaces"], may_have_ordinal_links(machine)


def _target(given: Case) -> kvnet.Target:
    gates = {"PodSecondaryInterfaceNamingUpgrade"}
    is_on = given["podSecondaryInterfaceNamingUpgrade"]
    configuration = {"developerConfiguration": {"featureGates" if is_on else "disabledFeatureGates": sorted(gates)}}
    configuration["network"] = {"binding": given["bindingPlugins"]}
    cluster = kvnet.load_cluster({"kind": "KubeVirt", "spec": {"configuration": configuration}})
    facts = kvnet.load_facts({"networkStatus": network_status(given.get("podAnnotations"))})
    return kvnet.Target(cluster=cluster, facts=facts)


def _annotations(kind: str, expected: Case, made: PodAnnotations) -> Iterator[Difference]:
    wanted = expected[kind]
    # where KubeVirt panics, for a network has no interface, kvnet has a problem
    yield f"{kind}.error", bool(wanted.get("error") or wanted.get("panic")), bool(made.problems)
    yield kind, _parsed(wanted.get("annotations")), _parsed(made.texts)


def _parsed(annotations: dict[str, str] | None) -> dict[str, Any]:
    return {key: _value(text) for key, text in (annotations or {}).items()}


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in ("[", "{") else text
