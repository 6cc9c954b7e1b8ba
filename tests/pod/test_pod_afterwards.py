"""What a pod has once its plans are carried out: links with their addresses, chains of NAT, preparations that go on."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import PodFound
from kvnet.compiler.pod import hashed_name
from kvnet.pod import FoundLink, found_after
from kvnet.pod.assumed import with_lease_routes
from kvnet.pod.link_sets import TapLink
from kvnet.spec import Machine

FOUND = kvnet.loads_found(
    "hostIP: 192.168.1.5\nlinks: [{name: eth0, ipv4: [10.244.0.5/24], ipv6: ['fd10:244::5/64']}, {name: net1}]"
)
CHAINS = {
    "prerouting": "{ type nat hook prerouting priority -100; }",
    "input": "{ type nat hook input priority 100; }",
    "output": "{ type nat hook output priority -100; }",
    "postrouting": "{ type nat hook postrouting priority 100; }",
    "KUBEVIRT_PREINBOUND": "",
    "KUBEVIRT_POSTINBOUND": "",
}


def machine(*nics: dict[str, Any], **members: Any) -> Machine:
    networks = [pod(each["name"]) if "masquerade" in each else multus(each["name"]) for each in nics]
    return kvnet.load(vmi(list(nics), networks, **members))


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_each_family_has_kubevirts_chains_with_their_hooks(family: str) -> None:
    made = kvnet.pod_nat(machine(nic("a", "masquerade")), None, FOUND)
    begin = ("nft", "add", "chain", family, "nat")
    assert {each[5]: " ".join(each[6:]) for each in made.commands if each[:5] == begin} == CHAINS


def test_the_bridge_of_a_masqueraded_nic_has_both_of_its_addresses_afterwards() -> None:
    asked = machine(nic("a", "masquerade"))
    after = found_after(FOUND, kvnet.pod_links(asked, None, FOUND))
    bridge = next(each for each in after.links if each.name == "k6t-eth0")
    assert bridge.kind == "bridge"
    assert [str(each) for each in bridge.ipv4] == ["10.0.2.1/24"]
    assert [str(each) for each in bridge.ipv6] == ["fd10:0:2::1/120"]
    tap = next(each for each in after.links if each.name == "tap0")
    assert (tap.kind, tap.controller) == ("tun", "k6t-eth0")


def test_a_link_that_moves_into_a_bridge_has_no_address_afterwards() -> None:
    asked = machine(nic("a"))
    routes = "[{destination: 10.1.1.0/24, link: podca978112ca1}]"
    networks = kvnet.loads_found(f"links: [{{name: podca978112ca1, ipv4: [10.1.1.5/24]}}]\nroutes: {routes}")
    plan = kvnet.pod_links(asked, None, networks)
    after = found_after(networks, plan)
    moved = [each for each in after.links if each.controller]
    assert [each.ipv4 for each in moved] == [(), ()]


def test_links_that_are_there_stay_as_they_are_when_more_are_made() -> None:
    """Planned again, the dummy of a moved link would get the MAC address of its bridge."""
    networks = kvnet.loads_found("links: [{name: eth0}, {name: podca978112ca1, mac: '02:00:00:00:00:01'}]")
    before = found_after(networks, kvnet.pod_links(machine(nic("a")), None, networks))
    moved = tuple(evolve(each, mac=None) if each.controller else each for each in before.links)
    before = evolve(before, links=(*moved, FoundLink(name=hashed_name("b"))))
    after = found_after(before, kvnet.pod_links(machine(nic("a"), nic("b")), None, before))
    assert after.link("podca978112ca1") == before.link("podca978112ca1")
    assert {each.name for each in after.links} > {each.name for each in before.links}


ROUTES = {
    "none but that of the link": "[{destination: 10.1.1.0/24, link: podca978112ca1}]",
    "a gateway": """[{destination: 0.0.0.0/0, link: podca978112ca1, gateway: 10.1.1.1},
        {destination: 10.1.1.0/24, link: podca978112ca1}]""",
    "a route beside": """[{destination: 10.1.1.0/24, link: podca978112ca1},
        {destination: 192.0.2.0/24, link: podca978112ca1, gateway: 10.1.1.9}]""",
}


@pytest.mark.parametrize("routes", ROUTES)
def test_the_routes_of_a_lease_give_the_same_lease_when_more_links_are_planned(routes: str) -> None:
    """They went away with the NIC that moved, and the plan of further links makes each lease anew."""
    text = "links: [{name: podca978112ca1, ipv4: [10.1.1.5/24], mac: '02:00:00:00:00:01'}]\nroutes: "
    networks = kvnet.loads_found(text + ROUTES[routes])
    before = evolve(found_after(networks, kvnet.pod_links(machine(nic("a")), None, networks)), routes=())
    with_more = evolve(before, links=(*before.links, FoundLink(name=hashed_name("b"))))
    asked = machine(nic("a"), nic("b"))
    assert [each.code for each in kvnet.pod_links(asked, None, with_more).problems] == ["KN842"]
    again = kvnet.pod_links(asked, None, with_lease_routes(with_more))
    assert again.problems == ()
    assert again.leases["podca978112ca1"] == before.leases["podca978112ca1"]


def test_what_was_prepared_is_kept_where_a_plan_fails_later() -> None:
    asked = machine(nic("a", "masquerade"))
    plan = kvnet.pod_links(asked, None, FOUND)
    again: PodFound = found_after(FOUND, plan)
    assert again.preparations == plan.after
    assert kvnet.pod_links(asked, None, again).links == ()


def test_a_tap_of_an_unknown_process_has_none() -> None:
    tap = TapLink(network="a", name="tap0", controller="k6t-eth0")
    assert (tap.pid, tap.queues, tap.owner, tap.mtu, tap.multi_queue, tap.is_absent) == (0, 0, 0, None, False, False)
    assert [TapLink(network="a", name="t", controller="b", queues=n).multi_queue for n in (1, 2)] == [False, True]
