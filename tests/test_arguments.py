"""Arguments of another kind: every public function refuses them with a sentence that says what is wanted."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import kvnet
from kvnet.device import EthernetSource, Interface

MACHINE = kvnet.loads("{domain: {devices: {interfaces: [{name: a, masquerade: {}}]}}, networks: [{name: a, pod: {}}]}")
TARGET = kvnet.Target()
DEVICE = Interface(source=EthernetSource())
XML = "<interface type='user'/>"
DOMAIN = f"<domain><devices>{XML}</devices></domain>"
KINDS: dict[str, Any] = {
    "None": None,
    "number": 5,
    "mapping": {"a": 1},
    "empty mapping": {},
    "text": "text",
    "path": Path("vm.yaml"),
    "list": [5],
    "object": object(),
    "machine": MACHINE,
    "target": TARGET,
    "device": DEVICE,
}
_MAPPINGS = "mapping, empty mapping"
_SOURCES = f"text, path, list, {_MAPPINGS}"  # a source that does not hold a machine is a problem, not a wrong kind

FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, tuple[Any, str]]]] = {
    "build": (
        kvnet.build,
        {
            "machine": (MACHINE, "machine"),
            "target": (TARGET, "None, target"),
            "devices": ([XML], "None"),
            "name": ("vm", "None, text"),
            "uuid": (UUID(int=1), "None"),
        },
    ),
    "check": (
        kvnet.check,
        {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target"), "groups": (["security"], "")},
    ),
    "check_all": (
        kvnet.check_all,
        {"machines": ([MACHINE], ""), "target": (TARGET, "None, target"), "groups": (["security"], "")},
    ),
    "compile": (kvnet.compile, {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")}),
    "check_network_data": (
        kvnet.check_network_data,
        {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")},
    ),
    "common_instancetypes": (kvnet.common_instancetypes, {}),
    "common_preferences": (kvnet.common_preferences, {}),
    "configure_converter": (kvnet.configure_converter, {"converter": (kvnet.converter(), "")}),
    "converter": (kvnet.converter, {}),
    "diff": (kvnet.diff, {"before": (DEVICE, "device"), "after": ([DEVICE], "device")}),
    "dump": (kvnet.dump, {"value": (MACHINE, "machine")}),
    "expand": (kvnet.expand, {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")}),
    "import_domain": (kvnet.import_domain, {"domain_xml": (DOMAIN, "text"), "profile": ("host", "text")}),
    "import_domains": (
        kvnet.import_domains,
        {"domains": ([kvnet.DomainText(DOMAIN)], ""), "profile": ("host", "text")},
    ),
    "facts_of": (kvnet.facts_of, {"imported": ([kvnet.import_domain(DOMAIN)], "")}),
    "live_migratable": (
        kvnet.live_migratable,
        {"machine": (MACHINE, "machine"), "binding_plugins": ({}, "None, empty mapping")},
    ),
    "load": (kvnet.load, {"source": ({"domain": {"devices": {}}}, _SOURCES)}),
    "load_all": (kvnet.load_all, {"source": ({"domain": {"devices": {}}}, _SOURCES)}),
    "load_cluster": (kvnet.load_cluster, {"source": ({"kind": "KubeVirt"}, _SOURCES)}),
    "load_facts": (kvnet.load_facts, {"source": ({}, _SOURCES)}),
    "loads": (kvnet.loads, {"text": ("domain: {devices: {}}", "text")}),
    "loads_all": (kvnet.loads_all, {"text": ("domain: {devices: {}}", "text")}),
    "loads_cluster": (kvnet.loads_cluster, {"text": ("kind: KubeVirt", "text")}),
    "loads_facts": (kvnet.loads_facts, {"text": ("{}", "text")}),
    "network_data": (kvnet.network_data, {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")}),
    "patch": (kvnet.patch, {"domain_xml": (DOMAIN, "text"), "nics": ([XML], "")}),
    "plan_changes": (
        kvnet.plan_changes,
        {
            "domain": (DOMAIN, "text"),
            "machine": (MACHINE, "machine"),
            "target": (TARGET, "None, target"),
            "policy": ("plain", "None, text"),
        },
    ),
    **{
        name: (
            function,
            {
                "machine": (MACHINE, "machine"),
                "target": (TARGET, "None, target"),
                "found": (kvnet.PodFound(), "None"),
                "phase": ("startup", "text"),
            },
        )
        for name, function in (("pod_links", kvnet.pod_links), ("pod_nat", kvnet.pod_nat))
    },
    "load_found": (kvnet.load_found, {"source": ({}, _SOURCES)}),
    "loads_found": (kvnet.loads_found, {"text": ("{}", "text")}),
    "pod_annotations": (kvnet.pod_annotations, {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")}),
    "pod_dhcp": (
        kvnet.pod_dhcp,
        {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target"), "found": (kvnet.PodFound(), "None")},
    ),
    "read_device": (kvnet.read_device, {"text": (XML, "text")}),
    "read_domain": (kvnet.read_domain, {"text": (DOMAIN, "text")}),
    "render": (kvnet.render, {"machine": (MACHINE, "machine"), "target": (TARGET, "None, target")}),
    "restart_required": (
        kvnet.restart_required,
        {"template": (MACHINE, "machine"), "running": (MACHINE, "machine")},
    ),
    "status": (kvnet.status, {"machine": (MACHINE, "machine"), "domain_xml": (DOMAIN, "None, text")}),
    "to_element": (kvnet.to_element, {"device": (DEVICE, "device")}),
    "write": (
        kvnet.write,
        {"device": (DEVICE, "device"), "indent": (2, "None, number"), "libvirt": ("9.0.0", "None, text")},
    ),
    "LiveDomain.of": (kvnet.LiveDomain.of, {"domain": (DOMAIN, "text")}),
    "LiveDomain.parse": (kvnet.LiveDomain.parse, {"xml": (DOMAIN, "text")}),
    "MacAddress": (kvnet.MacAddress, {"octets": (b"123456", ""), "spelling": ("31:32:33:34:35:36", "text")}),
    "MacAddress.parse": (kvnet.MacAddress.parse, {"text": ("02:00:00:00:00:01", "text")}),
    "Manifest.target": (
        kvnet.Manifest().target,
        {
            "profile": ("host", "text"),
            "facts": (kvnet.HostFacts(), "None"),
            "cluster": (kvnet.ClusterConfig(), "None"),
            "instancetypes": (kvnet.common_instancetypes(), ""),
            "preferences": (kvnet.common_preferences(), ""),
            "virt_type": ("qemu", "text"),
            "architecture": ("arm64", "None, text"),
            "libvirt_release": ("9.0.0", "None, text"),
        },
    ),
    "PciAddress": (
        kvnet.PciAddress,
        dict.fromkeys(("domain", "bus", "slot", "function"), (0, "number")),
    ),
    "PciAddress.parse": (kvnet.PciAddress.parse, {"text": ("0000:05:00.0", "text")}),
}
"""Each function with arguments that are right, and the kinds that are right for each of them too."""

OTHERS = {
    "name": {"loads", "loads_all", "loads_cluster", "loads_facts", "loads_found"},
    "file": {"import_domain", "read_device", "read_domain"},
    "format": {"dump"},
    "more": {"load_all"},
    "whole": {"render"},
    "lossless": {"read_device", "read_domain"},
    "replace_all": {"patch"},
    "guest_agent": {"status"},
    "multus": {"status"},
    "pod_ips": {"status"},
}
"""Names that only problems repeat, words, switches, further sources, and plain data, whose flaws are problems."""

WRONG = [
    pytest.param(name, parameter, kind, id=f"{name}-{parameter}-{kind}")
    for name, (_, parameters) in FUNCTIONS.items()
    for parameter, (_, right) in parameters.items()
    for kind in KINDS
    if kind not in right.split(", ")
]


@pytest.mark.parametrize(("name", "parameter", "kind"), WRONG)
def test_an_argument_of_another_kind_is_a_type_error_that_says_what_is_wanted(
    name: str, parameter: str, kind: str
) -> None:
    function, parameters = FUNCTIONS[name]
    arguments = {each: value for each, (value, _) in parameters.items()}
    function(**arguments)
    with pytest.raises(TypeError, match=r"is wanted, not \w|(is|are|takes|expected) .*, not ") as caught:
        function(**arguments | {parameter: KINDS[kind]})
    assert "NoneType' object" not in str(caught.value)


def test_the_table_has_every_public_function_and_every_parameter() -> None:
    public = {name for name in kvnet.__all__ if inspect.isroutine(inspect.unwrap(getattr(kvnet, name)))}
    assert public - FUNCTIONS.keys() == set()
    for name in public:
        function, parameters = FUNCTIONS[name]
        others = {parameter for parameter, functions in OTHERS.items() if name in functions}
        assert set(inspect.signature(function).parameters) == parameters.keys() | others, name


INSTEAD: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "a text for NICs": (kvnet.patch, (DOMAIN, XML), r"write \[xml\] for one NIC"),
    "no text for NICs": (kvnet.patch, (DOMAIN, ""), r"write \[xml\] for one NIC"),
    "devices for NICs": (kvnet.patch, (DOMAIN, [DEVICE]), r"write \[kvnet\.write\(device\) for device in devices\]"),
    "bytes for a NIC": (kvnet.patch, (DOMAIN, [XML.encode()]), r"write xml\.decode\(\)"),
    "compiled for NICs": (kvnet.patch, (DOMAIN, kvnet.compile(MACHINE)), r"write compiled\.xml\(\)"),
    "no text for devices": (kvnet.build, (MACHINE, TARGET, ""), r"a list of devices is wanted, not str: write \[xml\]"),
    "one device": (kvnet.build, (MACHINE, TARGET, DEVICE), r"write \[device\]"),
    "rendered": (kvnet.build, (MACHINE, TARGET, kvnet.render(MACHINE)), r"take rendered\.compiled\.devices"),
    "a manifest": (kvnet.status, (kvnet.Manifest(), None), r"take each of manifest\.machines"),
    "a cluster": (kvnet.live_migratable, (MACHINE, kvnet.ClusterConfig()), "take binding_plugins of a ClusterConfig"),
    "a path for XML": (
        kvnet.read_domain,
        (Path("vm.xml"),),
        "not from PosixPath: read a file first",
    ),
    "no converter": (kvnet.configure_converter, (None,), r"call kvnet\.converter\(\)"),
}


@pytest.mark.parametrize(("function", "arguments", "says"), INSTEAD.values(), ids=INSTEAD)
def test_the_error_says_what_to_write_instead(
    function: Callable[..., Any], arguments: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        function(*arguments)


class Text(str):
    """A text of a class of the caller's own."""


