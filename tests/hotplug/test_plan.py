"""What is done to a running machine, in which order, with which XML."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import NOTHING, evolve, fields, fields_dict
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import Plan, Profile, Severity, XmlError, plan_changes
from kvnet.compiler import found_links
from kvnet.facts import HostFacts, PodLink
from kvnet.hotplug import Action, HotplugPolicy, networks_to_set_up, plan_next_start, plan_virtual_functions, preview
from kvnet.hotplug import policy as policies
from kvnet.spec import Machine, Nad, Resources
from kvnet.testing import admitted_machines
from kvnet.values import PciAddress

MAC = "52:54:00:00:00:0a"
TAP = "tapb1f51a511f1"
NADS = (Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br0"}'),)
HOST = kvnet.Target(profile=Profile.HOST, nads=NADS)


def machine(*interfaces: dict[str, Any], status: dict[str, Any] | None = None, **members: Any) -> Machine:
    """Interfaces on networks of Multus, and one on the pod's network unless it is among them."""
    primary = [] if any(each["name"] == "default" for each in interfaces) else [nic("default", "masquerade")]
    nics = [*primary, *interfaces]
    networks = [pod("default"), *(multus(each["name"]) for each in nics if each["name"] != "default")]
    return kvnet.load(vmi(nics, networks, status=status, **members))


def running(*entries: tuple[str, str], phase: str = "Running") -> dict[str, Any]:
    return {"phase": phase, "interfaces": [{"name": name, "infoSource": source} for name, source in entries]}


def live(name: str = "red", inside: str = "", target: str = TAP, model: str = "virtio-non-transitional") -> str:
    return (
        f'<interface type="ethernet"><target dev="{target}" managed="no"/><model type="{model}"/>{inside}'
        f'<alias name="ua-{name}"/><rom enabled="no"/></interface>'
    )


DEFAULT = live("default", target="tap0")


def domain(*devices: str) -> str:
    return "<domain>\n  <devices>\n    " + "\n    ".join((DEFAULT, *devices)) + "\n  </devices>\n</domain>\n"


def told(plan: Plan) -> list[str]:
    return [str(step) for step in plan.steps]


def codes(plan: Plan, least: Severity = Severity.WARNING) -> list[str]:
    weights = list(Severity)
    return [each.code for each in plan.problems if weights.index(each.severity) <= weights.index(least)]


PLAIN = {
    "nothing to do": ([nic("red")], [live()], []),
    "a NIC that is new": ([nic("red")], [], ["attach red (ua-red)"]),
    "a NIC that is absent": ([nic("red", state="absent")], [live()], ["detach red (ua-red)"]),
    "a NIC that is absent on any target": (
        [nic("red", state="absent")],
        [live(target="vnet3")],
        ["detach red (ua-red)"],
    ),
    "a NIC that is absent and gone": ([nic("red", state="absent")], [], []),
    "a link that goes down": ([nic("red", state="down")], [live()], ["update-link red (ua-red)"]),
    "a link that goes up": ([nic("red")], [live(inside='<link state="down"/>')], ["update-link red (ua-red)"]),
    "a link that libvirt says is up": ([nic("red")], [live(inside='<link state="up"/>')], []),
    "a link that both say is up": ([nic("red", state="up")], [live(inside='<link state="up"/>')], []),
    "a link that is down": ([nic("red", state="down")], [live(inside='<link state="down"/>')], []),
    "attachments first, then what is detached, then links": (
        [nic("a", state="down"), nic("b", state="absent"), nic("c")],
        [live("a"), live("b")],
        ["attach c (ua-c)", "detach b (ua-b)", "update-link a (ua-a)"],
    ),
    "attachments in the order of interfaces": ([nic("z"), nic("a")], [], ["attach z (ua-z)", "attach a (ua-a)"]),
    "names that differ by letter case alone": ([nic("Red")], [live("red")], ["attach Red (ua-Red)"]),
    "an alias of libvirt's own": ([nic("net0")], [live().replace("ua-red", "net0")], ["attach net0 (ua-net0)"]),
}


