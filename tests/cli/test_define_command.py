"""kvnet define, on libvirt's test driver, which has a domain ``test`` in each process."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.conftest import Run
from machines import multus, nic, pod, vmi

DRIVER = ("-c", "test:///default")


@pytest.fixture(autouse=True, scope="module")
def libvirt_is_there() -> None:
    if importlib.util.find_spec("libvirt") is None:
        pytest.fail("missing here: libvirt-python") if os.environ.get("CI") else pytest.skip("libvirt-python")


def manifest(folder: Path, *names: str, nics: list[dict[str, Any]], networks: list[dict[str, Any]]) -> list[str]:
    """The arguments for machines of these names."""
    documents = [{**vmi(nics, networks), "metadata": {"name": name}} for name in names]
    (folder / "vm.yaml").write_text(yaml.safe_dump_all(documents))
    (folder / "facts.yaml").write_text("libvirtNetworks: [default]\n")
    return ["-f", "vm.yaml", "--profile", "host", "--facts", "facts.yaml"]


def asked(folder: Path, *names: str, **members: Any) -> list[str]:
    return manifest(folder, *names, nics=[nic("red", "masquerade", **members)], networks=[pod("red")])


def test_a_domain_that_is_there_is_refused_with_both_ways_out(run: Run, tmp_path: Path) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "test"))
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"error KN406 libvirt has a domain 'test' already: it runs" in ended.stderr
    assert b"--into" in ended.stderr
    assert b"--replace" in ended.stderr


@pytest.mark.parametrize("option", ["--into", "--replace"])
def test_a_domain_that_is_changed_is_shown_as_what_changes(run: Run, tmp_path: Path, option: str) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "test", macAddress="02:00:00:00:00:01"), option)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(b"test: interface.mac.@address: aa:bb:cc:dd:ee:ff ")
    assert b"<domain" not in ended.stdout
    assert b"note KN407 'test' runs on as it is" in ended.stderr


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_what_was_defined_is_described_with_its_xml_or_why_it_was_refused(
    run: Run, tmp_path: Path, form: str, read: Callable[[bytes], Any]
) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "vm", "test"), "-o", form)
    made, refused = read(ended.stdout)
    assert (ended.returncode, list(made)) == (1, ["name", "xml", "changes", "problems"])
    assert "<name>vm</name>" in made["xml"]
    assert (list(refused), refused["problems"][0]["code"]) == (["name", "problems"], "KN406")


def test_what_changes_of_a_domain_is_described_as_a_diff_would(run: Run, tmp_path: Path) -> None:
    given = asked(tmp_path, "test", macAddress="02:00:00:00:00:01")
    told = json.loads(run("define", *DRIVER, *given, "--into", "-o", "json").stdout)
    (change,) = [each for each in told["changes"] if each["field"] == "interface.mac.@address"]
    assert (change["before"], change["after"]) == ("aa:bb:cc:dd:ee:ff", "02:00:00:00:00:01")


def test_two_machines_of_one_name_do_not_take_each_others_place(run: Run, tmp_path: Path) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "vm", "vm", "other"))
    assert ended.returncode == 1
    assert ended.stdout.count(b"<name>vm</name>") == 1
    assert ended.stdout.count(b"<name>other</name>") == 1
    assert ended.stderr.count(b"KN406") == 1


def test_nics_go_into_no_domain_that_is_not_there(run: Run, tmp_path: Path) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "vm"), "--into")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"error KN870" in ended.stderr


@pytest.mark.parametrize("option", ["--into", "--replace"])
def test_a_domain_that_is_only_tried_is_put_into_nothing(run: Run, tmp_path: Path, option: str) -> None:
    ended = run("define", *asked(tmp_path, "vm"), option)
    assert ended.returncode == 2
    assert b"--connect" in ended.stderr


def test_only_one_of_the_two_can_be_asked_for(run: Run, tmp_path: Path) -> None:
    assert run("define", *DRIVER, *asked(tmp_path, "vm"), "--into", "--replace").returncode == 2


def test_what_the_release_of_the_connection_does_not_start_is_refused(run: Run, tmp_path: Path) -> None:
    nad = {"kind": "NetworkAttachmentDefinition", "apiVersion": "k8s.cni.cncf.io/v1", "metadata": {"name": "nad"}}
    arguments = manifest(tmp_path, "vm", nics=[nic("red")], networks=[multus("red")])
    config = '{"type": "bridge", "bridge": "br0", "vlan": 10}'
    (tmp_path / "nad.yaml").write_text(yaml.safe_dump({**nad, "spec": {"config": config}}))
    import libvirt  # noqa: PLC0415 - an extra

    ended = run("define", *DRIVER, *arguments, "-f", "nad.yaml")
    assert (ended.returncode, b"error KN347" in ended.stderr) == (
        (1, True) if libvirt.getVersion() < 11_000_000 else (0, False)
    )


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_domain_that_is_not_there_is_told_with_the_command_that_makes_it(
    run: Run, tmp_path: Path, command: str
) -> None:
    ended = run(command, *DRIVER, *asked(tmp_path, "vm"))
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"make it with `kvnet define -c test:///default --profile host -f FILE`" in ended.stderr
    ended = run(command, *DRIVER, "-f", "vm.yaml")
    assert b"`kvnet define -c test:///default --profile kubevirt -f FILE`" in ended.stderr


def test_every_error_of_every_machine_is_told_before_anything_is_defined(run: Run, tmp_path: Path) -> None:
    ended = run("define", *DRIVER, *asked(tmp_path, "a", "b", model="nonsense"))
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.count(b"KN129") == 2


def test_a_check_for_a_host_tells_what_rendering_for_it_would(run: Run, tmp_path: Path) -> None:
    arguments = manifest(tmp_path, "vm", nics=[nic("red")], networks=[multus("red")])
    told = [run(command, "-q", *arguments).stderr for command in ("check", "render")]
    assert b"error KN340" in told[0]
    assert told[0] == told[1]
