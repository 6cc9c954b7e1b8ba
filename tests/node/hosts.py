"""A host of a test's own: a network namespace in which pods are made as on a plain machine, and guests behind them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen
from components import needs_cni, needs_package, needs_program, needs_root
from pod.namespaces import ran

import kvnet
from kvnet import node
from kvnet.target import Target

__all__ = [
    "NEEDS_HOST",
    "Guest",
    "guest",
    "guest_namespace",
    "host",
    "interrupted_machine",
    "machine",
    "nad",
    "smaller_machine",
    "snapshot",
]

_NUMBERS: Final = count()
_LONGEST_NAME: Final = 15
_LEASE_SCRIPT: Final = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
for gateway in $router; do
  ip route add "$gateway" dev "$interface" 2>/dev/null
  ip route add default via "$gateway" dev "$interface"
done
"""
NEEDS_HOST = [
    pytest.mark.slow,
    needs_root(),
    needs_package("pyroute2", "node"),
    needs_cni(),
    *map(needs_program, ("ip", "nft", "dnsmasq", "busybox")),
]
"""The marks of tests that make pods."""


@contextmanager
def host() -> Iterator[None]:
    """Let the test, and what it starts, be on a host with nothing but a loopback link."""
    from kvnet.node import links, namespaces  # noqa: PLC0415 - an extra

    name = f"kvnet-host-{os.getpid()}"
    namespaces.create(name)
    try:
        links.loopback_up(name)
        with namespaces.entered(name):
            yield
    finally:
        namespaces.remove(name)


def snapshot(root: Path) -> dict[str, Any]:
    """All that a pod could leave behind on this host: links, addresses, rules, kernel, namespaces, processes, files."""
    pods = [folder.record for folder in node.StateFolder(root).pods]
    return {
        "links": json.loads(ran("ip", "-j", "link")),
        "addresses": _addresses(),
        "routes": json.loads(ran("ip", "-j", "route")) + json.loads(ran("ip", "-j", "-6", "route")),
        "rules": json.loads(ran("nft", "-j", "list", "ruleset")),
        "forwarding": [_kernel("ipv4/ip_forward"), _kernel("ipv6/conf/all/forwarding")],
        "pods": pods,
        "processes": [line for line in ran("busybox", "ps", "-o", "args").splitlines() if str(root) in line],
        "namespaces": _namespaces(root),
        "files": sorted(str(each.relative_to(root)) for each in root.rglob("*")),
    }


def _addresses() -> list[dict[str, Any]]:
    """The addresses of each link; the kernel tests for a second that nobody else has one, and then says so."""
    links: list[dict[str, Any]] = json.loads(ran("ip", "-j", "address"))
    for link in links:
        for address in link["addr_info"]:
            address.pop("tentative", None)
    return links


def _namespaces(root: Path) -> list[str]:
    from kvnet.node.namespaces import namespace_name  # noqa: PLC0415 - an extra

    names = [namespace_name(root, f"prod/{each}") for each in ("a", "b", "web")]
    return [name for name in names if Path("/run/netns", name).exists()]


def _kernel(name: str) -> str:
    return Path("/proc/sys/net", name).read_text().strip()


def nad(name: str, **config: Any) -> dict[str, Any]:
    """A NetworkAttachmentDefinition of a CNI plugin, a bridge where none is named."""
    text = json.dumps({"cniVersion": "0.4.0", "type": "bridge", **config})
    metadata = {"name": name, "namespace": "prod"}
    kind = "NetworkAttachmentDefinition"
    return {"apiVersion": "k8s.cni.cncf.io/v1", "kind": kind, "metadata": metadata, "spec": {"config": text}}


def machine(
    interfaces: list[dict[str, Any]], *nads: dict[str, Any], name: str = "web", **spec: Any
) -> tuple[kvnet.Machine, Target]:
    """A machine of the namespace ``prod``, whose NIC ``default`` is on the pod network, and others on NADs."""
    networks = [_network(each["name"]) for each in interfaces]
    inner = {"domain": {"devices": {"interfaces": interfaces}}, "networks": networks, **spec}
    metadata = {"name": name, "namespace": "prod"}
    vm = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": metadata, "spec": inner}
    manifest = kvnet.load_all([vm, *nads])
    return manifest.machines[0], manifest.target()


def interrupted_machine() -> tuple[kvnet.Machine, Target]:
    """A machine of which every kind of step is needed: NAT, a moved NIC, DHCP, the spoof check, iptables."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    lan = nad("lan", bridge="br9", isGateway=True, ipMasq=True, macspoofchk=True, ipam=ipam)
    return machine([{"name": "default", "masquerade": {}}, {"name": "lan", "bridge": {}}], lan)


def changed_machine() -> tuple[kvnet.Machine, Target]:
    """The same machine, running with another network."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.8.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    other = nad("other", bridge="br8", isGateway=True, ipMasq=True, ipam=ipam)
    return machine([{"name": "default", "masquerade": {}}, {"name": "other", "bridge": {}}], other)


def smaller_machine() -> tuple[kvnet.Machine, Target]:
    """The same machine, running with the pod network alone."""
    return machine([{"name": "default", "masquerade": {}}])


def _network(name: str) -> dict[str, Any]:
    return {"name": name, "pod": {}} if name == "default" else {"name": name, "multus": {"networkName": name}}


@frozen(kw_only=True)
class Guest:
    """A guest behind a bridge of a pod, by the name of its namespace; its link is ``eth0``."""

    namespace: str
    mac: str

    def lease(self, folder: Path) -> None:
        """Get an address by DHCP, and use it. Raises RuntimeError where no server answers."""
        script = folder / f"{self.namespace}.sh"
        script.write_text(_LEASE_SCRIPT)
        script.chmod(0o700)
        self.ran("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "4", "-T", "1", "-s", str(script))

    def reaches(self, address: str) -> bool:
        """Whether an address answers a ping."""
        version = "-6" if ":" in address else "-4"
        command = ("busybox", "ping", version, "-c", "1", "-W", "2", address)
        done = subprocess.run(["ip", "netns", "exec", self.namespace, *command], capture_output=True, check=False)
        return done.returncode == 0

    def ran(self, *command: str) -> str:
        """What a command prints that runs in the guest."""
        return ran("ip", "netns", "exec", self.namespace, *command)


@contextmanager
def guest_namespace() -> Iterator[str]:
    """A network namespace with nothing in it, by its name."""
    name = f"kvnet-guest-{os.getpid()}-{next(_NUMBERS)}"
    ran("ip", "netns", "add", name)
    try:
        yield name
    finally:
        ran("ip", "netns", "delete", name)


@contextmanager
def guest(pod: str, bridge: str, mac: str) -> Iterator[Guest]:
    """Plug a guest into a bridge of a pod, as its tap would be."""
    with guest_namespace() as namespace:
        port = namespace.removeprefix("kvnet-")[-_LONGEST_NAME:]
        peer = ("peer", "name", "eth0", "address", mac, "netns", namespace)
        ran("ip", "-n", pod, "link", "add", port, "type", "veth", *peer)
        ran("ip", "-n", pod, "link", "set", port, "master", bridge, "up")
        ran("ip", "-n", namespace, "link", "set", "eth0", "up")
        yield Guest(namespace=namespace, mac=mac)
