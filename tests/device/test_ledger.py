"""Every path of libvirt's grammar is modelled, or unsupported for a reason that stands here."""

from __future__ import annotations

import os
from functools import cache

import pytest
from device.schema_paths import SCHEMA, SchemaPath, network_device_paths

from kvnet.device import Hostdev, Interface
from kvnet.values import release
from kvnet.xml.paths import DeclaredPath, paths

INSTALLED = "9.0.0"

UNSUPPORTED: dict[str, str] = {}
"""At most ten, each with its reason."""


@pytest.fixture(autouse=True, scope="module")
def schema_is_there() -> None:
    if not SCHEMA.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"libvirt's schema is not installed: {SCHEMA}")


@cache
def in_schema() -> dict[str, SchemaPath]:
    return {each.path: each for each in network_device_paths()}


@cache
def modelled() -> dict[str, DeclaredPath]:
    return {each.path: each for cls in (Interface, Hostdev) for each in paths(cls)}


def test_the_schema_and_the_model_are_as_large_as_they_should_be() -> None:
    assert len(in_schema()) > 250
    assert len(modelled()) > 260


def test_every_path_of_the_schema_is_modelled_or_unsupported_for_a_reason() -> None:
    assert set(in_schema()) - {"interface", "hostdev"} - set(modelled()) == set(UNSUPPORTED)
    assert len(UNSUPPORTED) <= 10
    assert all(UNSUPPORTED.values())


def test_every_path_that_the_schema_has_not_came_after_it() -> None:
    newer = {path for path, said in modelled().items() if said.since and release(said.since) > release(INSTALLED)}
    assert set(modelled()) - set(in_schema()) - newer == set()


def test_no_path_that_the_schema_has_is_said_to_be_newer() -> None:
    newer = {path for path, said in modelled().items() if said.since and release(said.since) > release(INSTALLED)}
    # vhostuser has it since 11.1, the other types had it before
    assert newer & set(in_schema()) == set()


def test_a_path_is_modelled_for_every_type_that_the_schema_has_it_for() -> None:
    lacking = {
        path: missing
        for path, said in modelled().items()
        if path in in_schema() and said.variants
        if (missing := set(in_schema()[path].types) - set(said.variants))
    }
    assert lacking == {}


def test_every_word_of_the_schema_is_one_that_the_model_takes() -> None:
    refused = {
        (path, word)
        for path, said in modelled().items()
        if path in in_schema()
        for word in in_schema()[path].words
        if word not in said.words and not any(_takes(scalar, word) for scalar in said.scalars)
    }
    assert refused == set()


def _takes(scalar: object, word: str) -> bool:
    try:
        scalar.parse(word)  # type: ignore[attr-defined]
    except ValueError:
        return False
    return True


def test_every_type_of_interface_is_modelled() -> None:
    assert set(modelled()["interface@type"].words) == set(in_schema()["interface@type"].words)
    assert len(in_schema()["interface@type"].words) == 15
