"""What can be dumped, and how."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import kvnet
from kvnet.spec import InterfaceStatus, Machine


@pytest.mark.parametrize("value", ["x", 5, None, {"kind": "VirtualMachine"}, ["x"], kvnet.Place("x", 1, 1)])
def test_what_cannot_be_dumped_is_a_type_error_that_says_what_can(value: Any) -> None:
    with pytest.raises(TypeError, match=r"what can be dumped is a Machine, .*, not \w+"):
        kvnet.dump(value)


@pytest.mark.parametrize("form", ["xml", "", "YAML", None])
def test_another_format_is_a_value_error_that_names_the_two(form: Any) -> None:
    with pytest.raises(ValueError, match="the format is 'yaml' or 'json', not "):
        kvnet.dump(Machine(), form)


def test_what_status_gives_can_be_dumped() -> None:
    reported = (InterfaceStatus(name="a", mac="02:00:00:00:00:01", queue_count=2),)
    listed = [{"name": "a", "mac": "02:00:00:00:00:01", "queueCount": 2}]
    assert yaml.safe_load(kvnet.dump(reported)) == listed
    assert yaml.safe_load(kvnet.dump(reported, "json")) == listed
    assert yaml.safe_load(kvnet.dump(list(reported))) == listed
    assert yaml.safe_load(kvnet.dump(reported[0])) == listed[0]
