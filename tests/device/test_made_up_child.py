"""A child that libvirt just invented is one line in a declaration; all else follows from it."""

from __future__ import annotations

import inspect

import attrs
import pytest
from hypothesis import HealthCheck, Phase, find, settings

import kvnet
from kvnet.device import EthernetSource, Interface
from kvnet.testing import elements
from kvnet.xml.compare import compare
from kvnet.xml.element import element
from kvnet.xml.paths import paths
from kvnet.xml.reading import read
from kvnet.xml.schema import at
from kvnet.xml.types import Int


@element("interface")
class NewInterface(Interface):
    """An interface of a libvirt to come."""

    flow_limit: int | None = at("flow/@limit", Int(1, 1000), default=None, since="99.1.0", guest=True)


NIC = NewInterface(source=EthernetSource(), flow_limit=7)
TEXT = "<interface type='ethernet'><flow limit='7'/></interface>"


def test_it_is_written_and_read() -> None:
    assert kvnet.write(NIC) == TEXT
    assert read(TEXT, NewInterface) == NIC
    assert kvnet.write(NIC, indent=0) == "<interface type='ethernet'>\n  <flow limit='7'/>\n</interface>"


def test_its_class_has_a_signature_before_the_first_object_is_made() -> None:
    @element("interface")
    class Unused(NewInterface):
        pass

    limit = inspect.signature(Unused).parameters["flow_limit"]
    assert (limit.kind, limit.default) == (inspect.Parameter.KEYWORD_ONLY, None)


def test_it_is_changed_in_a_text_that_was_read_without_loss() -> None:
    kept = read(
        "<interface type='ethernet'><!-- mine --><flow limit='7' odd='1'/></interface>", NewInterface, lossless=True
    )
    changed = kvnet.write(attrs.evolve(kept, flow_limit=8))
    assert changed == '<interface type="ethernet"><!-- mine --><flow limit="8" odd="1"/></interface>'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace("'7'", "'0'"), "1:34: error KN510 0 is not between 1 and 1000 [interface.flow.@limit]"),
        (TEXT.replace(" limit='7'", ""), "1:28: error KN514 <flow> needs attribute 'limit' [interface.flow.@limit]"),
        (TEXT.replace("/><", "/><flow limit='7'/><"), "1:45: error KN513 <flow> is given twice [interface.flow]"),
    ],
)
def test_it_is_refused_where_it_is_wrong(text: str, told: str) -> None:
    with pytest.raises(kvnet.XmlError) as refused:
        read(text, NewInterface)
    assert str(refused.value) == f"<xml>:{told}"


def test_it_is_checked_when_an_object_is_made() -> None:
    with pytest.raises(ValueError, match=r"NewInterface\.flow_limit: 1001 is not between 1 and 1000"):
        NewInterface(source=EthernetSource(), flow_limit=1001)


def test_it_is_refused_for_a_libvirt_that_does_not_know_it() -> None:
    told = r"KN520 libvirt 12\.5 does not know the attribute 'limit' of <flow>; .*\[interface\.flow\.@limit\]"
    with pytest.raises(kvnet.XmlError, match=told):
        kvnet.write(NIC, libvirt="12.5")


def test_it_is_compared() -> None:
    other = attrs.evolve(NIC, flow_limit=8)
    (difference,) = compare(NIC, other, kvnet.FieldPath(("interface",)))
    assert (str(difference.at), difference.before_text, difference.after_text) == ("interface.flow.@limit", "7", "8")
    assert difference.guest


def test_it_is_drawn() -> None:
    quick = settings(suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate])
    found = find(elements(NewInterface), lambda nic: nic.flow_limit is not None, settings=quick)
    assert 1 <= (found.flow_limit or 0) <= 1000


def test_it_has_a_line_in_the_table_of_paths() -> None:
    (path,) = (each for each in paths(NewInterface) if each.path == "interface/flow@limit")
    assert (path.since, path.guest) == ("99.1.0", True)
