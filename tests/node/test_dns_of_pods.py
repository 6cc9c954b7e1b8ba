"""A pod has the name and the DNS that its machine, its network and its host give it, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from machines import vmi

import kvnet
from kvnet.node import pod_network

STUB = "nameserver 127.0.0.53\nsearch stub.example\n"
HOST = (
    "# of the host\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver x\nnameserver\nsearch lab.example lab2\n"
)
GIVEN = {"nameservers": ["10.0.0.1"], "search": ["net.example"], "domain": "own.example"}
CONFIG = {"nameservers": ["192.0.2.1", "10.0.0.1"], "searches": ["x.example", "net.example"]}


def resolv_conf(spec: dict[str, Any], *results: dict[str, Any]) -> list[str]:
    machine = kvnet.load(vmi(spec=spec))
    return pod_network.pod_resolv_conf(machine, results).splitlines()


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """The host's files, of which the first one names an address that no pod reaches."""
    first, second = tmp_path / "stub", tmp_path / "resolved"
    first.write_text(STUB)
    second.write_text(HOST)
    monkeypatch.setattr(pod_network, "_HOST_FILES", (first, second))
    return first, second


CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[str]]] = {
    "the host's, as far as a pod reaches it": ({}, [], ["nameserver 192.0.2.53", "search lab.example lab2"]),
    "that of the pod network": ({}, [{"dns": GIVEN}], ["nameserver 10.0.0.1", "search net.example"]),
    "that of the first network that has one": (
        {},
        [{}, {"dns": {}}, {"dns": GIVEN}, {"dns": {"nameservers": ["10.9.9.9"]}}],
        ["nameserver 10.0.0.1", "search net.example"],
    ),
    "the domain of a network without search domains": (
        {},
        [{"dns": {"nameservers": ["10.0.0.1"], "domain": "own.example"}}],
        ["nameserver 10.0.0.1", "search own.example"],
    ),
    "search domains of a network, and servers of the host": (
        {},
        [{"dns": {"search": ["net.example"]}}],
        ["nameserver 192.0.2.53", "search net.example"],
    ),
    "what the machine says besides, each once": (
        {"dnsConfig": CONFIG},
        [{"dns": GIVEN}],
        ["nameserver 10.0.0.1", "nameserver 192.0.2.1", "search net.example x.example"],
    ),
    "what the machine says alone": (
        {"dnsPolicy": "None", "dnsConfig": CONFIG},
        [{"dns": GIVEN}],
        ["nameserver 192.0.2.1", "nameserver 10.0.0.1", "search x.example net.example"],
    ),
    "nothing": ({"dnsPolicy": "None"}, [{"dns": GIVEN}], [""]),
}


@pytest.mark.parametrize(("spec", "results", "lines"), CASES.values(), ids=CASES)
def test_a_pod_has(spec: dict[str, Any], results: list[dict[str, Any]], lines: list[str]) -> None:
    assert resolv_conf(spec, *results) == lines


def test_a_host_without_dns_gives_none(files: tuple[Path, Path]) -> None:
    files[1].unlink()
    assert resolv_conf({}) == [""]
    files[0].write_text("search a.example\nnameserver ::1\nnameserver fd00::1\n")
    assert resolv_conf({}) == ["nameserver fd00::1", "search a.example"]


@pytest.mark.parametrize(
    ("spec", "name", "hostname"),
    [({"hostname": "db"}, "web", "db"), ({}, "web.prod", "web"), ({}, "web", "web"), ({}, "", "vm")],
)
def test_a_pod_is_named_as_the_machine_says_or_by_its_name_up_to_a_dot(
    spec: dict[str, Any], name: str, hostname: str
) -> None:
    given = vmi(spec=spec)
    given["metadata"]["name"] = name
    assert pod_network.pod_hostname(kvnet.load(given)) == hostname
