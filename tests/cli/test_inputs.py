from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from machines import nic, pod, vmi

import kvnet
from kvnet.manifest import plain

Run = Callable[..., "CompletedProcess[bytes]"]

EXAMPLES = Path(__file__).parents[2] / "examples"
POD, BRIDGE = EXAMPLES / "pod.yaml", EXAMPLES / "bridge.yaml"
NAD, MACHINE = BRIDGE.read_text().split("---\n")


def names(ended: CompletedProcess[bytes]) -> list[str]:
    return re.findall("<name>default_(.*)</name>", ended.stdout.decode())


@pytest.mark.parametrize(
    "arguments",
    [[POD, BRIDGE], ["-f", POD, BRIDGE], ["-f", POD, "-f", BRIDGE], ["--filename", POD, "--filename", BRIDGE]],
    ids=["positional", "one option", "two options", "long options"],
)
def test_several_files_are_read_in_their_order(run: Run, arguments: list[str | Path]) -> None:
    ended = run("render", *arguments)
    assert (ended.returncode, names(ended)) == (0, ["pod", "bridge"])


def test_standard_input_takes_its_turn_among_the_files(run: Run) -> None:
    assert names(run("render", BRIDGE, "-", EXAMPLES / "no-network.yaml", stdin=POD.read_bytes())) == [
        "bridge",
        "pod",
        "no-network",
    ]


def test_standard_input_may_be_json(run: Run) -> None:
    told = kvnet.dump(kvnet.load(POD), "json").encode()
    assert run("render", "-", stdin=told).stdout == run("render", POD).stdout


