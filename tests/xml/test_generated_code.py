"""The source of generated functions: where debuggers look for it, one for each class, and not without end."""

from __future__ import annotations

import linecache
import traceback
from typing import Any

import pytest

from kvnet._codegen import function
from kvnet.device import EthernetSource, Interface, PciGuestAddress
from kvnet.xml import write
from kvnet.xml.element import Element, element
from kvnet.xml.generate import reader, sources
from kvnet.xml.schema import attr
from kvnet.xml.types import Int


def a_class(tag: str) -> Any:
    @element(tag)
    class Part(Element):
        """One of several classes of one name."""

        size: int | None = attr(Int(), default=None)

    return Part


def ours() -> list[str]:
    return [name for name in linecache.cache if name.startswith("<kvnet ")]


def test_a_traceback_shows_the_line_of_generated_code() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        function("fail", ["def fail():", "    return 1 / 0  # here"], {}, "fail for a test")()
    assert "1 / 0  # here" in "".join(traceback.format_exception(caught.value))


def test_the_sources_of_a_class_have_its_module_and_qualified_name() -> None:
    labels = list(sources(Interface))
    assert "read kvnet.device.devices.Interface" in labels
    assert all("kvnet.device.devices.Interface" in label for label in labels)
    assert any(label.startswith("write kvnet.device.devices.Interface with ") for label in labels)


def test_two_classes_of_one_name_have_sources_of_their_own() -> None:
    one, other = a_class("one"), a_class("other")
    assert write(one(size=1)) + write(other(size=2)) == "<one size='1'/><other size='2'/>"
    for cls, tag in ((one, "<one"), (other, "<other")):
        texts = [text for label, text in sources(cls).items() if label.startswith("write ")]
        assert texts
        assert all(tag in text for text in texts)
    assert reader(one) is not reader(other)


def test_linecache_does_not_grow_with_the_number_of_shapes() -> None:
    names = ["domain", "bus", "slot", "function"]
    for n in range(600):
        function("f", ["def f(): pass"], {}, f"function {n} of a test")
    for n in range(16):
        fields: dict[str, Any] = {name: 0 for bit, name in enumerate(names) if n >> bit & 1}
        write(Interface(source=EthernetSource(), address=PciGuestAddress(**fields)))
    assert 0 < len(ours()) <= 512
    assert "<kvnet function 0 of a test>" not in linecache.cache
    assert "read kvnet.device.devices.Interface" in sources(Interface)