@pytest.mark.parametrize(("nics", "devices", "steps"), PLAIN.values(), ids=PLAIN)
def test_a_plain_host_does_what_is_asked_at_once(
    nics: list[dict[str, Any]], devices: list[str], steps: list[str]
) -> None:
    assert told(plan_changes(domain(*devices), machine(*nics))) == steps


KUBEVIRT = {
    "a NIC that the pod has": ([nic("red")], running(("red", "multus-status")), [], ["attach red (ua-red)"]),
    "a NIC that the pod has not": ([nic("red")], running(("red", "domain")), [], []),
    "a NIC that nothing is said of": ([nic("red")], running(), [], []),
    "a NIC that status alone has in the domain": (
        [nic("red")],
        running(("red", "domain, multus-status")),
        [],
        ["attach red (ua-red)"],
    ),
    "a machine that does not run": ([nic("red")], running(("red", "multus-status"), phase="Scheduled"), [], []),
    "a NIC that is absent, on its hashed tap": (
        [nic("red", state="absent")],
        running(),
        [live()],
        ["detach red (ua-red)"],
    ),
    "a NIC that is absent, on an ordinal tap": ([nic("red", state="absent")], running(), [live(target="tap1")], []),
    "a link that is said to be up": (
        [nic("red")],
        running(),
        [live(inside='<link state="up"/>')],
        ["update-link red (ua-red)"],
    ),
    "an alias without its prefix": (
        [nic("red", state="absent")],
        running(),
        [live().replace("ua-red", "red")],
        ["detach red (red)"],
    ),
    "a virtual function": ([nic("red", "sriov")], running(("red", "multus-status")), [], []),
    "a plugin that attaches no tap, which ends it all": (
        [nic("a", state="absent"), {"name": "red", "binding": {"name": "x"}}, nic("z")],
        running(("red", "multus-status"), ("z", "multus-status")),
        [live("a")],
        [],
    ),
}


@pytest.mark.parametrize(("nics", "status", "devices", "steps"), KUBEVIRT.values(), ids=KUBEVIRT)
def test_a_machine_with_a_status_changes_when_kubevirt_would(
    nics: list[dict[str, Any]], status: dict[str, Any], devices: list[str], steps: list[str]
) -> None:
    assert told(plan_changes(domain(*devices), machine(*nics, status=status))) == steps


def test_the_rule_can_be_chosen_and_the_host_profile_has_its_own() -> None:
    waiting = machine(nic("red"), status=running())
    assert told(plan_changes(domain(), waiting)) == []
    assert told(plan_changes(domain(), waiting, policy="plain")) == ["attach red (ua-red)"]
    assert "attach red (ua-red)" in told(plan_changes(domain(), waiting, HOST))
    assert codes(plan_changes(domain(), machine(nic("red")), policy=HotplugPolicy.KUBEVIRT), Severity.NOTE) == ["KN858"]
    (waits,) = plan_changes(domain(), waiting).problems
    assert (waits.code, waits.hint) == ("KN858", "wait for Multus, or migrate the machine")


@pytest.mark.parametrize(("word", "raised"), [("Plain", ValueError), ("", ValueError), (5, TypeError)])
def test_a_policy_that_is_none_is_told_with_those_that_are(word: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised, match=f"the policy is 'kubevirt' or 'plain', not {word!r}"):
        plan_changes(domain(), machine(), policy=word)


def test_every_policy_has_every_answer() -> None:
    assert set(policies.ANSWERS) == set(HotplugPolicy)
    assert all(each.default is NOTHING for each in fields(policies.Answers))


DECIDED = {
    "machine_waits": ([nic("red")], running(phase="Scheduled"), [], ["attach red (ua-red)"], []),
    "attachment_waits": ([nic("red")], running(), [], ["attach red (ua-red)"], []),
    "detachment_waits": ([nic("red", state="absent")], None, [live(target="tap1")], ["detach red (ua-red)"], []),
    "stops_at_error": (
        [nic("red", state="absent"), {"name": "blue", "binding": {"name": "x"}}],
        None,
        [live()],
        ["detach red (ua-red)"],
        [],
    ),
    "replaces": ([nic("red", model="e1000")], None, [live()], ["replace red (ua-red)"], []),
    "default_link": ([nic("red")], None, [live(inside='<link state="up"/>')], [], ["update-link red (ua-red)"]),
    "reads_bare_aliases": (
        [nic("red", state="absent")],
        None,
        [live().replace("ua-red", "red")],
        [],
        ["detach red (red)"],
    ),
}


