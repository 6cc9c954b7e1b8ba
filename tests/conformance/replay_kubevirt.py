"""Replay KubeVirt's own answers through the public API: ``replay_kubevirt.py [--strict] [FILE…]``.

The kind of a file is its name without suffixes; without files, the sample in the repository and all answers beside the
checkout are replayed. With ``--strict``, the machines that KubeVirt admits are checked: kvnet may refuse none of them,
and each warning has to be true. Ends with ``N agree, M differ``; exit status 1 if any differ, 2 if there is nothing to
replay.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree
from replays.dhcp import dhcp
from replays.hotplug import hotplug
from replays.instancetypes import instancetypes
from replays.migration import auto_migration, migratable
from replays.multus import multus
from replays.normalised import NORMALISED
from replays.pods import masquerade_nft, podnet_nmstate
from replays.ports import hotplug_ports, pci_hotplug_off
from replays.restart import restart_required
from replays.status import status
from replays.strict import untrue
from replays.trees import tree
from replays.whole_machines import strict_whole_machines, whole_machines

import kvnet
from kvnet.compiler import ordinal_link_names, pod_link_names, queue_capacity, topology, vcpus
from kvnet.defaults import defaulted, with_default_topology
from kvnet.device import Interface
from kvnet.manifest import plain
from kvnet.spec import Machine, Sriov
from kvnet.xml import write

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from recorded import kind_of, lines, recordings

Case = dict[str, Any]
Difference = tuple[str, Any, Any]

_GATES = {
    "passtBinding": "PasstBinding",
    "networkDevicesWithDRA": "NetworkDevicesWithDRA",
    "portRangesSpec": "PortRangesSpec",
}
_SHOWN = 10


def admission_and_devices(case: Case) -> Iterator[Difference]:
    expected, cluster = case["expected"], _cluster(case["config"])
    machine = kvnet.load(case["vmi"])
    problems = kvnet.check(machine, kvnet.Target(cluster=cluster, architecture=case["arch"]))
    refused = any(problem.code == "KN100" for problem in problems)
    yield "defaulted", expected["defaulted"], not refused
    if refused:
        return
    whole = defaulted(machine, kvnet.Target(cluster=cluster, architecture=case["arch"]))
    body = plain(whole)["spec"]
    yield "networks", _bare(expected["networks"] or []), _bare(body.get("networks", []))
    yield "interfaces", _bare(expected["interfaces"] or []), _bare(body["domain"]["devices"].get("interfaces", []))
    # the causes of KubeVirt's network validator: rules beside it have codes from KN200
    causes = Counter((str(p.cause), p.field) for p in problems if p.cause and p.code < "KN200")
    yield "causes", Counter((each["reason"], each["field"]) for each in expected["causes"]), causes
    yield "vmQueues", expected["vmQueues"], queue_capacity(whole)
    yield "podInterfaceNames", expected["podInterfaceNames"], pod_link_names(whole)
    yield "ordinalPodInterfaceNames", expected["ordinalPodInterfaceNames"], ordinal_link_names(whole)
    if not expected["causes"]:
        yield from _devices(case, machine, whole, cluster)


def strict_admission(case: Case) -> Iterator[Difference]:
    expected = case["expected"]
    if expected["defaulted"] and not expected["causes"]:
        target = kvnet.Target(cluster=_cluster(case["config"]), architecture=case["arch"])
        problems = kvnet.check(kvnet.load(case["vmi"]), target)
        # only the network validator was asked
        yield from untrue(case, tuple(each for each in problems if not each.cause or each.code < "KN200"))


def _cluster(config: dict[str, Any]) -> kvnet.ClusterConfig:
    return kvnet.ClusterConfig(
        feature_gates=frozenset(gate for key, gate in _GATES.items() if config[key]),
        disabled_feature_gates=frozenset(gate for key, gate in _GATES.items() if not config[key]),
        default_network_interface=config["defaultNetworkInterface"],
        permit_bridge_on_pod_network=config["permitBridgeInterfaceOnPodNetwork"],
    )


def _devices(case: Case, machine: Machine, whole: Machine, cluster: kvnet.ClusterConfig) -> Iterator[Difference]:
    expected = case["expected"]
    compiled = kvnet.compile(machine, kvnet.Target(facts=kvnet.load_facts(_facts(case)), cluster=cluster))
    sriov = {each.name for each in whole.interfaces if isinstance(each.binding, Sriov)}
    for nics, xml, error in (
        ([nic for nic in compiled.nics if nic.name not in sriov], "interfaceXML", "interfaceError"),
        ([nic for nic in compiled.nics if nic.name in sriov], "hostdevXML", "hostdevError"),
    ):
        if xml == "hostdevXML" and "networkInfo" not in case:
            continue
        failed = any(nic.problems for nic in nics)
        yield error, bool(expected.get(error)), failed
        if not failed:
            made = [tree(etree.fromstring(write(nic.device))) for nic in nics if nic.device is not None]
            yield xml, [tree(etree.fromstring(each)) for each in expected.get(xml) or ()], made


def _facts(case: Case) -> dict[str, Any]:
    facts = {"architecture": case["arch"], "links": case["podLinks"], "bindingPlugins": case["bindingPlugins"]}
    facts |= {"launchSecurity": "sev"} if case["launchSecuritySEV"] else {}
    return facts | ({"networkInfo": case["networkInfo"]} if "networkInfo" in case else {})


def _bare(value: Any) -> Any:
    """Without what counts for nothing: null, empty lists and mappings' absent members, empty text."""
    if isinstance(value, dict):
        kept = {key: _bare(each) for key, each in value.items() if each not in (None, [], "")}
        return {key: each for key, each in kept.items() if each not in (None, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def vcpu(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    config, arch = given.get("clusterConfig") or {}, given["arch"]
    live = config.get("liveUpdateConfiguration") or {}
    cluster = kvnet.ClusterConfig(
        cpu_model=config.get("cpuModel"),
        cpu_request=config.get("cpuRequest"),
        vm_rollout_strategy=config.get("vmRolloutStrategy"),
        max_cpu_sockets=live.get("maxCpuSockets"),
        max_hotplug_ratio=live.get("maxHotplugRatio"),
    )
    machine = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"} | given["vmi"])
    stages = {
        "undefaulted": machine,
        "topologyDefaulted": with_default_topology(machine),
        "fullyDefaulted": defaulted(machine, kvnet.Target(cluster=cluster, architecture=arch)),
    }
    for stage, whole in stages.items():
        shape, wanted = topology(whole), expected[stage]
        made = {"sockets": shape.sockets, "cores": shape.cores, "threads": shape.threads}
        yield f"{stage}.topology", wanted["topology"], made
        yield f"{stage}.vcpus", wanted["vcpus"], vcpus(shape)
        yield f"{stage}.queueCapacity", wanted["queueCapacity"], queue_capacity(whole)
    if expected["domain"] is None:
        return
    compiled = kvnet.compile(machine, kvnet.Target(facts=kvnet.HostFacts(architecture=arch), cluster=cluster))
    made_queues = [
        {
            "name": nic.name,
            "model": nic.device.model,
            "driver": nic.device.driver and nic.device.driver.name,
            "queues": nic.device.driver and nic.device.driver.queues,
        }
        for nic in compiled.nics
        if isinstance(nic.device, Interface)
    ]
    wanted_queues = [{"driver": None} | each for each in expected["domain"].get("interfaceQueues") or ()]
    yield "interfaceQueues", wanted_queues, made_queues


KINDS: dict[str, Callable[[Case], Iterator[Difference]]] = {
    "admission-and-devices": admission_and_devices,
    "hotplug": hotplug,
    "hotplug-ports": hotplug_ports,
    "pci-hotplug-off": pci_hotplug_off,
    "vcpu": vcpu,
    "status": status,
    "restart-required": restart_required,
    "migratable": migratable,
    "auto-migration": auto_migration,
    "whole-machines": whole_machines,
    "instancetypes": instancetypes,
    "masquerade-nft": masquerade_nft,
    "podnet-nmstate": podnet_nmstate,
    "dhcp": dhcp,
    "multus": multus,
}
STRICT: dict[str, Callable[[Case], Iterator[Difference]]] = {
    "admission-and-devices": strict_admission,
    "whole-machines": strict_whole_machines,
}
"""The kinds that say which machines KubeVirt admits."""


def replay(
    path: Path, kinds: dict[str, Callable[[Case], Iterator[Difference]]]
) -> Iterator[tuple[str, list[Difference]]]:
    """Each case of a file: its id, and what differs."""
    differences = kinds[kind_of(path)]
    for line in lines(path):
        case = json.loads(line)
        yield case["id"], [each for each in differences(case) if each[1] != each[2]]


def main(arguments: list[str]) -> int:
    kinds = STRICT if "--strict" in arguments else KINDS
    files = [Path(each) for each in arguments if each != "--strict"] or recordings(*kinds)
    strange = [path for path in files if kind_of(path) not in kinds]
    if strange or not files:
        told = f"{strange[0]}: no replay for this kind" if strange else "there are no recorded answers to replay"
        print(f"{told}; there are {', '.join(kinds)}", file=sys.stderr)
        return 2
    agree = differ = 0
    for path in files:
        for name, differences in replay(path, kinds):
            agree += not differences
            differ += bool(differences)
            if differences and differ <= _SHOWN:
                what, wanted, made = differences[0]
                print(f"{path.name} {name} {what}\n  KubeVirt: {wanted}\n  kvnet:    {made}")
    for fault, cases in NORMALISED.items():
        print(f"normalised: {fault} ({cases} cases)")
    print(f"{agree} agree, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