def test_a_directory_gives_its_manifests_by_name_and_no_other_file(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    for n, file in enumerate(("b.yml", "a.yaml", "c.json")):
        data = kvnet.dump(kvnet.loads(POD.read_text().replace("name: pod", f"name: pod-{n}")), "json")
        (folder / file).write_text(data)
    (folder / "notes.txt").write_text("{")
    assert names(run("render", folder)) == ["pod-1", "pod-0", "pod-2"]
    assert names(run("render", "-f", folder, POD)) == ["pod-1", "pod-0", "pod-2", "pod"]


@pytest.mark.parametrize("order", [["nads.yaml", "machine.yaml"], ["machine.yaml", "nads.yaml"]], ids=str)
def test_networks_may_be_defined_in_another_file(run: Run, tmp_path: Path, order: list[str]) -> None:
    (tmp_path / "nads.yaml").write_text(NAD)
    (tmp_path / "machine.yaml").write_text(MACHINE)
    alone = run("render", "machine.yaml", "--profile", "host")
    assert (alone.returncode, alone.stdout) == (1, b"")
    both = run("render", *order, "--profile", "host")
    assert both.returncode == 0
    assert b"<source bridge='br-red'/>" in both.stdout


@pytest.mark.parametrize("output", ["text", "json"])
def test_networks_alone_are_checked_too(run: Run, output: str) -> None:
    sound = run("check", "-", "-q", "-o", output, stdin=NAD.encode())
    assert (sound.returncode, sound.stderr) == (0, b"")
    broken = run("check", "-", "-o", output, stdin=NAD.replace('"type": "bridge",', '"type": "bridge"').encode())
    assert broken.returncode == 1
    told = broken.stderr if output == "text" else broken.stdout
    assert b"KN008" in told


def test_one_machine_of_several_is_chosen_by_name(run: Run) -> None:
    assert names(run("render", POD, BRIDGE, "--name", "bridge")) == ["bridge"]
    refused = run("render", POD, BRIDGE, "--name", "bride")
    assert refused.stderr == b"kvnet: error KN009 no machine is named 'bride'; the machines are: pod, bridge\n"


def test_the_flaws_of_a_machine_that_is_not_chosen_are_no_matter(run: Run) -> None:
    refused = POD.read_text().replace("pod: {}", "multus: {networkName: red}").replace("name: pod", "name: flawed")
    both = f"{refused}---\n{POD.read_text()}".encode()
    assert run("render", "-", stdin=both).returncode == 1
    assert names(run("render", "-", "--name", "pod", stdin=both)) == ["pod"]


def test_each_quiet_drops_a_severity_and_errors_are_kept(run: Run) -> None:
    regrettable = POD.read_text().replace("masquerade: {}", "bridge: {}")
    options: tuple[list[str], ...] = ([], ["-q"], ["-qq"])
    loud, quiet, quietest = (run("render", "-", *option, stdin=regrettable.encode()) for option in options)
    assert b"warning KN906" in loud.stderr
    assert b"note KN310" in loud.stderr
    assert b"warning KN906" in quiet.stderr
    assert b"note" not in quiet.stderr
    assert quietest.stderr == b""
    assert loud.stdout == quiet.stdout == quietest.stdout
    assert b"error KN001" in run("render", "absent.yaml", "-qq").stderr


def test_the_facts_decide_what_the_manifest_leaves_open(run: Run) -> None:
    sriov, facts = EXAMPLES / "sriov.yaml", EXAMPLES / "sriov.facts.yaml"
    assert run("render", sriov).returncode == 1
    ended = run("render", sriov, "--facts", facts, "-o", "json")
    assert ended.returncode == 0
    assert any("<hostdev" in device for device in json.loads(ended.stdout)["devices"])


@pytest.mark.parametrize(
    "arguments",
    [["check", ""], ["check", POD, "--facts", ""], ["check", POD, "--cluster", ""], ["import", ""], ["diff", "", ""]],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_an_empty_name_of_a_file_is_refused_with_what_to_give(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert b"KN001 the path is empty; give the path of a file" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["render", "--profile", "host", "vm.yaml", "a.yaml", "b.yaml"],
        ["check", "--profile", "host", "vm.yaml", "a.yaml", "b.yaml"],
        ["define", "--profile", "host", "vm.yaml", "a.yaml", "b.yaml"],
        ["instancetypes", "vm.yaml", "a.yaml", "b.yaml"],
        ["bulk", "--profile", "host", "-f", "vm.ndjson", "--nads", "a.yaml", "b.yaml"],
        ["bulk", "--profile", "host", "-f", "."],
    ],
    ids=lambda command: command[0],
)
def test_a_network_that_two_files_define_is_told_of(run: Run, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "vm.yaml").write_text(MACHINE)
    (tmp_path / "vm.ndjson").write_text(json.dumps(plain(kvnet.loads(MACHINE))))
    (tmp_path / "a.yaml").write_text(NAD.replace("br-red", "br-blue"))
    (tmp_path / "b.yaml").write_text(NAD)
    told = run(*command).stderr.decode()
    assert re.findall(r"b\.yaml:\d+:\d+: warning (KN018).*\(a\.yaml:\d+:\d+\)", told) == ["KN018"]
    assert "KN018" not in run(*command, "-qq").stderr.decode()


def test_a_file_without_objects_of_the_cluster_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vm.yaml").write_text(MACHINE)
    told = run("check", "vm.yaml", "--cluster", "vm.yaml").stderr
    assert b"KN009 there is no KubeVirt object, no instancetype and no preference in 'vm.yaml'" in told


def test_what_the_cluster_has_counts_more_than_a_manifest_without_further_ado(run: Run, tmp_path: Path) -> None:
    size = "kind: VirtualMachineInstancetype\nmetadata: {name: small}\nspec: {cpu: {guest: %d}, memory: {guest: 1Gi}}"
    for n in (1, 2):
        (tmp_path / f"{n}.yaml").write_text(size % n)
    ended = run("instancetypes", "1.yaml", "--cluster", "2.yaml")
    assert (ended.returncode, ended.stderr) == (0, b"")


def kubevirt(permits: bool) -> str:
    network = {"permitBridgeInterfaceOnPodNetwork": permits}
    return json.dumps({"kind": "KubeVirt", "spec": {"configuration": {"network": network}}})


SIZE = "kind: VirtualMachineInstancetype\nmetadata: {name: small}\nspec: {cpu: {guest: 1}, memory: {guest: 1Gi}}"
CLUSTERS: dict[str, tuple[bool | None, bool | None, bool]] = {
    "none": (None, None, True),
    "by the option alone": (False, None, False),
    "among the manifests alone": (None, False, False),
    "by the option, which counts more": (True, False, True),
    "by the option, which forbids what the other permits": (False, True, False),
}


@pytest.mark.parametrize(("given", "among", "is_admitted"), CLUSTERS.values(), ids=CLUSTERS)
def test_the_clusters_configuration_is_that_of_the_option_else_of_the_manifests(
    given: bool | None, among: bool | None, is_admitted: bool, run: Run, tmp_path: Path
) -> None:
    machine = vmi([nic("a", "bridge")], [pod("a")])
    manifests = [json.dumps(machine), *([] if among is None else [kubevirt(among)])]
    (tmp_path / "vm.yaml").write_text("\n---\n".join(manifests))
    (tmp_path / "cluster.yaml").write_text(SIZE if given is None else kubevirt(given))
    ended = run("check", "-q", "vm.yaml", "--cluster", "cluster.yaml")
    assert (ended.returncode, b"which this cluster forbids" in ended.stderr) == (
        0 if is_admitted else 1,
        not is_admitted,
    )
