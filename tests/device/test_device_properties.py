"""Every element class: what is written is read, is what libvirt's schema has, and changes where it was changed."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from libvirt_schema import SCHEMA, validated
from lxml import etree

import kvnet
from kvnet import device as devices_of_libvirt
from kvnet.device import Device, Hostdev, Interface, Outbound
from kvnet.testing import devices, elements
from kvnet.xml.generate import reader
from kvnet.xml.parser import parse
from kvnet.xml.paths import newer_than
from kvnet.xml.reading import read
from kvnet.xml.schema import RawElement, declaration, plan_of

CLASSES = [cls for name in devices_of_libvirt.__all__ if hasattr(cls := getattr(devices_of_libvirt, name), "__kvnet__")]
NEVER_DRAWN: dict[type, set[str]] = {Hostdev: {"startup_policy"}, Outbound: {"floor"}}
"""What libvirt's schema has of a PCI hostdev and of a rate from the guest, and libvirt refuses always."""
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
needs_schema = pytest.mark.skipif(not SCHEMA.exists(), reason="libvirt's schema is not installed")


def test_there_are_as_many_classes_as_elements() -> None:
    assert len(CLASSES) > 50


@pytest.mark.parametrize(
    "cls", [pytest.param(each, marks=[pytest.mark.slow] if each is Interface else []) for each in CLASSES]
)
def test_what_is_written_is_read_and_every_declared_field_is_exercised(cls: type) -> None:
    # a field such as ``managed`` is drawn only with one source of fifteen
    count = 1500 if cls is Interface else min(25 * len([cls, *plan_of(cls).fields()]), 250)
    unused = unexercised(cls, min(count, examples(2.5))) - NEVER_DRAWN.get(cls, set())
    assert not unused or not unexercised(cls, count) - NEVER_DRAWN.get(cls, set())


def unexercised(cls: type, count: int) -> set[str]:
    """The fields that no value of ``count`` has, each of which is read as it was written."""
    exercised: set[str] = set()

    @settings(max_examples=count, derandomize=True, deadline=None, suppress_health_check=SLOW)
    @given(elements(cls))
    def reads_back(value: Any) -> None:
        exercised.update(part.field for part in plan_of(cls).fields() if getattr(value, part.field) != part.empty)
        for text in (kvnet.write(value), kvnet.write(value, indent=4)):
            # a source with nothing in it has no element
            assert (read(text, cls) if text.strip() else cls()) == value

    reads_back()
    return {part.field for part in plan_of(cls).fields()} - exercised


@given(devices())
@settings(deadline=None, suppress_health_check=SLOW)
def test_the_same_device_gives_the_same_bytes_and_the_same_tree(device: Device) -> None:
    text = kvnet.write(device)
    assert kvnet.write(attrs.evolve(device)) == text
    assert kvnet.read_device(etree.tostring(kvnet.to_element(device))) == device


@given(devices())
@settings(deadline=None, suppress_health_check=SLOW)
def test_lossless_reading_gives_the_same_device_and_keeps_the_text(device: Device) -> None:
    text = kvnet.write(device, indent=2)
    kept = kvnet.read_device(text, lossless=True)
    assert kept == device
    assert kvnet.write(kept) == text


@given(devices())
@settings(deadline=None, suppress_health_check=SLOW)
def test_the_generated_reader_reads_every_device_that_is_written(device: Device) -> None:
    cls: type = type(device)
    assert reader(cls)(parse(kvnet.write(device, indent=2))) == device


@given(devices(), st.data())
@settings(deadline=None, suppress_health_check=SLOW)
def test_a_field_changed_in_a_device_read_without_loss_is_the_only_change(device: Device, data: st.DataObject) -> None:
    kept = kvnet.read_device(kvnet.write(device, indent=2), lossless=True)
    cls: type = type(device)
    other = data.draw(elements(cls))
    field = data.draw(st.sampled_from([part.field for part in plan_of(cls).fields()]))
    try:
        changed = attrs.evolve(kept, **{field: getattr(other, field)})
    except ValueError:
        return
    assert kvnet.read_device(kvnet.write(changed)) == attrs.evolve(changed, verbatim=None)


@needs_schema
@given(devices(libvirt="9.0"))
@settings(deadline=None, suppress_health_check=SLOW, max_examples=examples(2))
def test_what_libvirt_9_knows_is_what_its_schema_has(device: Device) -> None:
    assert validated(kvnet.write(device, libvirt="9.0")) == []


@given(devices())
@settings(deadline=None, suppress_health_check=SLOW)
def test_what_is_newer_than_a_release_is_refused_for_it_and_nothing_else(device: Device) -> None:
    newer = list(newer_than(device, "9.0"))
    if newer:
        with pytest.raises(kvnet.XmlError) as refused:
            kvnet.write(device, libvirt="9.0")
        assert refused.value.problems == tuple(newer)
    else:
        assert kvnet.write(device, libvirt="9.0") == kvnet.write(device)
    assert kvnet.write(device, libvirt="99") == kvnet.write(device)


def test_a_raw_element_is_never_drawn() -> None:
    assert RawElement not in CLASSES
    assert all(declaration(cls).tag for cls in CLASSES)
