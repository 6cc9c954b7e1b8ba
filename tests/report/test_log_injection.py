"""What a document says never speaks for kvnet: no format lets it begin a line, obey a terminal, or give a command."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from machines import multus, nic, pod, vmi

from kvnet.cli.main import main

HOSTILE = "a\n::error file=x::forged\r\nother.yaml:1:1: error KN999 forged\x1b[31m\x9b1m\u202e\u2066\u2028\x85]]>%0A<b>"


def _nad(**members: Any) -> dict[str, Any]:
    cni = {"type": "bridge", "bridge": "b", **members}
    metadata = {"name": "nad"}
    kind = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    return {**kind, "metadata": metadata, "spec": {"config": json.dumps(cni)}}


_PLACES: dict[str, Any] = {
    "the name of an interface": vmi([nic(HOSTILE)], [pod()]),
    "the name of a network": vmi([nic()], [pod(HOSTILE)]),
    "the name of a NAD": vmi([nic()], [multus(networkName=HOSTILE)]),
    "a MAC address": vmi([nic(macAddress=HOSTILE)], [pod()]),
    "a PCI address": vmi([nic(pciAddress=HOSTILE)], [pod()]),
    "a model": vmi([nic(model=HOSTILE)], [pod()]),
    "a state": vmi([nic(state=HOSTILE)], [pod()]),
    "a port": vmi([nic(binding="masquerade", ports=[{"name": HOSTILE, "port": 1, "protocol": HOSTILE}])], [pod()]),
    "a binding": vmi([{"name": "a", "binding": {"name": HOSTILE}}], [pod()]),
    "a CIDR": vmi([nic(binding="masquerade")], [pod(vmNetworkCIDR=HOSTILE)]),
    "a field of a NIC": vmi([{**nic(), HOSTILE: 1}], [pod()]),
    "a field": {**vmi([nic()], [pod()]), HOSTILE: 1},
    "an annotation": vmi([nic()], [pod()], annotations={f"kubevirt.io/{HOSTILE}": HOSTILE}),
    "a value of a wrong type": vmi([nic()], [pod()], annotations={HOSTILE: 1}),
    "a kind": {**vmi([nic()], [pod()]), "kind": HOSTILE},
    "an API version": {**vmi([nic()], [pod()]), "apiVersion": f"kubevirt.io/{HOSTILE}"},
    "an architecture": vmi([nic()], [pod()], spec={"architecture": HOSTILE}),
    "memory": vmi([nic()], [pod()], domain={"memory": {"guest": HOSTILE}}),
    "a claim": vmi([nic(binding="sriov")], [{"name": "a", "resourceClaim": {"claimName": HOSTILE}}]),
    "an instancetype": {
        **vmi(kind="VirtualMachine"),
        "spec": {
            "instancetype": {"name": HOSTILE, "kind": HOSTILE},
            "template": {"spec": vmi([nic()], [pod()])["spec"]},
        },
    },
    "a setting of a NAD": [_nad(**{HOSTILE: 1}), vmi([nic()], [multus()])],
    "a plugin": [_nad(type=HOSTILE), vmi([nic()], [multus()])],
    "a bridge": [_nad(bridge=HOSTILE), vmi([nic()], [multus()])],
    "a text that is not JSON": [{**_nad(), "spec": {"config": HOSTILE}}, vmi([nic()], [multus()])],
    "network data": vmi(
        [nic()],
        [pod()],
        devices={"disks": [{"name": "d", "disk": {}}]},
        spec={"volumes": [{"name": "d", "cloudInitNoCloud": {"networkData": json.dumps({"version": 2, HOSTILE: 1})}}]},
    ),
}
"""The places in documents that a text may be in."""


def _obeyed(told: str) -> set[str]:
    """The characters that a terminal, or whoever reads a log, would take for more than text."""
    return {each for each in told if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")}


Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """What ``kvnet check`` prints of objects, in a format."""

    def check(objects: Any, form: str) -> str:
        monkeypatch.chdir(tmp_path)
        items = objects if isinstance(objects, list) else [objects]
        (tmp_path / "vm.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        status = main(["check", "--isolated", "--profile", "host", "-o", form, "-f", "vm.json"])
        assert status in (0, 1, 2)
        printed = capsys.readouterr()
        return printed.out + printed.err

    return check


@pytest.mark.parametrize("objects", _PLACES.values(), ids=_PLACES)
def test_a_text_begins_no_line_and_moves_no_terminal(told: Told, objects: Any) -> None:
    printed = told(objects, "text")
    assert _obeyed(printed) == set()
    assert all(line.startswith(("vm.json:", "kvnet: ", " ")) for line in printed.splitlines())


@pytest.mark.parametrize("objects", _PLACES.values(), ids=_PLACES)
def test_a_text_gives_no_command_to_a_workflow(told: Told, objects: Any) -> None:
    printed = told(objects, "github")
    assert _obeyed(printed) == set()
    places = ("file=vm.json,", "title=")
    beginnings = [f"::{word} {place}" for word in ("error", "warning", "notice") for place in places]
    assert all(line.startswith(("kvnet: ", *beginnings)) for line in printed.splitlines())


@pytest.mark.parametrize("objects", _PLACES.values(), ids=_PLACES)
def test_a_text_is_only_text_to_programs(told: Told, objects: Any) -> None:
    (suite,) = ElementTree.fromstring(told(objects, "junit"))
    assert suite.get("name") in ("vm.json", "kvnet")
    assert {inner.tag for case in suite for inner in case} <= {"failure", "system-out"}
    (run,) = json.loads(told(objects, "sarif"))["runs"]
    assert all(each["ruleId"] != "KN999" for each in run["results"])
    assert all(each["code"] != "KN999" for each in json.loads(told(objects, "json")))


@pytest.mark.parametrize("form", ["junit", "sarif", "json", "yaml"])
@pytest.mark.parametrize("objects", _PLACES.values(), ids=_PLACES)
def test_a_text_begins_no_line_of_what_programs_read(told: Told, objects: Any, form: str) -> None:
    printed = told(objects, form)
    assert _obeyed(printed) == set()
    assert not any(line.lstrip().startswith(("other", "::")) for line in printed.splitlines())


@pytest.mark.parametrize("name", ["a", HOSTILE])
def test_a_bulk_run_prints_text_of_machines_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    machine = {**vmi([nic(model=HOSTILE)], [pod()]), "metadata": {"name": name, "namespace": HOSTILE}}
    (tmp_path / "vms.ndjson").write_text(f"{json.dumps(machine)}\n{json.dumps(machine)}\n")
    assert main(["bulk", "-f", str(tmp_path / "vms.ndjson"), "-o", str(tmp_path / "out"), "--jobs", "1"]) == 1
    printed = capsys.readouterr().err
    assert _obeyed(printed) == set()
    assert all(line.startswith(("kvnet: ", " ", str(tmp_path))) for line in printed.splitlines())


@pytest.mark.parametrize("form", ["text", "mermaid", "svg", "html"])
def test_a_text_is_only_text_in_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    objects = [_nad(bridge="b"), vmi([nic()], [multus(networkName=HOSTILE)])]
    (tmp_path / "vm.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    main(["show", "--isolated", "-o", form, "-f", str(tmp_path / "vm.json")])
    printed = capsys.readouterr()
    assert "error KN999" in printed.out + printed.err
    assert _obeyed(printed.out + printed.err) == set()


def test_the_name_of_a_file_is_text_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = HOSTILE.replace("/", "") + ".json"
    (tmp_path / name).write_text(json.dumps(vmi([nic(model="x")], [pod()])))
    for form in ("text", "github"):
        main(["check", "--isolated", "-o", form, "-f", str(tmp_path)])
        printed = capsys.readouterr()
        assert _obeyed(printed.out + printed.err) == set()
        assert not any(line.startswith(("::error file=x", "other")) for line in printed.out.splitlines())
    main(["render", "-f", str(tmp_path / name), str(tmp_path / "absent\x1b[31m")])
    printed = capsys.readouterr()
    assert _obeyed(printed.err) == set()


def test_the_name_in_a_record_of_what_is_up_is_text_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pods" / "a").mkdir(parents=True)
    (tmp_path / "pods" / "a" / "state.json").write_text(json.dumps({"name": HOSTILE, "namespace": "default"}))
    main(["ps", "--root", str(tmp_path)])
    printed = capsys.readouterr()
    assert _obeyed(printed.out + printed.err) == set()
    assert not any(line.startswith("other") for line in printed.out.splitlines())