@pytest.mark.parametrize("question", fields_dict(policies.Answers))
def test_each_answer_of_a_policy_decides_alone(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nics, status, devices, plain, mixed = DECIDED[question]
    asked = machine(*nics, status=status)
    assert told(plan_next_start(domain(*devices), asked, policy="plain")) == plain
    answer = getattr(HotplugPolicy.KUBEVIRT.answers, question)
    answers = evolve(HotplugPolicy.PLAIN.answers, **{question: answer})
    monkeypatch.setattr(policies, "ANSWERS", {**policies.ANSWERS, HotplugPolicy.PLAIN: answers})
    assert told(plan_next_start(domain(*devices), asked, policy="plain")) == mixed


TOLD = {
    "a MAC address": (nic("red", macAddress=MAC), [live(inside='<mac address="52:54:00:00:00:0b"/>')], ["KN851"]),
    "a model": (nic("red", model="e1000"), [live()], ["KN851"]),
    "queues": (nic("red"), [live(inside='<driver name="vhost" queues="4"/>')], ["KN851"]),
    "an ACPI index": (nic("red", acpiIndex=7), [live()], ["KN851"]),
    "another network": (nic("red"), [live().replace('"ethernet">', '"bridge"><source bridge="b"/>')], ["KN851"]),
    "what the pod decides, and is not known": (nic("red"), [live(inside='<mtu size="1400"/>')], []),
    "what libvirt adds": (
        nic("red"),
        [live(inside=f'<mac address="{MAC}"/><address type="pci" bus="0x05" slot="0x00"/><link state="up"/>')],
        [],
    ),
    "what kvnet does not model": (nic("red"), [live(inside="<future x='1'/>")], []),
    "a plugin without tap": ({"name": "red", "binding": {"name": "x"}}, [], ["KN850"]),
    "two NICs of one alias": (nic("red", state="down"), [live(), live()], ["KN854"]),
    "two NICs of one alias, one to be detached": (nic("red", state="absent"), [live(), live()], ["KN854"]),
    "a NIC without alias and of the same MAC address": (
        nic("red", macAddress=MAC),
        [f"<interface type='user'><mac address='{MAC}'/></interface>"],
        ["KN855"],
    ),
    "the same with an alias of libvirt's own": (
        nic("red", macAddress=MAC),
        [f"<interface type='user'><mac address='{MAC.upper()}'/><alias name='net1'/></interface>"],
        ["KN855"],
    ),
    "a NIC without MAC address": (nic("red"), [], ["KN860"]),
}


@pytest.mark.parametrize(("asked", "devices", "found"), TOLD.values(), ids=TOLD)
def test_what_cannot_be_changed_live_is_told(asked: dict[str, Any], devices: list[str], found: list[str]) -> None:
    plan = plan_changes(domain(*devices), machine(asked))
    assert codes(plan) == found
    assert not plan.steps or found == ["KN860"]
    assert plan.needs_restart is ("KN851" in found)


def test_a_difference_names_both_values_and_the_field_of_the_spec() -> None:
    (problem,) = plan_changes(domain(live()), machine(nic("red", model="e1000"))).problems
    assert "model.@type virtio-non-transitional → e1000" in problem.message
    assert str(problem.at) == "spec.domain.devices.interfaces[1]"


REFUSED = {
    "CPUs that cannot be counted": (Resources(limits={"cpu": "many"}), None, "KN603"),
    "another architecture than the host's": (None, "arm64", "KN306"),
}


@pytest.mark.parametrize(("resources", "architecture", "code"), REFUSED.values(), ids=REFUSED)
def test_a_machine_that_cannot_be_compiled_as_a_whole_changes_nothing(
    resources: Resources | None, architecture: str | None, code: str
) -> None:
    asked = machine(nic("red", state="absent"))
    spec = evolve(asked.spec, architecture="amd64", domain=evolve(asked.spec.domain, resources=resources))
    plan = plan_changes(
        domain(live()), evolve(asked, spec=spec), kvnet.Target(facts=HostFacts(architecture=architecture))
    )
    assert ([each.code for each in plan.problems], plan.steps) == ([code], ())


def test_an_mtu_that_is_known_of_the_pod_counts() -> None:
    links = {"default": PodLink(name="eth0"), "red": PodLink(name="podb1f51a511f1", mtu=9000)}
    plan = plan_changes(
        domain(live(inside='<mtu size="1400"/>')), machine(nic("red")), kvnet.Target(facts=HostFacts(links=links))
    )
    assert "mtu.@size 1400 → 9000" in plan.problems[0].message


def test_kubevirt_plugs_virtual_functions_by_migration() -> None:
    hostdev = "<hostdev type='pci'><source><address bus='0x81'/></source><alias name='ua-sriov-red'/></hostdev>"
    status = running(("red", "multus-status"))
    for asked, devices in ((nic("red", "sriov"), []), (nic("red", "sriov", state="absent"), [hostdev])):
        plan = plan_changes(domain(*devices), machine(asked, status=status))
        assert (codes(plan), plan.needs_migration, plan.steps) == (["KN852"], True, ())
    assert told(plan_changes(domain(hostdev), machine(nic("red", "sriov", state="absent")))) == [
        "detach red (ua-sriov-red)"
    ]


def test_a_virtual_function_that_runs_needs_no_address_in_the_facts() -> None:
    hostdev = "<hostdev type='pci'><source><address bus='0x81'/></source><alias name='ua-sriov-red'/></hostdev>"
    assert plan_changes(domain(hostdev), machine(nic("red", "sriov"))) == Plan()
    assert codes(plan_changes(domain(), machine(nic("red", "sriov")))) == ["KN302"]


def test_an_ordinal_tap_is_told_of_where_kubevirt_would_not_detach() -> None:
    absent = machine(nic("red", state="absent"), status=running())
    assert codes(plan_changes(domain(live(target="tap1")), absent)) == ["KN857"]


def test_nics_that_are_not_the_machines_stay_and_are_named() -> None:
    others = [live("other"), "<interface type='user'/>", "<hostdev type='pci'><alias name='ua-gpu'/></hostdev>"]
    plan = plan_changes(domain(*others), machine())
    assert plan.steps == ()
    assert [(each.code, str(each.at)) for each in plan.problems] == [
        ("KN856", "interface[1]"),
        ("KN856", "interface[2]"),
    ]
    assert ["(alias: ua-other)" in plan.problems[0].message, "(alias: none)" in plan.problems[1].message] == [True] * 2


def test_virtual_functions_come_once_the_machine_has_migrated() -> None:
    status = running(("red", "domain, multus-status"), ("blue", "multus-status"), ("late", "domain"))
    asked = machine(*(nic(name, "sriov") for name in ("red", "blue", "late")), status=status)
    hostdev = "<hostdev type='pci'><source><address bus='0x81'/></source><alias name='ua-sriov-red'/></hostdev>"
    known = {name: PciAddress.parse(f"0000:81:00.{n}") for n, name in enumerate(("red", "blue"))}
    plan = plan_virtual_functions(domain(hostdev), asked, kvnet.Target(facts=HostFacts(pci_addresses=known)))
    assert told(plan) == ["attach blue (ua-sriov-blue)"]
    lacking = plan_virtual_functions(
        domain(), asked, kvnet.Target(facts=HostFacts(pci_addresses={"red": known["red"]}))
    )
    assert (told(lacking), codes(lacking)) == ([], ["KN302"])
    assert str(lacking.problems[0].at) == "spec.domain.devices.interfaces[2]"
    assert plan_virtual_functions(domain(), machine(nic("red"))) == Plan()


def test_what_is_detached_is_the_live_element_to_the_letter() -> None:
    element = (
        "<interface type='bridge'  ><!-- Mine --><source bridge=\"BR0\"/>\n      <alias name='ua-Red'/></interface>"
    )
    (step,) = plan_changes(domain(element), machine(nic("Red", state="absent"))).steps
    assert (step.action, step.alias, step.xml) == (Action.DETACH, "ua-Red", element)


def test_an_update_changes_the_link_and_nothing_else() -> None:
    element = live(inside='<mac address="52:54:00:AB:CD:EF"/><future A="B"/><!-- c --><address type="pci" bus="10"/>')
    (step,) = plan_changes(domain(element), machine(nic("red", state="down"))).steps
    assert step.action is Action.UPDATE_LINK
    made = etree.fromstring(step.xml)
    link = made.find("link")
    assert link is not None
    assert dict(link.attrib) == {"state": "down"}
    made.remove(link)
    assert etree.tostring(made) == etree.tostring(etree.fromstring(element))


def test_an_attachment_is_what_compiling_gives() -> None:
    asked = machine(nic("Red", macAddress=MAC.upper(), pciAddress="0000:0A:00.0"))
    (step,) = plan_changes(domain(), asked).steps
    assert step.xml == kvnet.compile(asked).xml()[1]


def ports(*indices: int, inside: str = "") -> str:
    made = (f"<controller type='pci' index='{n}' model='pcie-root-port'>{inside}</controller>" for n in indices)
    return "<controller type='pci' index='0' model='pcie-root'/>" + "".join(made)


BRIDGE = "<controller type='pci' index='9' model='pcie-to-pci-bridge'/>"
BUDGET = {
    "as many as there are ports": (["a", "b"], {}, ports(1, 2), ["a", "b"]),
    "more than there are ports": (["a", "b", "c"], {}, ports(1, 2), ["a", "b"]),
    "no ports": (["a"], {}, ports(), []),
    "ports where hotplug is off": (["a"], {}, ports(1, inside="<target hotplug='off'/>"), []),
    "a document without PCI controllers": (["a"], {}, "", ["a"]),
    "a machine without PCI Express": (["a"], {}, "<controller type='pci' index='0' model='pci-root'/>", ["a"]),
    "an older model without a bridge": (["a"], {"model": "rtl8139"}, ports(1, 2), []),
    "an older model and a bridge": (["a"], {"model": "rtl8139"}, ports() + BRIDGE, ["a"]),
    "an own address on a free port": (["a"], {"pciAddress": "0000:02:00.0"}, ports(1, 2), ["a"]),
    "an own address on a port that is not there": (["a"], {"pciAddress": "0000:03:00.0"}, ports(1, 2), []),
    "one own address for two": (["a", "b"], {"pciAddress": "0000:02:00.0"}, ports(1, 2), ["a"]),
    "an own address on the root complex": (["a"], {"pciAddress": "0000:00:05.0"}, ports(1), []),
    "an own slot of a bridge": (["a"], {"pciAddress": "0000:09:1f.0", "model": "e1000"}, ports() + BRIDGE, ["a"]),
    "slot 0 of a bridge": (["a"], {"pciAddress": "0000:09:00.0", "model": "e1000"}, ports() + BRIDGE, []),
}


@pytest.mark.parametrize(("names", "members", "devices", "fitting"), BUDGET.values(), ids=BUDGET)
def test_no_nic_is_attached_that_has_no_place(
    names: list[str], members: dict[str, Any], devices: str, fitting: list[str]
) -> None:
    asked = machine(*(nic(name, macAddress=MAC, **members) for name in names))
    plan = plan_changes(domain(devices), asked)
    assert [step.nic for step in plan.steps] == fitting
    assert codes(plan) == ["KN853"] * (len(names) - len(fitting))


def test_virtio_for_old_guests_needs_a_bridge() -> None:
    asked = machine(nic("red"), devices={"useVirtioTransitional": True})
    assert "KN853" in codes(plan_changes(domain(ports(1)), asked))
    assert "KN853" not in codes(plan_changes(domain(ports() + BRIDGE), asked))


def test_what_has_no_place_keeps_nothing_else_back_on_a_plain_host() -> None:
    asked = [nic("a", state="absent"), nic("red")]
    assert told(plan_changes(domain(ports(), live("a")), machine(*asked))) == ["detach a (ua-a)"]
    status = running(("red", "multus-status"))
    taps = live("a", target="tapca978112ca1")
    assert told(plan_changes(domain(ports(), taps), machine(*asked, status=status))) == []


ON_ROOT = {"kubevirt.io/placePCIDevicesOnRootComplex": "true"}


def on_bus_0(slot: int) -> str:
    return f'<address type="pci" domain="0x0000" bus="0x00" slot="{slot:#04x}" function="0x0"/>'


@pytest.mark.parametrize("model", ["virtio", "e1000"])
@pytest.mark.parametrize("policy", HotplugPolicy)
def test_nothing_is_plugged_into_the_root_complex(policy: HotplugPolicy, model: str) -> None:
    asked = machine(
        nic("red", model=model, macAddress=MAC), annotations=ON_ROOT, status=running(("red", "multus-status"))
    )
    plan = plan_changes(domain(ports(1) + BRIDGE), asked, policy=policy)
    assert (told(plan), "KN853" in codes(plan)) == ([], True)
    (problem,) = (each for each in plan.problems if each.code == "KN853")
    assert "bus 0x00" in problem.message


def test_nothing_on_the_root_complex_is_unplugged_while_the_domain_runs() -> None:
    asked = machine(nic("red", state="absent"))
    text = domain(ports(1), live(inside=on_bus_0(5)))
    assert (told(plan_changes(text, asked)), codes(plan_changes(text, asked))) == ([], ["KN861"])
    assert told(plan_next_start(text, asked)) == ["detach red (ua-red)"]
    i440fx = text.replace("pcie-root'", "pci-root'")
    assert told(plan_changes(i440fx, asked)) == ["detach red (ua-red)"]


def test_the_next_start_of_a_machine_on_the_root_complex_has_each_device_on_a_slot_of_its_own() -> None:
    asked = machine(nic("red"), nic("blue"), annotations=ON_ROOT)
    other = f"<memballoon model='virtio'>{on_bus_0(2)}</memballoon>"
    text = "<domain><devices>" + live("blue", inside=on_bus_0(4)) + other + "</devices></domain>"
    attached = {step.nic: step.xml for step in plan_next_start(text, asked).steps if step.action is Action.ATTACH}
    slots = {name: etree.fromstring(xml).find("address").get("slot") for name, xml in attached.items()}  # type: ignore[union-attr]
    # slot 2 is the balloon's and slot 4 blue's, who stays there
    assert slots == {"default": "0x03", "red": "0x05"}
    assert codes(plan_next_start(text, asked), Severity.ERROR) == []


def test_a_virtual_function_that_comes_back_after_a_migration_is_not_placed() -> None:
    status = running(("red", "multus-status"))
    asked = machine(nic("red", "sriov"), status=status, annotations=ON_ROOT)
    known = kvnet.Target(facts=HostFacts(pci_addresses={"red": PciAddress.parse("0000:81:00.1")}))
    (step,) = plan_virtual_functions(domain(), asked, known).steps
    assert etree.fromstring(step.xml).find("address") is None


def test_networks_are_set_up_in_the_pod_before_the_domain_and_taken_away_after() -> None:
    status = running(("a", "multus-status"), ("b", "multus-status"), ("c", "domain, multus-status"), ("d", ""))
    asked = machine(nic("b"), nic("a", state="absent"), nic("c"), nic("d"), nic("e", state="absent"), status=status)
    assert networks_to_set_up(asked) == ("b", "a")


def test_networks_are_set_up_in_the_order_of_interfaces() -> None:
    asked = machine(nic("b"), nic("a"), status=running(("a", "multus-status"), ("b", "multus-status")))
    turned = evolve(asked, spec=evolve(asked.spec, networks=asked.networks[::-1]))
    assert networks_to_set_up(asked) == networks_to_set_up(turned) == ("b", "a")


def test_a_link_is_found_by_its_hash_else_by_its_ordinal() -> None:
    present = {name: PodLink(mtu=1500) for name in ("eth0", "tap0", "podb1f51a511f1", "net1", "net2", "tap2")}
    links = found_links(machine(nic("red"), nic("blue"), nic("gone")), present)
    assert {name: (link.name, link.tap) for name, link in links.items()} == {
        "default": ("eth0", True),
        "red": ("podb1f51a511f1", False),
        "blue": ("net2", True),
    }


@pytest.mark.parametrize("text", ["", "<domain>", "<network/>", "<!DOCTYPE x><domain/>", "<domain>\ud800</domain>"])
def test_a_document_that_is_no_domain_is_an_xml_error(text: str) -> None:
    with pytest.raises(XmlError):
        plan_changes(text, machine())


@st.composite
def changes(draw: st.DrawFn) -> tuple[Machine, str, kvnet.Target]:
    """A machine, a domain with some of its NICs and others, and how to plan."""
    drawn = draw(admitted_machines())
    status = running(*((each.name, "multus-status") for each in drawn.interfaces)) if draw(st.booleans()) else None
    known = {each.name: PciAddress.parse(f"0000:81:00.{n}") for n, each in enumerate(drawn.interfaces)}
    facts = HostFacts(architecture=drawn.spec.architecture, pci_addresses=known)
    devices = []
    for made in kvnet.compile(drawn, kvnet.Target(facts=facts)).nics:
        if made.device is not None and draw(st.booleans()):
            devices.append(kvnet.write(made.device))
    links = draw(st.sampled_from(["", "<link state='up'/>", "<link state='down'/>"]))
    text = domain(*devices, links and live("other", links)).replace(DEFAULT, draw(st.sampled_from(["", DEFAULT])))
    states = st.sampled_from([None, "up", "down", "absent"])
    interfaces = tuple(evolve(each, state=draw(states)) for each in drawn.interfaces)
    asked = evolve(drawn.with_nics(interfaces, drawn.networks), status=machine(status=status).status)
    return asked, text, kvnet.Target(facts=facts)


@given(changes())
def test_planned_again_after_all_steps_there_are_none(drawn: tuple[Machine, str, kvnet.Target]) -> None:
    asked, text, target = drawn
    plan = plan_changes(text, asked, target)
    after = preview(text, plan)
    assert plan_changes(after, asked, target).steps == ()


@given(changes())
def test_steps_come_in_groups_and_name_the_machines_nics(drawn: tuple[Machine, str, kvnet.Target]) -> None:
    asked, text, target = drawn
    plan = plan_changes(text, asked, target)
    order = [list(Action).index(step.action) for step in plan.steps]
    assert order == sorted(order)
    assert {step.nic for step in plan.steps} <= {"default", *(each.name for each in asked.interfaces)}
    assert all(kvnet.read_device(step.xml, lossless=True).alias == step.alias for step in plan.steps)


def test_what_no_step_speaks_of_keeps_its_bytes() -> None:
    text = domain(live("a"), "<!-- mine -->", live("b"), "<rng   model='virtio'/>")
    asked = machine(nic("a", state="absent"), nic("b", state="down"))
    after = preview(text, plan_changes(text, asked))
    changed = live("b").replace("<alias", '<link state="down"/><alias')
    assert after == text.replace("\n    " + live("a"), "").replace(live("b"), changed)


def test_new_interfaces_follow_the_last_interface_and_new_hostdevs_follow_them() -> None:
    gpu = "<hostdev type='pci'><alias name='ua-gpu'/></hostdev>"
    known = kvnet.Target(facts=HostFacts(pci_addresses={"fast": PciAddress.parse("0000:81:00.1")}))
    text = domain("<rng model='virtio'/>", gpu)
    after = preview(text, plan_changes(text, machine(nic("fast", "sriov"), nic("red")), known))
    found = etree.fromstring(after).xpath("devices/*")
    assert [(each.tag, *each.xpath("alias/@name")) for each in found] == [
        ("interface", "ua-default"),
        ("interface", "ua-red"),
        ("hostdev", "ua-sriov-fast"),
        ("rng",),
        ("hostdev", "ua-gpu"),
    ]
