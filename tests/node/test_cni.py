"""CNI plugins are called as the specification, libcni and Multus have it: by a plugin that writes its calls down."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from components import needs_cni
from node.hosts import machine, nad

import kvnet
from kvnet.node import NodeError, cni
from kvnet.node.attachments import attachments, networks_of_pod
from kvnet.node.cni import Attachment

MAC = "02:aa:00:00:00:01"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the plugins ``first`` and ``second``, and the IPAM plugin ``host-local``."""
    code = (Path(__file__).parent / "plugin.py").read_text()
    for name in ("first", "second", "bridge", "host-local"):
        (tmp_path / name).write_text(f"#!{sys.executable}\n{code}")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("CNI_PATH", str(tmp_path))
    return tmp_path


def attached(*chain: dict[str, Any], version: str = "0.4.0", **members: Any) -> Attachment:
    config = {"cniVersion": version, "name": "net", "plugins": list(chain), **members}
    return Attachment(
        network="prod/lan",
        interface="net1",
        namespace_path="/proc/self/ns/net",
        container_id="c0",
        arguments=(("IgnoreUnknown", "true"), ("MAC", MAC)),
        capabilities={"mac": MAC},
        config=config,
    )


def script(plugin: Path, text: str) -> None:
    plugin.write_text(f"#!/bin/sh\n{text}\n")


