"""Values show themselves as tables in a notebook, whatever text they hold."""

from __future__ import annotations

import re

from lxml import html

import kvnet
from kvnet.hotplug import Plan
from kvnet.spec import Interface, Machine, Masquerade, Network, Pod

HOSTILE = "<script>alert('1')</script>"


def cells(text: str) -> list[str]:
    return [str(each.text_content()) for each in html.fromstring(text).iter("td")]


def headings(text: str) -> list[str]:
    return [str(each.text_content()) for each in html.fromstring(text).iter("th")]


def machine(name: str = "red") -> Machine:
    nic = Interface(name=name, bindings=(Masquerade(),), mac_address="02:00:00:00:00:01")
    return Machine(name=HOSTILE).with_nics((nic,), (Network(name=name, sources=(Pod(),)),))


def test_a_machine_shows_a_row_for_each_nic() -> None:
    shown = machine()._repr_html_()
    assert cells(shown) == ["red", "Masquerade()", "virtio", "02:00:00:00:00:01", "Pod()"]
    assert "<script" not in shown


def test_machines_manifests_and_what_is_rendered_draw_themselves() -> None:
    one, other = machine(), machine("blue")
    for value in (one, kvnet.render(one), kvnet.Manifest(objects=(one, other))):
        shown = value._repr_html_()
        assert re.findall("<desc>(.*?)</desc>", shown)[0].count("tap0") == (
            2 if isinstance(value, kvnet.Manifest) else 1
        )
        assert "<script" not in shown


def test_a_machine_that_is_refused_draws_itself_with_its_problems() -> None:
    twice = kvnet.render(Machine(name="twice").with_nics(machine().interfaces * 2, machine().networks))
    assert twice.is_refused
    shown = twice._repr_html_()
    assert "error" in cells(shown)
    assert headings(shown)[-4:] == ["Severity", "Code", "Field", "Message"]


def test_an_empty_manifest_shows_nothing() -> None:
    assert kvnet.Manifest()._repr_html_() == ""


def test_a_compiled_machine_shows_its_devices_and_what_is_noted() -> None:
    name, device, notes = cells(kvnet.compile(machine())._repr_html_())
    assert (name, device.startswith("Interface(source=EthernetSource()")) == ("red", True)
    assert "KN310" in notes


def test_a_diff_shows_every_change_and_is_a_tuple() -> None:
    before, after = (kvnet.read_device(f"<interface type='user'><mtu size='{size}'/></interface>") for size in (1, 2))
    changes = kvnet.diff(before, after)
    assert cells(changes._repr_html_()) == ["interface.mtu.@size", "1", "2", "guest-visible"]
    assert changes == tuple(changes)
    assert kvnet.diff(before, before) == ()


def test_a_plan_shows_steps_and_problems() -> None:
    problem = kvnet.Problem(kvnet.FieldPath(("spec",)), "KN851", HOSTILE)
    step = kvnet.Step(action=kvnet.Action.ATTACH, nic="red", alias="ua-red", xml="<interface/>")
    shown = Plan(steps=(step,), problems=(problem,))._repr_html_()
    assert cells(shown) == ["attach", "red", "<interface/>", "error", "spec", HOSTILE]
    assert headings(shown) == ["Step", "NIC", "XML or message"]
    assert "<script" not in shown
