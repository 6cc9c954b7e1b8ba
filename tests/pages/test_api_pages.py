"""Each public name has one page in the reference of the library."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import kvnet

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_extensions"


@pytest.fixture
def api_pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("sphinx")
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXTENSIONS)])
    return import_module("api_pages")


def test_each_name_of_kvnet_is_on_the_page_of_the_module_that_defines_it(api_pages: ModuleType) -> None:
    pages = api_pages.public_names()
    for name in kvnet.__all__:
        (home,) = [home for home, names in pages.items() if names.get(name) == "kvnet"]
        assert getattr(import_module(home), name) is getattr(kvnet, name)


def test_no_page_is_of_a_private_module(api_pages: ModuleType) -> None:
    assert [home for home in api_pages.public_names() if "._" in home] == []


@pytest.mark.parametrize(
    ("signature", "shown"),
    [
        ("(size: ~typing.Annotated[int, Between(low=0, high=9)] = 0)", "(size: int = 0)"),
        ("(a: tuple[Annotated[str, Parsed(read=(1, 2))], ...], b: Annotated[int, X])", "(a: tuple[str, ...], b: int)"),
        ("(a: dict[str, int])", "(a: dict[str, int])"),
    ],
)
def test_a_signature_shows_types_without_what_annotates_them(api_pages: ModuleType, signature: str, shown: str) -> None:
    assert api_pages._without_annotated(signature) == shown
