"""What holds for every machine, and for every text."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

import kvnet
from kvnet import live
from kvnet.compiler import topology, vcpus
from kvnet.device import Device, Interface, VhostuserSource
from kvnet.facts import PodLink
from kvnet.spec import Machine, Nad, PasstBinding
from kvnet.testing import admitted_machines, machines, unicast_macs
from kvnet.testing.values import hostile_texts
from kvnet.values import PciAddress
from kvnet.xml import write

SLOW = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
PROFILES = st.sampled_from(["kubevirt", "host"])
CNIS = st.sampled_from(
    [
        {"type": "bridge", "bridge": "br10"},
        {"type": "bridge", "bridge": "br10", "macspoofchk": True, "mtu": 1400},
        {"type": "ovs", "bridge": "ovs0", "vlan": 7},
        {"type": "macvlan", "master": "eth0", "mode": "vepa"},
    ]
)


@st.composite
def facts_for(draw: st.DrawFn, machine: Machine) -> kvnet.HostFacts:
    """Facts that name a virtual function for every network, and the pod's links now and then."""
    names = [network.name for network in machine.networks]
    addresses = {name: PciAddress.parse(f"0000:{n + 0x20:02x}:00.1") for n, name in enumerate(names)}
    links = None
    on_passt = any(isinstance(nic.binding, PasstBinding) for nic in machine.interfaces)
    if not on_passt and draw(st.booleans()):
        mtu = st.integers(68, 65535) | st.none()
        links = {name: PodLink(mac=draw(unicast_macs()), mtu=draw(mtu), tap=f"tap{n}") for n, name in enumerate(names)}
    return kvnet.HostFacts(pci_addresses=addresses, links=links)


@st.composite
def targets_for(draw: st.DrawFn, machine: Machine) -> kvnet.Target:
    """A target with a NAD for every network that names one."""
    nads = []
    for network in machine.networks:
        if network.multus:
            namespace, _, name = network.multus.network_name.rpartition("/")
            nads.append(Nad(name=name, namespace=namespace or None, config=json.dumps(draw(CNIS))))
    return kvnet.Target(facts=draw(facts_for(machine)), nads=nads, profile=draw(PROFILES))


@st.composite
def compiled_machines(draw: st.DrawFn, architecture: str) -> tuple[Machine, kvnet.Compiled]:
    # three times as many vCPUs may be plugged in later, and QEMU 7.2 has a limit of 288
    machine = draw(admitted_machines(architecture=architecture).filter(lambda each: vcpus(topology(each)) <= 72))
    return machine, kvnet.compile(machine, draw(targets_for(machine)))


def is_too_new(device: Device) -> bool:
    """Whether libvirt 9.0 of Debian lacks the device: passt by vhost-user, and passt at all."""
    return isinstance(device, Interface) and (isinstance(device.source, VhostuserSource) or device.backend is not None)


@pytest.fixture(scope="module")
def qemu() -> Iterator[Any]:
    if shutil.which("qemu-system-x86_64") is None and not os.environ.get("CI"):
        pytest.skip("QEMU is not installed: apt-get install qemu-system-x86")
    with live.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def test_driver() -> Iterator[Any]:
    with live.connect("test:///default") as connection:
        yield connection


@SLOW
@given(made=compiled_machines("amd64"))
def test_libvirt_defines_every_admitted_machine_and_loses_nothing(
    made: tuple[Machine, kvnet.Compiled], qemu: Any
) -> None:
    machine, compiled = made
    texts = [write(device) for device in compiled.devices if not is_too_new(device)]
    defined = live.define(kvnet.build(machine, kvnet.Target(virt_type="qemu"), texts), qemu)
    assert [problem for problem in defined.lost if problem.is_error] == []


@SLOW
@pytest.mark.parametrize("architecture", ["arm64", "s390x"])
@given(data=st.data())
def test_other_architectures_are_defined_without_loss(data: st.DataObject, architecture: str, test_driver: Any) -> None:
    machine, compiled = data.draw(compiled_machines(architecture))
    texts = [write(device) for device in compiled.devices if not is_too_new(device)]
    domain = kvnet.build(machine, kvnet.Target(architecture=architecture, virt_type="test"), texts)
    defined = live.define(domain, test_driver)
    assert [problem for problem in defined.lost if problem.is_error] == []


@SLOW
@given(data=st.data())
def test_a_domain_that_is_built_is_the_one_that_is_rendered(data: st.DataObject) -> None:
    machine = data.draw(admitted_machines())
    target = data.draw(targets_for(machine))
    rendered = kvnet.render(machine, target)
    assume(not rendered.is_refused)
    assert kvnet.build(machine, target) == rendered.document


@given(machines())
@settings(deadline=None)
def test_a_dumped_machine_loads_as_itself(machine: Machine) -> None:
    for form in ("yaml", "json"):
        assert kvnet.loads(kvnet.dump(machine, format=form)) == machine


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every node of a JSON document, and the way to it."""
    yield path, value
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from leaves(each, (*path, n))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    first, *rest = path
    if isinstance(value, list):
        return [replaced(each, tuple(rest), by) if n == first else each for n, each in enumerate(value)]
    return {key: replaced(each, tuple(rest), by) if key == first else each for key, each in value.items()}


@SLOW
@given(data=st.data())
def test_no_text_changes_the_structure_of_the_xml(data: st.DataObject) -> None:
    machine = data.draw(admitted_machines(max_nics=2))
    document = json.loads(kvnet.dump(machine, format="json"))
    texts = [path for path, value in leaves(document) if isinstance(value, str)]
    hostile = replaced(document, data.draw(st.sampled_from(texts)), data.draw(hostile_texts()))
    try:
        asked = kvnet.load(hostile)
        compiled = kvnet.compile(asked, kvnet.Target(facts=data.draw(facts_for(asked))))
        domain = kvnet.build(asked, None, compiled.xml())
    except kvnet.KvnetError:
        return
    devices = etree.fromstring(domain.encode()).find("devices")
    assert devices is not None
    known = {"interface", "hostdev", "iommu", "serial", "console"}
    assert {each.tag for each in devices} <= known
    nics = [each for each in devices if each.tag in ("interface", "hostdev")]
    assert len(nics) == len(compiled.devices)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_texts(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(hostile_texts(), inner, max_size=2),
    max_leaves=4,
)


@SLOW
@given(data=st.data())
def test_any_value_in_any_place_ends_in_devices_or_in_problems(data: st.DataObject) -> None:
    document = json.loads(kvnet.dump(data.draw(machines(max_nics=2)), format="json"))
    paths = [path for path, _ in leaves(document) if path]
    spoiled = replaced(document, data.draw(st.sampled_from(paths)), data.draw(JSON))
    profile = data.draw(PROFILES)
    assert all(problem.message and problem.code.startswith("KN") for problem in problems_of(spoiled, profile))


def problems_of(document: Any, profile: str) -> tuple[kvnet.Problem, ...]:
    """What is wrong on the way from a document to a domain."""
    try:
        machine = kvnet.load(document)
        kvnet.check(machine)
        compiled = kvnet.compile(machine, kvnet.Target(profile=profile))
        kvnet.build(machine, None, compiled.xml())
    except kvnet.KvnetError as error:
        return error.problems
    return ()
