"""A host on paper: what a kernel, CNI plugins, dnsmasq and libvirt would have, so that steps are tested anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field
from lxml import etree

from kvnet.errors import FieldPath, Problem
from kvnet.hotplug import Plan, Step, preview
from kvnet.live import LibvirtError
from kvnet.node import attachments, changes, cni, host, machines, namespaces, running, steps, work
from kvnet.node.cni import Attachment
from kvnet.node.domains import Domain
from kvnet.node.programs import node_error
from kvnet.node.state import StateFolder
from kvnet.pod import DesiredLink, DhcpServer, FoundLink, FoundRoute, PodFound, PodLinks, found_after
from kvnet.pod.dnsmasq import dnsmasq
from kvnet.values import MacAddress

__all__ = ["Killed", "PaperHost"]

_PODS: Final = import_module("kvnet.node.pods")
"""The module; the package has a function of its name."""
_ANYWHERE: Final = IPv4Network("0.0.0.0/0")


class Killed(BaseException):
    """The end of the process in the middle of a step; nothing of it is undone."""


@define
class PaperHost:
    """What is there, in the order in which it was made.

    - ``namespaces``: the network namespaces
    - ``attached``: by link of the pod, the network that plugins attached it to
    - ``links``: that were made in the pod
    - ``rules``: the texts that nft was given
    - ``servers``: the folders of DHCP servers that run
    - ``claims``: the bridges that pods use
    - ``isolated``: the ports of bridges that are kept apart
    - ``domain``: the XML of the domain that runs
    - ``refused``: what does not succeed: names of links that are not detached, and actions that libvirt refuses
    - ``keeps``: the aliases that the guest does not release
    - ``until``: how many more changes are made before the process is killed
    """

    namespaces: list[str] = field(factory=list)
    attached: dict[str, str] = field(factory=dict)
    links: list[DesiredLink] = field(factory=list)
    rules: list[str] = field(factory=list)
    servers: list[Path] = field(factory=list)
    claims: dict[str, list[str]] = field(factory=dict)
    isolated: list[str] = field(factory=list)
    domain: str | None = None
    refused: set[str] = field(factory=set)
    keeps: set[str] = field(factory=set)
    until: int = -1

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there, but for rules, which go with their namespace."""
        return not (self.namespaces or self.attached or self.links or self.servers or self.claims or self.domain)

    def found(self, namespace: str) -> PodFound:
        """What is in the pod: the links of CNI plugins, and those that were made."""
        given = [_link(name, n) for n, name in enumerate(self.attached, start=2)]
        links = found_after(PodFound(links=tuple(given)), PodLinks(links=tuple(self.links))).links
        routes = [
            FoundRoute(destination=_ANYWHERE, link=each, gateway=_gateway(n)) for n, each in enumerate(self.attached)
        ]
        return PodFound(links=links, routes=tuple(routes))

    def on_paper(self, monkeypatch: pytest.MonkeyPatch) -> PaperHost:
        """Let kvnet work on this host."""
        for place, name, does in self._replacements():
            monkeypatch.setattr(place, name, does)
        return self

    def _replacements(self) -> Iterator[tuple[Any, str, Any]]:
        yield from ((place, "check_host", lambda: None) for place in (_PODS, changes))
        yield from ((place, "number_of", lambda state: 0) for place in (_PODS, machines))
        yield attachments, "missing_plugins", lambda config: []
        yield namespaces, "create", self._changing(self.namespaces.append)
        yield namespaces, "remove", self._changing(self._remove_namespace)
        yield from ((place, "exists", self.namespaces.__contains__) for place in (namespaces, running))
        yield namespaces, "entered", self._entered
        yield steps, "loopback_up", self._in_namespace
        yield steps, "found", self.found
        yield steps, "make_links", self._changing(self._make_links)
        yield steps, "remove_links", self._changing(self._remove_links)
        yield steps, "set_kernel", lambda namespace, sysctls: self._in_namespace(namespace)
        yield steps, "run", self._changing(lambda name, arguments, given="": self.rules.append(given))
        yield steps, "start_server", self._changing(self._start_server)
        yield steps, "revive_server", self._revive_server
        yield steps, "stop_servers", self._changing(self._stop_servers)
        yield steps, "is_running", self.servers.__contains__
        yield host, "claim", self._changing(self._claim)
        yield host, "release", self._changing(lambda state, namespace: self.claims.pop(namespace, None))
        yield cni, "add", self._changing(self._add)
        yield cni, "check", lambda attachment: None
        yield cni, "delete", self._changing(self._delete)
        yield work, "isolate", self.isolated.extend
        yield from ((place, "domain_of", lambda folder: self._domain()) for place in (machines, running))
        yield machines, "start_domain", self._changing(self._start_domain)
        yield machines, "stop_domain", self._changing(self._stop_domain)
        yield changes, "change_domain", self._changing(self._change_domain)
        yield changes, "live_xml", lambda folder: self.domain

    def _changing(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """A change that is not made where the process is killed before it."""

        def changed(*arguments: Any, **options: Any) -> Any:
            if not self.until:
                raise Killed
            self.until -= 1
            return change(*arguments, **options)

        return changed

    @contextmanager
    def _entered(self, namespace: str) -> Iterator[None]:
        self._in_namespace(namespace)
        yield

    def _in_namespace(self, namespace: str) -> None:
        assert namespace in self.namespaces

    def _remove_namespace(self, name: str) -> None:
        if name in self.namespaces:
            self.namespaces.remove(name)
            self.links.clear()
            self.rules.clear()

    def _make_links(self, namespace: str, links: Iterable[DesiredLink]) -> None:
        self._in_namespace(namespace)
        for link in links:
            self.links = [each for each in self.links if each.name != link.name]
            self.links += [] if getattr(link, "is_absent", False) else [link]

    def _remove_links(self, namespace: str, links: Iterable[DesiredLink]) -> None:
        self._in_namespace(namespace)
        names = {(type(each), each.name) for each in links}
        self.links = [each for each in self.links if (type(each), each.name) not in names]

    def _start_server(self, served: DhcpServer, namespace: str, folder: Path) -> None:
        self._in_namespace(namespace)
        assert folder not in self.servers
        dnsmasq(served)
        self.servers.append(folder)

    def _revive_server(self, namespace: str, folder: Path) -> None:
        self._in_namespace(namespace)
        if folder not in self.servers:
            self.servers.append(folder)

    def _stop_servers(self, folders: Iterable[Path]) -> None:
        gone = set(folders)
        self.servers[:] = [each for each in self.servers if each not in gone]

    def _claim(self, state: StateFolder, namespace: str, bridges: Iterable[str], number: int) -> None:
        self._in_namespace(namespace)
        self.claims[namespace] = list(bridges)

    def _add(self, attachment: Attachment) -> dict[str, Any]:
        assert attachment.interface not in self.attached
        assert attachment.result is None
        self.attached[attachment.interface] = attachment.network
        bridge = {"name": attachment.plugins[0]["bridge"]}
        port, inside = {"name": f"veth-{bridge['name']}"}, {"name": attachment.interface, "sandbox": "/run/netns/x"}
        number = [*self.attached].index(attachment.interface)
        ip = {"address": str(_address(number)), "gateway": str(_gateway(number))}
        return {"cniVersion": "0.4.0", "interfaces": [bridge, port, inside], "ips": [ip]}

    def _delete(self, attachment: Attachment) -> None:
        if attachment.interface in self.refused:
            raise node_error("KN882", f"{attachment.interface} is not detached")
        self.attached.pop(attachment.interface, None)

    def _domain(self) -> Domain | None:
        return None if self.domain is None else Domain(xml=self.domain, console="/dev/pts/0")

    def _start_domain(self, document: str, folder: Path, namespace: str) -> None:
        self._in_namespace(namespace)
        if "start" in self.refused:
            raise LibvirtError([Problem(FieldPath(), "KN875", "the domain does not start")])
        folder.mkdir(exist_ok=True)
        self.domain = _with_macs(document)

    def _stop_domain(self, folder: Path, namespace: str) -> None:
        folder.rmdir()
        self.domain = None

    def _change_domain(self, folder: Path, step: Step) -> None:
        assert self.domain is not None
        if step.action in self.refused:
            raise LibvirtError([Problem(FieldPath(), "KN871", f"libvirt refuses to {step}")])
        if step.alias not in self.keeps:
            self.domain = preview(self.domain, Plan(steps=(step,)))


def _with_macs(document: str) -> str:
    """The domain with an address for each NIC that has none, as libvirt gives it."""
    domain = etree.fromstring(document)
    for number, nic in enumerate(domain.iterfind("devices/interface")):
        if nic.find("mac") is None:
            etree.SubElement(nic, "mac", address=f"52:54:00:00:00:{number:02x}")
    return etree.tostring(domain, encoding="unicode")


def _link(name: str, number: int) -> FoundLink:
    mac = MacAddress.parse(f"0a:58:00:00:00:{number:02x}")
    return FoundLink(name=name, index=number, kind="veth", mac=mac, mtu=1500, ipv4=(_address(number - 2),))


def _address(number: int) -> IPv4Interface:
    return IPv4Interface(f"10.{243 - number}.0.5/16")


def _gateway(number: int) -> IPv4Address:
    return IPv4Address(f"10.{243 - number}.0.1")
