"""What holds for the status of every running machine."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from interface_status.domains import agent_link, domain, nic_xml, vf_xml

import kvnet
from kvnet.compiler.pod import hashed_name
from kvnet.spec import InterfaceStatus, Machine, Sriov, Status
from kvnet.testing import machines

MACS = st.sampled_from(["", "02:00:00:00:00:01", "02:00:00:00:00:02", "02:AB:00:00:00:01"])
IPS = st.lists(
    st.sampled_from(["10.0.2.2", "169.254.1.1", "fe80::1", "fd00::7", "bogus", "::ffff:1.2.3.4"]), max_size=3
)
LINKS = st.builds(lambda name, mac, ips: agent_link(name, mac, *ips), st.sampled_from(["", "eth0"]), MACS, IPS)
SOURCES = st.lists(st.sampled_from(["domain", "guest-agent", "multus-status"]), unique=True).map(", ".join)
Seen = tuple[Machine, str, dict[str, Any]]


@st.composite
def seen_machines(draw: st.DrawFn) -> Seen:
    """A machine with some last status, its domain, and what agent, pod and Multus say of it."""
    machine = draw(machines())
    names = [*(network.name for network in machine.networks), "stray"]
    entries = st.builds(
        InterfaceStatus,
        name=st.none() | st.sampled_from(names),
        info_source=st.none() | SOURCES,
        pod_interface_name=st.none() | st.sampled_from(["eth0", "net1", "pod1"]),
    )
    last = draw(st.lists(entries, max_size=4, unique_by=lambda entry: entry.name or object()))
    vfs = {nic.name for nic in machine.interfaces if isinstance(nic.binding, Sriov)}
    devices = [
        vf_xml(name) if name in vfs else nic_xml(name, draw(MACS), link=draw(st.sampled_from([None, "up", "down"])))
        for name in draw(st.lists(st.sampled_from(names), unique=True))
    ]
    ips = {name: {"podIP": "".join(known[:1]), "podIPs": known} for name in names if (known := draw(IPS))}
    told = {
        "guest_agent": draw(st.none() | st.lists(LINKS, max_size=3)),
        "multus": draw(st.none() | st.lists(st.sampled_from(names).map(_attached), max_size=3)),
        "pod_ips": ips,
    }
    return attrs.evolve(machine, status=Status(interfaces=tuple(last))), domain(*devices), told


def _attached(name: str) -> dict[str, Any]:
    return {"name": "nad", "interface": hashed_name(name)}


def reporting(machine: Machine, entries: tuple[InterfaceStatus, ...]) -> Machine:
    return attrs.evolve(machine, status=Status(interfaces=entries))


@given(seen_machines())
def test_a_status_that_was_reported_is_reported_again(seen: Seen) -> None:
    machine, xml, told = seen
    once = kvnet.status(machine, xml, **told)
    assert kvnet.status(reporting(machine, once), xml, **told) == once


@given(seen_machines(), st.randoms(use_true_random=False))
def test_the_order_of_the_manifests_nics_does_not_matter(seen: Seen, random: Any) -> None:
    machine, xml, told = seen
    mixed = machine.with_nics(tuple(random.sample(machine.interfaces, len(machine.interfaces))), machine.networks)
    assert kvnet.status(mixed, xml, **told) == kvnet.status(machine, xml, **told)


@given(seen_machines())
def test_a_status_survives_being_written_and_read(seen: Seen) -> None:
    machine, xml, told = seen
    reported = reporting(machine, kvnet.status(machine, xml, **told))
    assert kvnet.loads(kvnet.dump(reported)) == reported
