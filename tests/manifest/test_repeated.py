"""An object that takes the place of an earlier one is told of, with both places."""

from __future__ import annotations

import pytest

import kvnet
from kvnet.device import BridgeSource

NAD = (
    'kind: NetworkAttachmentDefinition\nmetadata: {name: lan%s}\nspec: {config: \'{"type": "bridge", "bridge": "%s"}\'}'
)
SIZE = "kind: VirtualMachine%sInstancetype\nmetadata: {name: small%s}\nspec: {cpu: {guest: %s}, memory: {guest: 1Gi}}"
TASTE = "kind: VirtualMachinePreference\nmetadata: {name: linux}\nspec: {cpu: {preferredCPUTopology: %s}}"
CLUSTER = "kind: KubeVirt\nmetadata: {name: %s}\nspec: {configuration: {cpuModel: %s}}"
MACHINE = "kind: VirtualMachineInstance\nmetadata: {name: small}\nspec: {domain: {devices: {%s}}}"

REPEATED = {
    "a NAD": (NAD % ("", "br0"), NAD % ("", "br1"), "NetworkAttachmentDefinition 'default/lan'"),
    "of the same namespace": (NAD % (", namespace: default", "br0"), NAD % ("", "br1"), "'default/lan'"),
    "an instancetype": (SIZE % ("", "", 1), SIZE % ("", "", 2), "VirtualMachineInstancetype 'default/small'"),
    "of the cluster": (SIZE % ("Cluster", "", 1), SIZE % ("Cluster", "", 2), "ClusterInstancetype 'small'"),
    "a preference": (TASTE % "preferCores", TASTE % "preferSockets", "VirtualMachinePreference 'default/linux'"),
    "the KubeVirt object": (CLUSTER % ("a", "Haswell"), CLUSTER % ("b", "EPYC"), "this KubeVirt object takes"),
}
ALONE = {
    "the same again": (NAD % ("", "br0"), NAD % ("", "br0")),
    "of another namespace": (NAD % ("", "br0"), NAD % (", namespace: b", "br1")),
    "of another kind": (SIZE % ("", "", 1), SIZE % ("Cluster", "", 2)),
    "of another name": (SIZE % ("", "", 1), SIZE % ("", "er", 2)),
    "machines": (MACHINE % "", MACHINE % "disableHotplug: true"),
}


@pytest.mark.parametrize(("first", "again", "named"), REPEATED.values(), ids=REPEATED)
def test_an_object_that_replaces_another_one_is_told_of_with_both_places(first: str, again: str, named: str) -> None:
    (problem,) = kvnet.loads_all(f"{first}\n---\n{again}", name="all.yaml").repeated
    assert (problem.code, problem.severity) == ("KN018", "warning")
    assert named in problem.message
    assert "(all.yaml:2:" in problem.message
    assert str(problem.place).startswith("all.yaml:6:")


@pytest.mark.parametrize(("first", "again"), ALONE.values(), ids=ALONE)
def test_objects_that_do_not_contradict_each_other_are_not_told_of(first: str, again: str) -> None:
    assert kvnet.loads_all(f"{first}\n---\n{again}").repeated == ()


def test_the_third_of_three_replaces_the_second() -> None:
    told = kvnet.loads_all("\n---\n".join(NAD % ("", f"br{n}") for n in range(3)), name="all.yaml").repeated
    assert ["(all.yaml:2:" in told[0].message, "(all.yaml:6:" in told[1].message] == [True, True]


def test_objects_that_were_made_in_python_have_no_place() -> None:
    nads = [
        {
            "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "lan"},
            "spec": {"config": f'{{"type": "{each}"}}'},
        }
        for each in ("bridge", "macvlan")
    ]
    (problem,) = kvnet.load_all(nads).repeated
    assert (problem.place, problem.message.endswith("something else")) == (None, True)


@pytest.mark.parametrize("namespaces", [("", ""), (", namespace: default", ""), ("", ", namespace: default")])
def test_of_several_nads_the_one_that_takes_the_place_of_the_others_is_compiled(namespaces: tuple[str, str]) -> None:
    nads = [NAD % (namespace, f"br{n}") for n, namespace in enumerate(namespaces)]
    machine = (
        "kind: VirtualMachineInstance\nmetadata: {name: a}\n"
        "spec: {domain: {devices: {interfaces: [{name: a, bridge: {}}]}},\n"
        "  networks: [{name: a, multus: {networkName: lan}}]}"
    )
    manifest = kvnet.loads_all("\n---\n".join([machine, *nads]))
    (device,) = kvnet.compile(manifest.machines[0], manifest.target(profile="host")).devices
    assert device.source == BridgeSource(bridge="br1")
