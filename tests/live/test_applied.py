"""What ``live.apply`` reports of a domain, and how often it parses the domain's text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from live.live_machines import HOST
from machines import multus, nic, vmi
from parses import count_parses

import kvnet
from kvnet import FieldPath, Problem, live
from kvnet.cli.main import main
from kvnet.live import Applied
from kvnet.spec import Nad

RED = vmi([nic("red")], [multus("red")])
EMPTY = "<domain type='test'><name>vm</name><memory>65536</memory><os><type>hvm</type></os></domain>"


@pytest.fixture
def connection(test_driver: Any) -> Iterator[Any]:
    """libvirt's test driver, with a running domain that has no NICs."""
    domain = test_driver.defineXML(EMPTY)
    domain.create()
    try:
        yield test_driver
    finally:
        domain.destroy()
        domain.undefine()


def test_a_machine_whose_nad_is_missing_is_not_complete(connection: Any) -> None:
    applied = live.apply(kvnet.load(RED), connection, kvnet.Target(profile=HOST))
    assert applied.done == ()
    assert [problem.code for problem in applied.problems if problem.is_error] == ["KN340"]
    assert not applied.is_complete


def test_a_machine_for_another_architecture_is_not_complete(connection: Any) -> None:
    machine = kvnet.load(vmi([nic("red", "masquerade")], [multus("red")], spec={"architecture": "arm64"}))
    applied = live.apply(machine, connection, kvnet.Target(profile=HOST, architecture="amd64"))
    assert (applied.done, [problem.code for problem in applied.problems]) == ((), ["KN306"])
    assert not applied.is_complete


def test_an_attachment_parses_each_configuration_once(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nad = Nad(name="nad", config='{"cniVersion": "0.3.1", "type": "bridge", "bridge": "br0"}')
    machine, target = kvnet.load(RED), kvnet.Target(profile=HOST, nads=(nad,))

    def attach() -> None:
        applied = live.apply(machine, connection, target)
        # the test driver attaches nothing
        assert [str(each.call) for each in applied.failed] == ["attach red (ua-red) [running, next start]"]

    # a tree and the positions in the text, for the live and the persistent configuration
    assert count_parses(monkeypatch, attach) == 4


def test_the_command_ends_with_1_where_a_nad_is_missing(
    libvirt_is_there: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vm.yaml"
    # the test driver brings a domain of this name
    path.write_text(yaml.safe_dump(RED | {"metadata": {"name": "test"}}))
    assert main(["apply", "-c", "test:///default", "--profile", "host", "-f", str(path)]) == 1
    assert "KN340" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["KN340", "KN850", "KN853"])
def test_an_error_of_the_plan_leaves_a_domain_incomplete(code: str) -> None:
    assert Applied().is_complete
    assert not Applied(problems=(Problem(FieldPath(), code, "told"),)).is_complete