def calls(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def test_add_gives_each_plugin_the_result_of_the_one_before(plugins: Path) -> None:
    result = cni.add(attached({"type": "first", "x": 1}, {"type": "second"}))
    first, second = calls(plugins)
    assert first["asked"] == {"type": "first", "x": 1, "cniVersion": "0.4.0", "name": "net"}
    assert second["asked"]["prevResult"] == {"cniVersion": "0.4.0", "by": "first"}
    assert result == {"cniVersion": "0.4.0", "by": "second"}


def test_the_environment_names_command_container_namespace_link_and_arguments(plugins: Path) -> None:
    cni.add(attached({"type": "first"}))
    (call,) = calls(plugins)
    assert call["CNI_COMMAND"] == "ADD"
    assert call["CNI_CONTAINERID"] == "c0"
    assert call["CNI_NETNS"] == "/proc/self/ns/net"
    assert call["CNI_IFNAME"] == "net1"
    assert call["CNI_ARGS"] == f"IgnoreUnknown=true;MAC={MAC}"
    assert call["CNI_PATH"].startswith(f"{plugins}:")


def test_delete_goes_backwards_with_what_add_gave(plugins: Path) -> None:
    made = attached({"type": "first"}, {"type": "second"})
    cni.delete(attrs.evolve(made, result=cni.add(made)))
    last = calls(plugins)[2:]
    assert [(each["plugin"], each["CNI_COMMAND"]) for each in last] == [("second", "DEL"), ("first", "DEL")]
    assert {each["asked"]["prevResult"]["by"] for each in last} == {"second"}


@pytest.mark.parametrize(
    ("version", "commands"), [("0.3.1", ["DEL"]), ("0.4.0", ["CHECK", "DEL"]), ("1.0.0", ["CHECK", "DEL"])]
)
def test_versions_before_0_4_have_no_check_and_give_delete_no_result(
    plugins: Path, version: str, commands: list[str]
) -> None:
    made = attrs.evolve(attached({"type": "first"}, version=version), result={"by": "first"})
    cni.check(made)
    cni.delete(made)
    assert [each["CNI_COMMAND"] for each in calls(plugins)] == commands
    assert all(("prevResult" in each["asked"]) is (version != "0.3.1") for each in calls(plugins))


def test_check_is_left_out_where_it_is_disabled(plugins: Path) -> None:
    cni.check(attrs.evolve(attached({"type": "first"}, disableCheck=True), result={}))
    assert not (plugins / "calls.jsonl").exists()


def test_only_a_plugin_with_the_capability_gets_the_mac_as_runtime_configuration(plugins: Path) -> None:
    cni.add(
        attached({"type": "first", "capabilities": {"mac": True}}, {"type": "second", "capabilities": {"mac": False}})
    )
    first, second = calls(plugins)
    assert first["asked"]["runtimeConfig"] == {"mac": MAC}
    assert "runtimeConfig" not in second["asked"]


@pytest.mark.parametrize(
    "answer",
    [
        {"ips": 5},
        {"ips": [5]},
        {"ips": [{"address": "x"}]},
        {"ip4": "10.0.0.1"},
        {"interfaces": 5},
        {"interfaces": [{}]},
        {"interfaces": [{"name": 5}]},
        {"ips": [{"address": "10.0.0.2/24", "gateway": "x"}]},
        {"dns": 5},
        {"dns": {"nameservers": 5}},
        {"dns": {"search": [5]}},
        [],
    ],
)
def test_an_answer_that_is_no_result_is_told(plugins: Path, answer: Any) -> None:
    (plugins / "answers").write_text(json.dumps(answer))
    with pytest.raises(NodeError, match="KN882 the CNI plugin first answers ADD of prod/lan as net1 with what is no"):
        cni.add(attached({"type": "first"}))


@pytest.mark.parametrize("printed", [b"\xff\xfe", b"attached!", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_told(plugins: Path, printed: bytes) -> None:
    (plugins / "printed").write_bytes(printed)
    script(plugins / "first", 'cat "$(dirname "$0")/printed"')
    with pytest.raises(NodeError, match="KN882 the CNI plugin first answers ADD of prod/lan as net1 with what is no"):
        cni.add(attached({"type": "first"}))


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ("kill -9 $$", "it was ended by signal 9"),
        ("exit 3", "it says nothing"),
        (r"printf 'no\377 room\n' >&2; exit 1", "no\ufffd room"),
        ("yes | head -c 9000000 >&2; echo the end >&2; exit 1", "y the end"),
    ],
)
def test_a_plugin_that_fails_without_an_answer_is_told_by_the_last_that_it_printed(
    plugins: Path, ends: str, told: str
) -> None:
    script(plugins / "first", ends)
    with pytest.raises(NodeError, match=f"refuses ADD of prod/lan as net1: .*{told}$") as raised:
        cni.add(attached({"type": "first"}))
    assert len(str(raised.value)) < 2000


@pytest.mark.parametrize("ends", ["sleep {0} & wait", "sleep {0} & exit 0"], ids=["hangs", "leaves a child"])
def test_a_plugin_that_does_not_end_is_told_and_killed_with_what_it_started(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(cni, "_SECONDS", 0.5)
    seconds = f"4{os.getpid()}"
    script(plugins / "first", ends.format(seconds))
    with pytest.raises(NodeError, match=r"KN882 the CNI plugin first did not end ADD of prod/lan within 0.5 seconds"):
        cni.add(attached({"type": "first"}))
    end = time.monotonic() + 30
    while any(each.endswith(f"sleep\0{seconds}\0") for each in commands()):
        assert time.monotonic() < end, "it goes on"


def test_a_plugin_that_cannot_be_run_is_told_with_the_reason(plugins: Path) -> None:
    (plugins / "first").write_bytes(b"\x7fELF no program")
    (plugins / "first").chmod(0o755)
    with pytest.raises(NodeError, match="KN882 the CNI plugin first does not run: Exec format error"):
        cni.add(attached({"type": "first"}))


def commands() -> Iterator[str]:
    """The command lines of all processes that have not ended."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield each.read_text(errors="replace")


def test_a_refusal_is_told_with_code_message_and_details(plugins: Path) -> None:
    (plugins / "refuses").touch()
    told = "KN882 the CNI plugin first refuses ADD of prod/lan as net1 with code 11: try again later: no room"
    with pytest.raises(NodeError, match=told):
        cni.add(attached({"type": "first"}))


def test_a_name_that_utf_8_does_not_have_names_a_pod_too() -> None:
    network = networks_of_pod(*machine([{"name": "default", "masquerade": {}}]))
    first, second = (
        attachments(network, name=f"prod/web{each}", namespace="kvnet-0", ipam=Path("/ipam"))[0].container_id
        for each in ("\ud800", "\ud801")
    )
    assert first != second


OF_DEBIAN = (
    *("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback", "macvlan"),
    *("portmap", "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf"),
)
"""The plugins of containernetworking-plugins 1.1 (Debian 12) and of 1.5."""


@needs_cni()
def test_every_plugin_that_debian_installs_is_known() -> None:
    assert {each.name for each in Path("/usr/lib/cni").iterdir()} <= {*OF_DEBIAN}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ptp-of-nobody", "install it, and name its folder in CNI_PATH"),
        ("ovs", "https://github.com/k8snetworkplumbingwg/ovs-cni"),
        *((name, "install Debian's package containernetworking-plugins") for name in OF_DEBIAN),
        ("../../bin/sh", "install it"),
        ("", "install it"),
    ],
)
def test_a_plugin_that_is_missing_is_told_with_its_origin(
    name: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cni, "_FOLDERS", ())
    with pytest.raises(NodeError, match=r"KN881\b") as raised:
        cni.plugin_path(name)
    assert hint in raised.value.problems[0].hint


def test_all_missing_plugins_and_nads_are_told_at_once(plugins: Path) -> None:
    nics: list[dict[str, Any]] = [{"name": name, "bridge": {}} for name in ("a", "b", "c")]
    given = machine(nics, nad("a", type="missing"), nad("b", ipam={"type": "absent"}))
    with pytest.raises(NodeError) as raised:
        networks_of_pod(*given)
    assert [(each.code, str(each.at)) for each in raised.value.problems] == [
        ("KN881", "spec.networks[0].multus.networkName"),
        ("KN881", "spec.networks[1].multus.networkName"),
        ("KN883", "spec.networks[2].multus.networkName"),
    ]


def test_a_nad_whose_bridge_is_named_like_a_pod_network_is_told(plugins: Path) -> None:
    with pytest.raises(NodeError, match="KN883 the NetworkAttachmentDefinition prod/a has the bridge kvnet3"):
        networks_of_pod(*machine([{"name": "a", "bridge": {}}], nad("a", bridge="kvnet3")))


@pytest.mark.parametrize(
    "config",
    [
        {"name": "../up", "plugins": [{"type": "bridge"}]},
        {"name": "net", "plugins": []},
        {"name": "net", "plugins": [{"bridge": "br0"}]},
        {"name": "net", "plugins": [{"type": "bridge", "ipam": {"type": 5}}]},
        {"name": "net", "plugins": [{"type": "bridge", "ipam": {"type": ["host-local"]}}]},
        {"name": "net", "plugins": "bridge"},
        [],
    ],
)
def test_a_configuration_that_no_plugin_can_be_called_with_is_told(plugins: Path, config: Any) -> None:
    file = plugins / "pod.conflist"
    file.write_text(json.dumps(config))
    with pytest.raises(NodeError, match="KN883 the pod network"):
        networks_of_pod(*machine([{"name": "default", "masquerade": {}}]), file)


def test_names_with_separators_do_not_reach_the_arguments(plugins: Path) -> None:
    given = machine([{"name": "default", "masquerade": {}}], name="a;K8S_POD_NAMESPACE=kube-system")
    made = attachments(networks_of_pod(*given), name="p;q/a;b=c", namespace="kvnet-0", ipam=plugins)
    values = dict(made[0].arguments)
    assert (values["K8S_POD_NAMESPACE"], values["K8S_POD_NAME"]) == ("p-q", "virt-launcher-a-b-c")


def test_addresses_are_kept_in_the_state_folder_whatever_a_nad_says(plugins: Path) -> None:
    given = machine([{"name": "a", "bridge": {}}], nad("a", ipam={"type": "host-local", "dataDir": "/etc"}))
    made = attachments(networks_of_pod(*given), name="p/a", namespace="kvnet-0", ipam=plugins / "ipam")
    assert [each.plugins[0]["ipam"]["dataDir"] for each in made] == [str(plugins / "ipam")] * 2


def test_the_arguments_of_a_binding_plugin_reach_its_nad(plugins: Path) -> None:
    vm, target = machine([{"name": "default", "binding": {"name": "tap"}}], nad("of-plugin"))
    cluster = {
        "kind": "KubeVirt",
        "apiVersion": "kubevirt.io/v1",
        "spec": {
            "configuration": {
                "network": {
                    "binding": {"tap": {"networkAttachmentDefinition": "prod/of-plugin", "domainAttachmentType": "tap"}}
                }
            }
        },
    }
    target = attrs.evolve(target, cluster=kvnet.load_cluster(cluster))
    made = attachments(networks_of_pod(vm, target), name="prod/web", namespace="kvnet-0", ipam=plugins)
    assert made[1].plugins[0]["args"] == {"cni": {"logicNetworkName": "default"}}
    assert made[1].interface == "net1"


def test_plugins_are_called_with_the_arguments_that_a_runtime_gives_of_the_pod(plugins: Path) -> None:
    lan = nad("lan", type="first")
    networks = networks_of_pod(*machine([{"name": "default", "masquerade": {}}, {"name": "lan", "bridge": {}}], lan))
    made = attachments(networks, name="prod/web;x=1", namespace="kvnet-0", ipam=Path("/ipam"))
    first, second = made
    assert (first.network, first.interface, second.network) == ("kvnet", "eth0", "prod/lan")
    given = dict(first.arguments)
    assert [*given] == [
        "IgnoreUnknown",
        "K8S_POD_NAMESPACE",
        "K8S_POD_NAME",
        "K8S_POD_INFRA_CONTAINER_ID",
        "K8S_POD_UID",
    ]
    assert (given["IgnoreUnknown"], given["K8S_POD_NAMESPACE"]) == ("true", "prod")
    assert given["K8S_POD_NAME"] == "virt-launcher-web-x-1"
    assert given["K8S_POD_INFRA_CONTAINER_ID"] == first.container_id == second.container_id
    assert UUID(given["K8S_POD_UID"]).version == 4
    assert first.namespace_path == second.namespace_path == "/run/netns/kvnet-0"
    (again, *_) = attachments(networks, name="prod/other", namespace="kvnet-0", ipam=Path("/ipam"))
    assert again.container_id != first.container_id
