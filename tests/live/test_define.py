"""Defining a machine never takes away what libvirt has: on a daemon, and on the driver inside the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from live.daemon import MISSING, daemon, end_domains
from live.live_machines import FACTS
from lxml import etree
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import live
from kvnet.hotplug import mac_from_uuid
from kvnet.live import Defined, LibvirtError
from kvnet.spec import Machine, Nad

NAME = "vm"
TARGET = kvnet.Target(profile="host", facts=FACTS)
ANOTHER = "00000000-0000-4000-8000-000000000001"
BY_HAND = """<domain type='qemu'>
  <name>vm</name>
  <uuid>cd0e92bb-d962-4cf1-9a1e-6d17a9de6b3c</uuid>
  <metadata><a:note xmlns:a='urn:a'>mine</a:note></metadata>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <on_crash>preserve</on_crash>
  <devices>
    <disk type='file' device='disk'><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
    <controller type='usb' model='none'/>
    <interface type='user'><mac address='52:54:00:aa:bb:01'/><model type='virtio'/></interface>
    <graphics type='vnc' passwd='secret'/>
    <memballoon model='none'/>
  </devices>
</domain>"""


@pytest.fixture(scope="module", params=["embedded", pytest.param("daemon", marks=pytest.mark.slow)])
def connection(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "embedded":
        yield request.getfixturevalue("qemu")
    elif MISSING:
        pytest.skip(f"missing here: {', '.join(MISSING)}")
    else:
        with daemon() as made, live.connect(made.uri) as opened:
            yield opened


@pytest.fixture(autouse=True)
def domains_end(connection: Any) -> Iterator[None]:
    yield
    end_domains(connection)


def machine(*nics: dict[str, Any], **members: Any) -> Machine:
    loaded = kvnet.load(vmi(list(nics), [pod(each["name"]) for each in nics], domain={"memory": {"guest": "32Mi"}}))
    return attrs.evolve(loaded, name=NAME, **members)


RED = nic("red", "masquerade")


def define(connection: Any, asked: Machine, **options: Any) -> Defined:
    return live.define_machine(asked, connection, TARGET, **options)


def definition(connection: Any) -> etree._Element:
    """The persistent configuration of the domain, with its secrets."""
    return etree.fromstring(connection.lookupByName(NAME).XMLDesc(3))


def macs(connection: Any) -> list[str]:
    return [str(each) for each in definition(connection).xpath("devices/interface/mac/@address")]


def others(domain: etree._Element) -> list[bytes]:
    """Everything that is no NIC; libvirt adds the root ports that NICs need."""
    left = [*domain.iterchildren(), *domain.iterfind("devices/*")]
    return [etree.tostring(each).strip() for each in left if each.tag not in ("devices", "interface", "controller")]


@contextmanager
def unchanged(connection: Any) -> Iterator[None]:
    """Nothing in the block changes the domain, neither its definition nor its running part."""
    domain = connection.lookupByName(NAME)
    before = [domain.XMLDesc(3), domain.XMLDesc(1)]
    yield
    assert [domain.XMLDesc(3), domain.XMLDesc(1)] == before


def by_hand(connection: Any, tmp_path: Path, *, text: str = BY_HAND, runs: bool = False) -> Any:
    """A domain with a disk, a password and a NIC, that was made without kvnet."""
    (tmp_path / "disk.img").write_bytes(bytes(1024))
    domain = connection.defineXML(text.format(disk=tmp_path / "disk.img"))
    if runs:
        domain.createWithFlags(1)  # stopped before its first instruction
    return domain


def test_a_new_domain_has_the_addresses_that_apply_would_give_it(connection: Any) -> None:
    asked = machine(RED, nic("blue", "masquerade", macAddress="02:00:00:00:00:01"))
    defined = define(connection, asked)
    assert (defined.lost, defined.has_replaced, defined.changes) == ((), False, ())
    uuid = connection.lookupByName(NAME).UUIDString()
    assert macs(connection) == [str(mac_from_uuid(uuid, "red")), "02:00:00:00:00:01"]
    assert live.apply(asked, connection, TARGET).done == ()


def test_a_second_time_it_is_refused_and_nothing_is_lost(connection: Any) -> None:
    define(connection, machine(RED))
    with (
        unchanged(connection),
        pytest.raises(LibvirtError, match=r"KN406 libvirt has a domain 'vm' already: .*--into.*--replace"),
    ):
        define(connection, machine(RED))


@pytest.mark.parametrize("existing", ["into", "replace"])
def test_defining_a_domain_over_itself_changes_nothing(connection: Any, existing: str) -> None:
    define(connection, machine(RED))
    with unchanged(connection):
        defined = define(connection, machine(RED), existing=existing)
    assert (defined.has_replaced, defined.changes) == (True, ())


@pytest.mark.parametrize("runs", [False, True])
def test_a_domain_with_disks_is_left_alone_unasked(connection: Any, tmp_path: Path, runs: bool) -> None:
    by_hand(connection, tmp_path, runs=runs)
    with unchanged(connection), pytest.raises(LibvirtError, match=r"KN406\b.*runs" if runs else r"KN406\b"):
        define(connection, machine(RED))


@pytest.mark.parametrize("runs", [False, True])
def test_nics_go_into_a_domain_and_everything_else_stays(connection: Any, tmp_path: Path, runs: bool) -> None:
    domain = by_hand(connection, tmp_path, runs=runs)
    before, running = others(definition(connection)), domain.XMLDesc(1)
    defined = define(
        connection, machine(nic("red", "masquerade", model="e1000"), nic("blue", "masquerade")), existing="into"
    )
    after = definition(connection)
    assert others(after) == before
    assert b"secret" in etree.tostring(after)
    # the NIC that is attached as red is to be is red, and keeps its address
    blue = str(mac_from_uuid(domain.UUIDString(), "blue"))
    assert macs(connection) == ["52:54:00:aa:bb:01", blue]
    assert after.xpath("devices/interface/alias/@name") == ["ua-red", "ua-blue"]
    assert "interface[0].model.@type: virtio → e1000 (guest-visible)" in [str(each) for each in defined.changes]
    waiting = [(each.severity, each.field) for each in defined.notes if each.code == "KN407"]
    assert waiting == ([("note", "domain.name")] if runs else [])
    if runs:
        assert domain.XMLDesc(1) == running


def test_a_nic_that_the_machine_does_not_list_stays_and_is_told(connection: Any, tmp_path: Path) -> None:
    text = BY_HAND.replace(
        "<graphics", "<interface type='user'><mac address='52:54:00:aa:bb:02'/></interface><graphics"
    )
    by_hand(connection, tmp_path, text=text)
    defined = define(connection, machine(RED), existing="into")
    assert macs(connection) == ["52:54:00:aa:bb:01", "52:54:00:aa:bb:02"]
    assert [each.code for each in defined.notes] == ["KN856"]


def test_a_nic_is_known_by_its_mac_address_before_its_network(connection: Any, tmp_path: Path) -> None:
    text = BY_HAND.replace(
        "<graphics", "<interface type='user'><mac address='52:54:00:aa:bb:02'/></interface><graphics"
    )
    by_hand(connection, tmp_path, text=text)
    asked = machine(RED, nic("blue", "masquerade", macAddress="52:54:00:aa:bb:01"))
    define(connection, asked, existing="into")
    assert definition(connection).xpath("devices/interface/alias/@name") == ["ua-blue", "ua-red"]
    assert macs(connection) == ["52:54:00:aa:bb:01", "52:54:00:aa:bb:02"]


@pytest.mark.parametrize("runs", [False, True])
def test_a_domain_is_replaced_where_that_is_asked_for_and_what_is_gone_is_told(
    connection: Any, tmp_path: Path, runs: bool
) -> None:
    domain = by_hand(connection, tmp_path, runs=runs)
    running = domain.XMLDesc(1)
    defined = define(connection, machine(RED), existing="replace")
    gone = {each.at.parts[-1] for each in defined.notes if each.code == "KN408"}
    assert {"disk", "graphics", "metadata"} <= gone
    assert definition(connection).xpath("devices/disk") == []
    assert connection.lookupByName(NAME).UUIDString() == domain.UUIDString()
    if runs:
        assert domain.XMLDesc(1) == running


def test_a_domain_that_is_replaced_keeps_the_addresses_of_nics_with_its_aliases(
    connection: Any, tmp_path: Path
) -> None:
    text = BY_HAND.replace("<model type='virtio'/>", "<model type='virtio'/><alias name='ua-red'/>")
    by_hand(connection, tmp_path, text=text)
    define(connection, machine(RED), existing="replace")
    assert macs(connection) == ["52:54:00:aa:bb:01"]


def test_another_domain_with_the_uuid_of_the_machine_is_left_alone(connection: Any, tmp_path: Path) -> None:
    by_hand(connection, tmp_path)
    spec = {"domain": {"firmware": {"uuid": "cd0e92bb-d962-4cf1-9a1e-6d17a9de6b3c"}, "devices": {}}}
    asked = attrs.evolve(kvnet.load(spec), name="other")
    for existing in live.Existing:
        with (
            unchanged(connection),
            pytest.raises(LibvirtError, match=r"KN406 .* with the UUID cd0e92bb-.*already|KN870\b"),
        ):
            define(connection, asked, existing=existing)
    assert [each.name() for each in connection.listAllDomains()] == [NAME]


def test_a_domain_is_not_replaced_by_one_of_another_uuid(connection: Any, tmp_path: Path) -> None:
    by_hand(connection, tmp_path)
    asked = attrs.evolve(kvnet.load({"domain": {"firmware": {"uuid": ANOTHER}, "devices": {}}}), name=NAME)
    with unchanged(connection), pytest.raises(LibvirtError, match=r"KN406\b.*firmware\.uuid"):
        define(connection, asked, existing="replace")


def test_nics_go_into_no_domain_that_is_not_there(connection: Any) -> None:
    with pytest.raises(LibvirtError, match=r"KN870\b.*--profile host"):
        define(connection, machine(RED), existing="into")
    assert connection.listAllDomains() == []


def test_a_running_domain_without_a_definition_is_left_alone(connection: Any, tmp_path: Path) -> None:
    domain = by_hand(connection, tmp_path, runs=True)
    domain.undefine()
    try:
        for existing in ("refuse", "into"):
            with unchanged(connection), pytest.raises(LibvirtError, match=r"KN406\b"):
                define(connection, machine(RED), existing=existing)
    finally:
        domain.destroy()


def test_a_running_domain_without_a_definition_that_is_replaced_keeps_its_addresses_and_its_losses_are_told(
    connection: Any, tmp_path: Path
) -> None:
    text = BY_HAND.replace("<model type='virtio'/>", "<model type='virtio'/><alias name='ua-red'/>")
    domain = by_hand(connection, tmp_path, text=text, runs=True)
    domain.undefine()
    defined = define(connection, machine(RED), existing="replace")
    assert macs(connection) == ["52:54:00:aa:bb:01"]
    assert "disk" in {each.at.parts[-1] for each in defined.notes if each.code == "KN408"}


@pytest.mark.slow
@pytest.mark.parametrize("existing", ["into", "replace"])
def test_a_saved_state_stays_and_it_is_told_that_it_comes_before_the_definition(
    connection: Any, tmp_path: Path, existing: str
) -> None:
    domain = by_hand(connection, tmp_path, runs=True)
    domain.managedSave()
    try:
        defined = define(connection, machine(RED), existing=existing)
        assert [each.severity for each in defined.notes if each.code == "KN409"] == ["warning"]
        assert domain.hasManagedSaveImage()
    finally:
        domain.managedSaveRemove()
    assert "KN409" not in [each.code for each in define(connection, machine(RED), existing=existing).notes]


def test_a_domain_that_boots_from_the_network_is_told_when_it_no_longer_does(connection: Any, tmp_path: Path) -> None:
    by_hand(connection, tmp_path, text=BY_HAND.replace("hvm</type>", "hvm</type><boot dev='network'/>"))
    defined = define(connection, machine(RED), existing="into")
    assert "interface.rom: added <rom enabled='no'/> (guest-visible)" in [str(each) for each in defined.changes]


@pytest.mark.parametrize("existing", ["refuse", "replace"])
def test_a_machine_whose_uuid_is_none_changes_nothing(connection: Any, tmp_path: Path, existing: str) -> None:
    by_hand(connection, tmp_path)
    asked = attrs.evolve(kvnet.load({"domain": {"firmware": {"uuid": "mine"}, "devices": {}}}), name=NAME)
    with unchanged(connection), pytest.raises(kvnet.Rejected, match=r"KN605\b"):
        define(connection, asked, existing=existing)


def test_what_the_domain_has_already_is_not_claimed(connection: Any, tmp_path: Path) -> None:
    by_hand(connection, tmp_path)  # libvirt writes <boot> under <os>
    asked = machine(nic("red", "masquerade", bootOrder=1))
    with unchanged(connection), pytest.raises(kvnet.Rejected, match=r"KN509\b"):
        define(connection, asked, existing="into")


def test_a_domain_that_libvirt_refuses_leaves_the_old_one(connection: Any, tmp_path: Path) -> None:
    by_hand(connection, tmp_path)
    asked = machine(nic("red", "masquerade", macAddress="01:00:00:00:00:01"))
    for existing in ("into", "replace"):
        with unchanged(connection), pytest.raises(kvnet.KvnetError):
            define(connection, asked, existing=existing)


def test_a_vlan_on_a_linux_bridge_is_refused_by_a_libvirt_that_never_starts_it(connection: Any) -> None:
    is_old = connection.getLibVersion() < 11_000_000
    nad = Nad(name="nad", config='{"type": "bridge", "bridge": "br0", "vlan": 10}')
    asked = attrs.evolve(kvnet.load(vmi([nic("red")], [multus("red")])), name=NAME)
    # what the facts say of another host does not count
    facts = attrs.evolve(FACTS, libvirt_version="9.0.0" if not is_old else "11.0.0")
    target = kvnet.Target(profile="host", nads=(nad,), facts=facts)
    if not is_old:
        assert live.define_machine(asked, connection, target).lost == ()
        return
    with pytest.raises(kvnet.Rejected, match=r"KN347\b.*libvirt 11\.0\.0"):
        live.define_machine(asked, connection, target)
    assert connection.listAllDomains() == []


def test_what_is_too_new_for_the_libvirt_that_refuses_it_is_told_with_its_nic(connection: Any) -> None:
    passt = attrs.evolve(kvnet.load(vmi([nic("lan", "passtBinding")], [pod("lan")])), name=NAME)
    if connection.getLibVersion() >= 11_001_000:
        pytest.skip("this libvirt has all that kvnet writes for passt")
    with pytest.raises(LibvirtError) as caught:
        live.define_machine(passt, connection)
    too_new, refusal = caught.value.problems
    assert (too_new.code, str(too_new.at)) == ("KN347", "spec.domain.devices.interfaces[0]")
    assert "'lan' has passt for vhost-user, which needs libvirt 11.1.0" in too_new.message
    assert (refusal.code, "\n" in refusal.message) == ("KN402", False)


def test_a_plan_knows_the_release_of_its_connection(connection: Any) -> None:
    define(connection, machine(RED))
    igb = machine(nic("red", "masquerade", model="igb"))
    is_old = connection.getLibVersion() < 9_003_000 or connection.getVersion() < 8_000_000
    told = [each.code for each in live.plan(igb, connection, TARGET).problems if each.is_error]
    assert told == (["KN347"] if is_old else [])


@pytest.mark.parametrize(("profile", "other"), [("host", "kubevirt"), ("kubevirt", "host")])
def test_a_domain_that_is_not_there_is_told_with_what_makes_it(connection: Any, profile: str, other: str) -> None:
    asked = machine(RED)
    target = kvnet.Target(profile=profile, facts=FACTS)
    for call in (live.plan, live.apply):
        with pytest.raises(
            LibvirtError, match=rf"KN870.*make it with `kvnet define -c .* --profile {profile} -f FILE`"
        ):
            call(asked, connection, target)
    live.define_machine(asked, connection, kvnet.Target(profile=other, facts=FACTS))
    with pytest.raises(LibvirtError, match=rf"KN870.*its name with `--profile {other}`"):
        live.plan(asked, connection, target)


def test_a_domain_that_was_only_tried_is_gone(connection: Any) -> None:
    assert define(connection, machine(RED), keep=False).lost == ()
    assert connection.listAllDomains() == []


def test_a_domain_is_of_the_type_that_its_connection_has(test_driver: Any) -> None:
    live.define_machine(machine(RED), test_driver, TARGET)
    defined = test_driver.lookupByName(NAME)
    try:
        assert defined.XMLDesc().startswith("<domain type='test'")
    finally:
        defined.undefine()
