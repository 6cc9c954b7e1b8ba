"""Plain scalars mean what they mean to Kubernetes, whose YAML is Go's, and not what YAML 1.1 says."""

from __future__ import annotations

from typing import Any

import pytest

from kvnet import Rejected, dump, load, loads
from kvnet.manifest import documents
from kvnet.manifest.document import given_text

HEAD = "kind: VirtualMachineInstance\nspec:\n  domain:\n    devices:\n      interfaces:\n      - name: a\n"


def value_of(text: str) -> Any:
    [document] = documents(given_text(f"kind: x\nvalue: {text}\n"))
    return document.data["value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # booleans, in three spellings and no more
        *((word, True) for word in ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"]),
        *((word, False) for word in ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"]),
        *((word, word) for word in ["tRUE", "yEs", "oN", "nO", "oFF", "ye", "nope"]),
        ("'yes'", "yes"),
        ('"off"', "off"),
        ("!!str yes", "yes"),
        # null
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ["nULL", "none", "None", "nil"]),
        # base 60 is text
        *((text, text) for text in ["52:54:00:12:34:56", "0000:05:00.1", "22:22", "1:30", "190:20:30.15", "-1:30"]),
        # whole numbers in four bases
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("-12", -12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0XFF", 255),
        ("0b101", 5),
        ("017", 15),
        ("0o17", 15),
        ("-017", -15),
        ("0x", "0x"),
        ("0xfg", "0xfg"),
        ("0b2", "0b2"),
        ("0o8", "0o8"),
        # an octal that is none is a fraction, as in Go
        ("08", 8.0),
        ("09.5", 9.5),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551616", 2**64),
        # fractions
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("1_0.5", 10.5),
        ("1e999", "1e999"),
        ("1.2.3", "1.2.3"),
        ("1e", "1e"),
        ("e1", "e1"),
        (".", "."),
        ("0x1p-2", "0x1p-2"),
        ("inf", "inf"),
        ("nan", "nan"),
        # timestamps are text
        *((text, text) for text in ("2001-12-14", "2001-12-14T21:59:43.10-05:00", "2001-12-14 21:59:43")),
        ("!!timestamp 2001-12-14", "2001-12-14"),
        # tags that say a type
        ("!!int 017", 15),
        ("!!float 3", 3.0),
        ("!!bool on", True),
        ("!!null ~", None),
        ("!!str", ""),
        ("!!map {a: 1}", {"a": 1}),
        ("!!seq [1]", [1]),
        # what only looks like something else
        ("=", "="),
        ("<<", "<<"),
        ("10.0.2.0/24", "10.0.2.0/24"),
        ("500m", "500m"),
        ("1Gi", "1Gi"),
        ("٣", "٣"),
    ],
    ids=repr,
)
def test_a_scalar_has_the_value_that_kubernetes_reads(text: str, value: Any) -> None:
    read = value_of(text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "key"),
    [("1", "1"), ("0x10", "16"), ("yes", "true"), ("n", "false"), ("1.5", "1.5"), ("'yes'", "yes"), ("1:30", "1:30")],
)
def test_a_key_is_text_whatever_it_looks_like(text: str, key: str) -> None:
    assert value_of(f"{{{text}: x}}") == {key: "x"}


@pytest.mark.parametrize("text", ["|\n  yes\n", ">\n  yes\n", "|-\n  yes"])
def test_a_block_is_text(text: str) -> None:
    assert value_of(text).strip() == "yes"


@pytest.mark.parametrize("text", ["52:54:00:12:34:56", "0000:05:00.1", "22:22"])
def test_an_unquoted_mac_address_stays_text(text: str) -> None:
    assert loads(f"{HEAD}        macAddress: {text}\n").interfaces[0].mac_address == text


@pytest.mark.parametrize(
    "name",
    [
        "on",
        "n",
        "-0o17",
        "12",
        "1e3",
        "0x10",
        "~",
        "22:22",
        "2001-12-14",
        "null",
        "017",
        "-",
        "",
        "=",
        "<<",
        ".5",
        "a: b",
    ],
)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_text_that_looks_like_something_else_survives_a_round_trip(name: str, form: Any) -> None:
    machine = load(
        {"kind": "VirtualMachineInstance", "spec": {"domain": {"devices": {"interfaces": [{"name": name}]}}}}
    )
    assert loads(dump(machine, form)).interfaces[0].name == name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: &x {b: 1}, c: *x}", {"a": {"b": 1}, "c": {"b": 1}}),
        ("{a: &x on, c: *x}", {"a": True, "c": True}),
        ("{a: &x on, *x : 1}", {"a": True, "true": 1}),
        ("{a: &x {b: 1, c: 2}, d: {<<: *x, b: 3}}", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("{a: &x {b: 1}, d: {b: 3, <<: *x}}", {"a": {"b": 1}, "d": {"b": 3}}),
        ("{<<: [{a: 1}, {a: 2, b: 2}], c: 3}", {"a": 1, "b": 2, "c": 3}),
        ("{'<<': {a: 1}}", {"<<": {"a": 1}}),
        ("[&x [1], *x]", [[1], [1]]),
        ("&x {}", {}),
    ],
    ids=repr,
)
def test_anchors_and_merge_keys_stand_for_their_values(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_a_value_that_two_aliases_share_is_two_values() -> None:
    first, second = value_of("[&x {a: 1}, *x]")
    assert first is not second


def test_a_flaw_in_a_shared_value_is_found_wherever_it_stands() -> None:
    text = f"{HEAD}        masquerade: &nothing {{x: 1}}\n      - name: b\n        bridge: *nothing\n"
    with pytest.raises(Rejected) as caught:
        loads(text)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [
        ("spec.domain.devices.interfaces[0].masquerade.x", "KN003"),
        ("spec.domain.devices.interfaces[1].bridge.x", "KN003"),
    ]
    assert all(problem.place and problem.place.line == 7 for problem in caught.value.problems)


def test_a_merged_field_is_checked_like_any_other() -> None:
    text = f"{HEAD}        <<: {{macaddress: x}}\n"
    with pytest.raises(Rejected) as caught:
        loads(text)
    [problem] = caught.value.problems
    assert (problem.code, problem.field) == ("KN003", "spec.domain.devices.interfaces[0].macaddress")
    assert problem.place is not None
    assert problem.place.line in (6, 7)
