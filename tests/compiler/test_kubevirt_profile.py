"""Passt, binding plugins, and NICs that cannot be compiled."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from compiler.compiling import codes, compiled, interface_of, only
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.device import Backend, EthernetSource, PortForward, PortSpan, VhostuserSource

MAC = "52:54:00:00:00:0a"
STATUS = {"interfaces": [{"name": "a", "podInterfaceName": "ovn-udn1"}]}
ISTIO = {"sidecar.istio.io/inject": "true"}


def passt(*, facts: dict[str, Any] | None = None, status: Any = None, annotations: Any = None, **members: Any) -> Any:
    return only(nic(binding="passtBinding", **members), pod(), facts=facts, status=status, annotations=annotations)


def test_passt_is_a_vhost_user_nic_on_the_link_that_the_status_reports() -> None:
    made = passt(status=STATUS, macAddress="52-54-00-00-00-0A", acpiIndex=2, pciAddress="0000:01:00.0", bootOrder=1)
    device = interface_of(made)
    assert device.source == VhostuserSource(dev="ovn-udn1")
    assert device.backend == Backend(type="passt", log_file="/var/run/kubevirt/passt.log")
    assert device.mac is not None
    assert device.mac.spelling == "52-54-00-00-00-0A"
    assert (device.alias, device.target, device.rom, device.boot_order) == ("ua-a", None, None, None)
    assert device.acpi is not None
    assert device.address is not None
    assert codes(made) == []


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        pytest.param(None, ["KN310"], id="of a pod that nothing is known of, eth0 is assumed"),
        pytest.param({"links": {}}, ["KN301"], id="of a pod whose links are known, it is an error"),
    ],
)
def test_a_link_that_no_status_reports_to_passt(facts: dict[str, Any] | None, told: list[str]) -> None:
    made = passt(facts=facts)
    assert codes(made) == told
    if not made.problems:
        assert interface_of(made).source == VhostuserSource(dev="eth0")


def tcp(*ports: int) -> PortForward:
    return PortForward(proto="tcp", ranges=tuple(PortSpan(start=port) for port in ports))


def udp(*ports: int) -> PortForward:
    return PortForward(proto="udp", ranges=tuple(PortSpan(start=port) for port in ports))


EVERYTHING = (PortForward(proto="tcp"), PortForward(proto="udp"))
FORWARDS: dict[str, tuple[list[dict[str, Any]] | None, tuple[PortForward, ...]]] = {
    "everything where no ports are listed": (None, EVERYTHING),
    "everything where the list is empty": ([], EVERYTHING),
    "TCP alone": ([{"port": 80}], (tcp(80),)),
    "UDP alone": ([{"port": 53, "protocol": "UDP"}], (udp(53),)),
    "TCP before UDP": ([{"port": 53, "protocol": "UDP"}, {"port": 80, "protocol": "TCP"}], (tcp(80), udp(53))),
    "in the order of the list": ([{"port": 81}, {"port": 80}], (tcp(81, 80),)),
    "an empty protocol is TCP": ([{"port": 80, "protocol": ""}], (tcp(80),)),
    "port 0 as it is": ([{"port": 0}], (tcp(0),)),
    "no port below 0": ([{"port": -1}], EVERYTHING),
    "no other protocol": ([{"port": 80, "protocol": "SCTP"}], EVERYTHING),
}


@pytest.mark.parametrize(("ports", "forwards"), FORWARDS.values(), ids=FORWARDS)
def test_passt_forwards(ports: list[dict[str, Any]] | None, forwards: tuple[PortForward, ...]) -> None:
    assert interface_of(passt(ports=ports)).port_forwards == forwards


ISTIOS = (15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_passt_leaves_the_ports_of_an_istio_sidecar_to_it(value: str) -> None:
    made = interface_of(passt(annotations={"sidecar.istio.io/inject": value}))
    (forward,) = made.port_forwards
    assert forward.proto == "tcp"
    assert [(span.start, span.exclude) for span in forward.ranges] == [(port, True) for port in ISTIOS]
    made = interface_of(passt(annotations=ISTIO, ports=[{"port": 80}, {"port": 53, "protocol": "UDP"}]))
    assert [(each.proto, each.ranges[-1].start) for each in made.port_forwards] == [("tcp", 80), ("udp", 53)]


@pytest.mark.parametrize("value", ["false", "yes", ""])
def test_without_an_istio_sidecar_passt_forwards_everything(value: str) -> None:
    assert interface_of(passt(annotations={"sidecar.istio.io/inject": value})).port_forwards == EVERYTHING


TAP, MANAGED = {"domainAttachmentType": "tap"}, {"domainAttachmentType": "managedTap"}
PLUGINS: dict[str, tuple[dict[str, Any] | None, bool]] = {
    "tap": (TAP, True),
    "managedTap": (MANAGED, True),
    "an attachment of another kind": ({"domainAttachmentType": "other"}, False),
    "no attachment": ({}, False),
    "a plugin that is not registered": (None, False),
}


@pytest.mark.parametrize(("plugin", "has_tap"), PLUGINS.values(), ids=PLUGINS)
def test_a_binding_plugin_has_a_tap_where_it_is_registered_with_one(
    plugin: dict[str, Any] | None, has_tap: bool
) -> None:
    facts = {"bindingPlugins": {"x": plugin} if plugin is not None else {}}
    made = only({"name": "a", "binding": {"name": "x"}, "macAddress": MAC}, pod(), facts=facts)
    if has_tap:
        assert interface_of(made).source == EthernetSource()
        assert interface_of(made).target == "tap0"
        assert codes(made) == ["KN310"]
    else:
        assert (made.device, made.problems, codes(made)) == (None, (), ["KN314"])


def test_the_plugins_of_the_facts_come_before_those_of_the_cluster() -> None:
    cluster = kvnet.load_cluster(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "KubeVirt",
            "spec": {"configuration": {"network": {"binding": {"x": {"domainAttachmentType": "tap"}}}}},
        }
    )
    interface = {"name": "a", "binding": {"name": "x"}}
    made = only(interface, pod(), target={"cluster": cluster})
    assert made.device is not None
    made = only(interface, pod(), target={"cluster": cluster}, facts={"bindingPlugins": {"x": {}}})
    assert made.device is None


def test_an_interface_without_a_binding_or_a_network_is_an_error_at_its_place() -> None:
    unbound = only(nic(binding=None), pod())
    assert [(each.code, each.field) for each in unbound.problems] == [("KN303", "spec.domain.devices.interfaces[0]")]
    alone = compiled([nic("a", "masquerade"), nic("b")], [pod("a")])
    assert [(each.code, each.field) for each in alone.problems] == [("KN305", "spec.domain.devices.interfaces[1].name")]
    assert alone.nics[0].device is not None


def test_a_removed_binding_beside_a_supported_one_counts_for_nothing() -> None:
    assert interface_of(only(nic(binding="masquerade", slirp={}), pod())).target == "tap0"


def test_absent_interfaces_are_not_compiled() -> None:
    made = compiled([nic("a", state="absent"), nic("b")], [multus("a"), multus("b")])
    assert [each.name for each in made.nics] == ["b"]


def test_a_machine_without_nics_has_the_default_one_unless_the_cluster_forbids_it() -> None:
    machine = kvnet.load(vmi())
    assert [each.name for each in kvnet.compile(machine).nics] == ["default"]
    forbidden = kvnet.ClusterConfig(permit_bridge_on_pod_network=False)
    assert kvnet.compile(machine, kvnet.Target(cluster=forbidden)).nics == ()
    assert kvnet.compile(kvnet.load(vmi(devices={"autoattachPodInterface": False}))).nics == ()


def test_interfaces_come_before_hostdevs_whatever_their_order_was() -> None:
    facts = {"pciAddresses": {"v": "0000:81:00.1"}}
    nics = [nic("v", "sriov"), nic("a", "masquerade"), nic("b")]
    made = compiled(nics, [multus("v"), pod("a"), multus("b")], facts=facts)
    assert [each.name for each in made.nics] == ["v", "a", "b"]
    assert [device.alias for device in made.devices] == ["ua-a", "ua-b", "ua-sriov-v"]
    assert [text[:10] for text in made.xml()] == ["<interface", "<interface", "<hostdev m"]
    assert [len(text.splitlines()) > 1 for text in made.xml(indent=0)] == [True] * 3


def test_there_are_no_devices_where_one_nic_has_a_problem() -> None:
    made = compiled([nic("a", "masquerade"), nic("v", "sriov")], [pod("a"), multus("v")])
    with pytest.raises(kvnet.Rejected, match=r"KN302\b"):
        _ = made.devices
    with pytest.raises(kvnet.Rejected):
        made.xml()


def test_a_machine_of_another_architecture_than_its_host_has_no_devices() -> None:
    machine = kvnet.load(vmi([nic()], [pod()], spec={"architecture": "arm64"}))
    made = kvnet.compile(machine, kvnet.Target(architecture="amd64"))
    assert [(each.code, each.field) for each in made.problems] == [("KN306", "spec.architecture")]
    with pytest.raises(kvnet.Rejected, match=r"KN306\b"):
        _ = made.devices
    same = kvnet.compile(machine, kvnet.Target(facts=kvnet.HostFacts(architecture="arm64")))
    assert same.problems == ()


def test_what_is_told_of_a_machine_comes_before_what_is_told_of_its_nics() -> None:
    made = compiled([nic("a", "masquerade")], [pod("a")])
    assert codes(made) == ["KN321", "KN310", "KN312"]
    assert [each.severity for each in made.notes] == [kvnet.Severity.NOTE] * 3


def test_a_compiled_machine_is_a_value() -> None:
    made = compiled([nic("a", "masquerade")], [pod("a")])
    assert made == compiled([nic("a", "masquerade")], [pod("a")])
    assert attrs.evolve(made, nics=()) != made
