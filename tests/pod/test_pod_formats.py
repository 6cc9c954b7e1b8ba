"""Every format of a plan, of any machine in any pod: none fails, and no hostile text gets into its syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from pod.dnsmasq_files import read
from pod.hostile import HOSTILE, hostile_machines
from pod.rulesets import masqueraded, pods

import kvnet
from kvnet import FactsError, PodFound, testing
from kvnet.cli import pod as command
from kvnet.cli.output import headed_texts
from kvnet.pod import Phase, assumed_found, dnsmasq, found_after
from kvnet.spec import Machine

RANGES = kvnet.Target(cluster=kvnet.ClusterConfig(feature_gates=frozenset({"PortRangesSpec"})))
LINE = re.compile("web: (annotation|link|remove|sysctl|lease of|pod IPs of|nft add|DHCP on) ")
MACHINES: st.SearchStrategy[tuple[Machine, PodFound | None]] = st.one_of(
    st.tuples(masqueraded(), pods()),
    st.tuples(testing.machines(), st.none()),
    st.tuples(testing.values_of(Machine), testing.values_of(PodFound)),
)


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_format_of_a_random_machine_is_written(count: int) -> None:
    written: list[str] = []

    @settings(
        max_examples=count,
        phases=[Stage.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(MACHINES, testing.cluster_configs(), st.sampled_from(Phase))
    def draw(drawn: tuple[Machine, PodFound | None], cluster: kvnet.ClusterConfig, phase: Phase) -> None:
        (machine, found), target = drawn, kvnet.Target(cluster=cluster)
        plan = command._plan(machine, target, found, phase)
        written.extend(write(plan)[0] for write in command.FORMATS.values())
        written.append(json.dumps(command._described(plan, plan.problems)))
        data = kvnet.network_data(machine, target)
        written.extend(data.text(version) for version in (1, 2))
        kvnet.check_network_data(machine, target)

    draw()
    assert len(written) == count * (len(command.FORMATS) + 3)
    assert len(set(written)) > count / 2


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_machines(), st.sampled_from(Phase))
def test_a_plan_as_text_has_one_line_for_each_thing(drawn: tuple[Machine, PodFound], phase: Phase) -> None:
    plan = command._plan(drawn[0], RANGES, drawn[1], phase)
    text, _ = command._text(evolve(plan, name="web"))
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == sum(1 for _ in command._lines(plan))
    assert all(LINE.match(each) and each.isprintable() for each in lines)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_machines())
def test_no_hostile_text_gets_into_the_syntax_of_dnsmasq(drawn: tuple[Machine, PodFound]) -> None:
    for served in kvnet.pod_dhcp(drawn[0], RANGES, drawn[1]).servers:
        assert re.fullmatch("k6t-[A-Za-z0-9_.-]{0,11}", served.bridge)
        try:
            text = dnsmasq(served)
        except kvnet.Rejected:
            continue
        fields = dict(read(text))
        assert fields["interface"] == [served.bridge]
        assert fields.keys() <= {
            *("port", "no-resolv", "no-hosts", "no-ping", "bind-dynamic", "except-interface", "dhcp-authoritative"),
            *("leasefile-ro", "interface", "dhcp-range", "dhcp-host", "dhcp-option-force", "dhcp-option"),
            "shared-network",
        }
        assert fields["port"] == ["0"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_machines(), st.sampled_from(Phase))
def test_annotations_are_read_again_as_they_were_made(drawn: tuple[Machine, PodFound], phase: Phase) -> None:
    plan = command._plan(drawn[0], RANGES, drawn[1], phase)
    text, _ = command._annotations(plan)
    assert yaml.safe_load(text) == {"annotations": plan.texts}
    networks = json.loads(plan.texts.get("k8s.v1.cni.cncf.io/networks") or "[]")
    assert len(networks) <= 1
    assert all(each.keys() <= {"name", "namespace", "mac", "interface"} for each in networks)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(hostile_machines(), st.sampled_from([1, 2]))
def test_network_data_is_read_again_as_it_was_made(drawn: tuple[Machine, PodFound], version: int) -> None:
    data = kvnet.network_data(drawn[0], RANGES)
    assert yaml.safe_load(data.text(version)) == data.plain(version)


@given(HOSTILE, HOSTILE)
def test_a_name_in_a_heading_stays_a_comment(one: str, other: str) -> None:
    lines = headed_texts([(one, "a\n"), (other, "b\n")]).splitlines()
    assert [line for line in lines if line and not line.startswith("# ")] == ["a", "b"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(testing.machines())
def test_a_pod_in_which_the_links_were_made_needs_no_more(machine: Machine) -> None:
    found = assumed_found(machine, RANGES)
    plan = kvnet.pod_links(machine, RANGES, found)
    assume(not plan.problems)
    after = found_after(found, plan)
    assert not kvnet.pod_links(machine, RANGES, after).is_due
    again = kvnet.pod_links(machine, RANGES, evolve(after, preparations={}))
    assert {each.name for each in again.links} == {each.name for each in plan.links}


WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**40, 1.5, "", "x", "10.0.0.1", [], ["x"], {}, {"x": 1}, [[]], "1\n2"]
)


FULL = {
    "links": [
        {"name": "eth0", "index": 3, "kind": "veth", "mac": "0a:58:0a:f4:00:05", "mtu": 1450, "controller": "k6t-eth0"}
        | {"ipv4": ["10.244.0.5/24"], "ipv6": ["fd10:244::5/64"], "ipv4Enabled": True, "ipv6Enabled": False}
    ],
    "routes": [{"destination": "0.0.0.0/0", "link": "eth0", "gateway": "10.244.0.1"}],
    "preparations": {"default": "finished"},
    "leases": {
        "eth0": {"ipamDisabled": False, "address": "10.244.0.5/24", "mac": "0a:58:0a:f4:00:05", "gateway": "10.244.0.1"}
        | {"routes": [{"destination": "10.96.0.0/12", "gateway": "10.244.0.1"}]}
    },
    "hostIP": "fd00::1",
    "hostname": "web",
    "resolvConf": "nameserver 10.96.0.10",
    "launcherPID": 55,
}


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _places(value[key], (*at, key))


@given(st.sampled_from([*_places(FULL)]), WRONG)
def test_a_value_of_another_type_is_read_or_refused_with_its_place(at: tuple[Any, ...], wrong: Any) -> None:
    data: Any = deepcopy(FULL)
    *outer, last = at
    holder = reduce(getitem, outer, data)
    holder[last] = wrong
    told = _refusals(json.dumps(data))
    assert all(each.code == "KN022" and each.place and each.place.file == "pod.yaml" for each in told)
    assert all(each.at.parts[: len(at)] == at for each in told)


def _refusals(text: str) -> tuple[kvnet.Problem, ...]:
    try:
        kvnet.loads_found(text, name="pod.yaml")
    except FactsError as refused:
        return refused.problems
    return ()


def test_a_folder_is_no_description_of_a_pod(tmp_path: Path) -> None:
    with pytest.raises(FactsError):
        kvnet.load_found(tmp_path)