@pytest.mark.parametrize(
    "read", [kvnet.loads, kvnet.loads_all, kvnet.loads_cluster, kvnet.loads_facts, kvnet.loads_found]
)
def test_a_text_has_a_name_that_is_text(read: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"name of a text is text such as 'vm\.yaml', not list"):
        read("{", name=[])


def test_a_file_has_a_name_that_is_text() -> None:
    for read in (kvnet.read_device, kvnet.read_domain):
        with pytest.raises(TypeError, match=r"name of a file is text such as 'domain\.xml', not int"):
            read("<a", file=5)  # type: ignore[arg-type]


def test_a_text_of_a_class_of_the_callers_own_is_read() -> None:
    text = Text(kvnet.dump(MACHINE))
    assert kvnet.loads(text) == MACHINE
    assert kvnet.loads_all(text).machines == (MACHINE,)
    assert kvnet.read_device(Text(XML)) == kvnet.read_device(XML)


def test_no_nics_are_an_empty_list_and_a_domain_needs_a_name() -> None:
    assert "<interface" not in kvnet.build(MACHINE, TARGET, [])
    assert kvnet.build(MACHINE, TARGET, iter([XML])) == kvnet.build(MACHINE, TARGET, (XML,))  # type: ignore[arg-type]
    with pytest.raises(kvnet.Rejected, match="KN602 '' cannot name a domain"):
        kvnet.build(MACHINE, TARGET, name="")


@pytest.mark.parametrize("policy", ["", "host"])
def test_a_policy_that_does_not_exist_is_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="the policy is 'kubevirt' or 'plain', not '"):
        kvnet.plan_changes(DOMAIN, MACHINE, policy=policy)
