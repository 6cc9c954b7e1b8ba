"""A domain's text is parsed once, and every function takes the result."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi
from parses import count_parses

import kvnet
from kvnet.device import Device
from kvnet.hotplug import (
    DomainState,
    LiveDomain,
    Plan,
    extra_ports,
    free_ports,
    hotplug_off,
    plan_changes,
    plan_domain,
    plan_next_start,
    preview,
    with_hotplug_ports,
)
from kvnet.testing import devices

PORTS = "".join(f"<controller type='pci' index='{n}' model='pcie-root-port'/>" for n in range(1, 4))
NIC = "<interface type='user'><alias name='ua-default'/><address type='pci' bus='0x01' slot='0x00'/></interface>"
ROOT = "<controller type='pci' index='0' model='pcie-root'/>"
DOMAIN = f"<domain>\n  <devices>{ROOT}{PORTS}{NIC}</devices>\n</domain>"
MACHINE = kvnet.load(vmi([nic("default", "masquerade"), nic("red")], [pod("default"), multus("red")]))

PASSES = 2
"""One makes the tree, the other finds the positions in the text."""


def test_an_attachment_to_both_configurations_parses_each_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plan_domain(DomainState(uuid="u", live=DOMAIN, persistent=DOMAIN), MACHINE)

    def attach() -> None:
        plan = plan_domain(DomainState(uuid="u", live=DOMAIN, persistent=DOMAIN), MACHINE)
        assert "attach red (ua-red) [running, next start]" in map(str, plan.calls)

    assert count_parses(monkeypatch, attach) == 2 * PASSES


def test_a_domain_that_is_parsed_has_its_positions_found_once_and_is_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    domain = LiveDomain.parse(DOMAIN)

    def everything() -> None:
        plan = plan_changes(domain, MACHINE)
        plan_next_start(domain, MACHINE)
        plan_domain(DomainState(uuid="u", live=domain, persistent=domain), MACHINE)
        preview(domain, plan)
        with_hotplug_ports(domain, MACHINE)
        extra_ports(MACHINE, domain)
        free_ports(domain)
        hotplug_off(domain)

    assert count_parses(monkeypatch, everything) == 1
    assert count_parses(monkeypatch, everything) == 0


def test_text_and_parsed_domain_give_the_same_answers() -> None:
    domain = LiveDomain.parse(DOMAIN.encode())
    assert domain == LiveDomain.parse(DOMAIN)
    assert plan_changes(domain, MACHINE) == plan_changes(DOMAIN, MACHINE)
    assert with_hotplug_ports(domain, MACHINE) == with_hotplug_ports(DOMAIN, MACHINE)
    assert free_ports(domain) == free_ports(DOMAIN) == (2, 3)


def test_a_domain_is_a_value() -> None:
    domain = LiveDomain.parse(DOMAIN)
    assert hash(domain) == hash(LiveDomain.parse(DOMAIN))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        domain.nics = ()


def test_devices_have_their_place_in_the_text_and_on_pci() -> None:
    domain = LiveDomain.parse(DOMAIN)
    (live,) = domain.nics
    assert (str(live.at), live.alias, live.text) == ("interface[0]", "ua-default", NIC)
    assert domain.document[live.span.start : live.span.end].decode() == NIC
    assert [(each.tag, each.index, each.bus) for each in domain.devices][-2:] == [
        ("controller", 3, None),
        ("interface", None, 1),
    ]


@given(st.lists(devices(), max_size=4))
def test_every_nic_of_a_document_is_read_without_loss(made: list[Device]) -> None:
    texts = [kvnet.write(each) for each in made]
    domain = LiveDomain.parse(f"<domain><devices>{''.join(texts)}</devices></domain>")
    assert [nic.text for nic in domain.nics] == texts
    assert preview(domain, Plan()) == domain.document.decode()
