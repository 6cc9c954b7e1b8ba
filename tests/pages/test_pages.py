"""A reader who copies the blocks of a page in order into an empty folder gets what the page shows."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.daemon import MISSING, Daemon, daemon, end_domains
from pages.blocks import Block, blocks, faults
from pages.reader import ROOT, Reader, differences
from written import DOCS

from kvnet import live

IN_THE_CHECKOUT = [ROOT / "README.md", ROOT / "examples" / "README.md"]
"""Pages whose commands are run in the checkout, and find its examples there."""

PAGES = [*IN_THE_CHECKOUT, *DOCS]
DAEMON = re.compile(r"virsh |qemu:///|ip link ")
LIBVIRT = re.compile(rf"kvnet define|{DAEMON.pattern}")
NFT = re.compile(r"\bnft -")
DASK = re.compile(r"^from distributed import", re.MULTILINE)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def run_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page.read_text(encoding="utf-8")) if not block.not_run]


def code(page: Path) -> str:
    return "".join(block.text for block in run_blocks(page))


def missing(page: Path) -> list[str]:
    """What the blocks of a page need, and is not installed."""
    needed = {
        "libvirt-python": (LIBVIRT, importlib.util.find_spec("libvirt") is not None),
        "qemu-system-x86_64": (LIBVIRT, shutil.which("qemu-system-x86_64") is not None),
        "nft, and root": (NFT, _has_nft()),
        "distributed": (DASK, importlib.util.find_spec("distributed") is not None),
        **dict.fromkeys(MISSING, (DAEMON, False)),
    }
    return [what for what, (need, is_there) in needed.items() if not is_there and need.search(code(page))]


def _has_nft() -> bool:
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    return shutil.which("nft", path=path) is not None and os.geteuid() == 0


@pytest.fixture(scope="module")
def host() -> Iterator[Daemon]:
    """One host for all pages: its libvirt asks QEMU only once what it can do."""
    with daemon() as made:
        yield made


@pytest.fixture
def reader(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A reader of the page, with a host where its blocks need one; the domains end with the test."""
    if what := missing(page):
        text = f"missing here: {', '.join(what)}"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    if not DAEMON.search(code(page)):
        yield Reader(tmp_path)
        return
    host = request.getfixturevalue("host")
    yield Reader(tmp_path, host)
    with live.connect(host.uri) as connection:
        end_domains(connection)


@pytest.mark.slow
@pytest.mark.parametrize("page", [pytest.param(page, id=named(page)) for page in PAGES if run_blocks(page)])
def test_the_blocks_of_a_page_run_in_order_and_give_what_it_shows(page: Path, reader: Reader) -> None:
    if page in IN_THE_CHECKOUT:
        shutil.copytree(ROOT / "examples", reader.folder / "examples")
    for block in run_blocks(page):
        found = differences(block, reader.run(block))
        if found:
            pytest.fail(f"{named(page)}:{block.line}: {found}")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_has_no_code_that_would_not_be_tested(page: Path) -> None:
    assert not faults(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("shown", "is_right"), [("red\nblue\n", True), ("red\n...\n", True), ("red\n", False), ("blue\n", False)]
)
def test_a_block_that_prints_something_else_is_found(shown: str, is_right: bool, tmp_path: Path) -> None:
    (block,) = blocks(f"```sh\necho red; echo blue >&2\n```\n\n```output\n{shown}```\n")
    assert (differences(block, Reader(tmp_path).run(block)) == "") is is_right


@pytest.mark.parametrize("text", ["false\ntrue\n", "false | true\n", "exit 1\n"])
def test_a_block_that_fails_is_found(text: str, tmp_path: Path) -> None:
    (block,) = blocks(f"```sh\n{text}```\n")
    assert "the exit status is 1, not 0" in differences(block, Reader(tmp_path).run(block))


def test_a_comment_before_a_block_says_how_it_ends_or_why_it_is_not_run() -> None:
    page = "<!-- exit status: 1 -->\n```sh\nfalse\n```\n\n  <!-- not run: a -->\n  ```python\n  1\n  ```\n"
    ended, left_out = blocks(page)
    assert (ended.status, ended.not_run) == (1, "")
    assert (left_out.text, left_out.not_run) == ("1\n", "a")


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("\n```console\n$ true\n```\n", "line 2: a block 'console'"),
        ("```\ntrue\n```\n", "line 1: a block ''"),
        ("```output\nred\n```\n", "line 1: a block 'output'"),
        ("Run:\n\n    kvnet check\n", "indented: kvnet check"),
        ("```{toctree}\n```\n\n```text\na ──▶ b\n```\n", None),
    ],
)
def test_code_that_would_not_be_tested_is_found(page: str, found: str | None) -> None:
    assert faults(page) == ([found] if found else [])
