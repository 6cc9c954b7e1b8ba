"""Plain data from a guest or a pod that is not of the shape it should have."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, vmi

import kvnet
from kvnet.interface_status import agent_nics, pod_addresses, pod_networks
from kvnet.lifecycle import migration_required

MACHINE = kvnet.load(vmi([nic()], [multus()]))
DOMAIN = "<domain/>"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("report", "where", "says"),
    [
        ("[]", "KN801 guestAgent", '"[]" is text, not a list'),
        ({"eth0": {}}, "KN801 guestAgent", '{"eth0": {}} is a mapping, not a list'),
        (b"[]", "KN801 guestAgent", "is a value of type bytes, not a list"),
        ("x" * 1000, "KN801 guestAgent", 'xxx" is text, not a list'),
        ({"return": 5}, "KN801 guestAgent.return", "5 is a number, not a list"),
        ({"return": None}, "KN801 guestAgent.return", "null is not a list"),
        ([None], "KN801 guestAgent[0]", "an entry is empty, not a mapping"),
        ([{"name": 5}], "KN801 guestAgent[0].name", "5 is a number, not text"),
        ([{}, {"hardware-address": ["a"]}], "KN801 guestAgent[1].hardware-address", '["a"] is a list, not text'),
        ([{"ip-addresses": "10.0.0.1"}], "KN801 guestAgent[0].ip-addresses", "is text, not a list"),
        ([{"ip-addresses": ["10.0.0.1"]}], "KN801 guestAgent[0].ip-addresses[0]", "is text, not a mapping"),
        (
            [{"ip-addresses": [{"ip-address": 167772161}]}],
            "KN801 guestAgent[0].ip-addresses[0].ip-address",
            "167772161 is a number, not text",
        ),
    ],
)
def test_a_bad_report_of_the_agent_is_refused_at_its_place(report: Any, where: str, says: str) -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.status(MACHINE, DOMAIN, report)
    [problem] = caught.value.problems
    assert f"{problem.code} {problem.field}" == where
    assert says in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("status", "where"),
    [
        ("[]", "KN802 networkStatus"),
        ({"interface": "eth0"}, "KN802 networkStatus"),
        ([[]], "KN802 networkStatus[0]"),
        ([{}, {"interface": 0}], "KN802 networkStatus[1].interface"),
        ([{"default": "true"}], "KN802 networkStatus[0].default"),
    ],
)
def test_a_bad_network_status_is_refused_at_its_place(status: Any, where: str) -> None:
    for read in (lambda: kvnet.status(MACHINE, DOMAIN, None, status), lambda: pod_networks(status)):
        with pytest.raises(kvnet.Rejected) as caught:
            read()
        assert [f"{problem.code} {problem.field}" for problem in caught.value.problems] == [where]


@pytest.mark.parametrize(
    ("cache", "where"),
    [
        ([], "KN803 podIPs"),
        ({5: {}}, "KN803 podIPs"),
        ({"a": "10.0.0.1"}, "KN803 podIPs.a"),
        ({"a": {"podIPs": "10.0.0.1"}}, "KN803 podIPs.a.podIPs"),
        ({"a": {"podIPs": [None]}}, "KN803 podIPs.a.podIPs[0]"),
    ],
)
def test_bad_addresses_of_the_pod_are_refused_at_their_place(cache: Any, where: str) -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        kvnet.status(MACHINE, DOMAIN, pod_ips=cache)
    assert [f"{problem.code} {problem.field}" for problem in caught.value.problems] == [where]


def test_every_flaw_of_a_report_is_told_at_once() -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        agent_nics([{"name": 1, "hardware-address": 2}, 3])
    assert len(caught.value.problems) == 3


def test_null_stands_for_what_is_absent_and_other_members_do_not_matter() -> None:
    [link] = agent_nics([{"name": None, "hardware-address": None, "ip-addresses": None, "statistics": 7}])
    assert (link.name, link.mac, link.ip, link.ips) == ("", "", "", ())
    assert pod_addresses({"a": {"podIP": None, "podIPs": None}})["a"].ips == ()


def test_a_network_without_addresses_may_be_null() -> None:
    assert pod_addresses({"a": None}) == pod_addresses({"a": {}})


def test_a_domain_that_is_none_is_refused() -> None:
    with pytest.raises(kvnet.XmlError):
        kvnet.status(MACHINE, "<interface/>")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "interface", "default", "ip-addresses", "ip-address", "podIPs", "return", "a"]),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_any_plain_data_is_read_or_refused(data: Any) -> None:
    for read in (
        lambda: kvnet.status(MACHINE, DOMAIN, data),
        lambda: kvnet.status(MACHINE, DOMAIN, None, data),
        lambda: kvnet.status(MACHINE, DOMAIN, pod_ips=data),
        lambda: migration_required(MACHINE, data, NOW),
    ):
        with suppress(kvnet.Rejected):
            read()
