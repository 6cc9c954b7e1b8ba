"""Machines behind masquerade for property tests, and the real nft in network namespaces of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import Any

import attrs
from components import needs_program
from hypothesis import strategies as st

from kvnet import testing
from kvnet.pod import FoundLink, PodFound
from kvnet.spec import Interface, Machine, Masquerade, Network, Pod, PortRange, Status

__all__ = ["NEEDS_NFT", "applied", "masqueraded", "pods", "refused"]

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_NFT = shutil.which("nft", path=_PATH)
NEEDS_NFT = needs_program("nft")
_NAMESPACE = ("unshare", "-n") if os.geteuid() == 0 else ("unshare", "-rn")


@st.composite
def masqueraded(draw: st.DrawFn) -> Machine:
    """Machines whose first NIC is behind masquerade, with ports, ranges, CIDRs, Istio and a status now and then."""
    machine = draw(testing.machines(max_nics=3))
    cidrs = st.none() | st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(1, 30))
    ipv6_cidrs = st.none() | st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(1, 126))
    pod = Pod(vm_network_cidr=draw(cidrs), vm_ipv6_network_cidr=draw(ipv6_cidrs))
    network = Network(name="first", sources=(pod,))
    nic = draw(testing.interfaces(network))
    ranges = draw(st.none() | st.lists(_ranges(), max_size=2).map(tuple))
    nic = attrs.evolve(nic, bindings=(Masquerade(),), port_ranges=ranges)
    machine = machine.with_nics((nic, *_others(machine)), (network, *machine.networks[1:]))
    annotations = draw(st.sampled_from([{}, {"sidecar.istio.io/inject": "true"}]))
    status = draw(st.sampled_from([None, Status(rest={"migrationTransport": "Unix"})]))
    return attrs.evolve(machine, annotations=annotations, status=status)


def _others(machine: Machine) -> tuple[Interface, ...]:
    return machine.interfaces[1:]


def _ranges() -> st.SearchStrategy[PortRange]:
    ends = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted)
    return st.builds(lambda protocol, ends: PortRange(protocol=protocol, start=ends[0], end=ends[1]), _PROTOCOLS, ends)


_PROTOCOLS = st.sampled_from(["TCP", "UDP"])


def pods(name: str = "eth0") -> st.SearchStrategy[PodFound]:
    """Pods with one link, which has addresses of either family, of both, or of none."""
    ipv4 = st.builds(lambda host: IPv4Interface(f"10.244.0.{host}/24"), st.integers(2, 254))
    ipv6 = st.builds(lambda host: IPv6Interface(f"fd10:244::{host:x}/64"), st.integers(2, 0xFFFF))
    links = st.builds(
        FoundLink,
        name=st.just(name),
        mtu=st.sampled_from([None, 1400, 9000]),
        ipv4=st.lists(ipv4, max_size=2).map(tuple),
        ipv6=st.lists(ipv6, max_size=2).map(tuple),
    )
    return st.builds(lambda link: PodFound(links=(link,)), links)


def refused(rulesets: Iterable[str], folder: Path) -> list[str]:
    """What nft says of those rulesets that it does not accept, each in an empty namespace, where nothing is applied."""
    for n, text in enumerate(rulesets):
        (folder / f"{n:04}.nft").write_text(text)
    script = f'for each in *.nft; do {_NFT} -c -f "$each" 2>&1 || echo "$each"; done'
    told = subprocess.run(
        [*_NAMESPACE, "sh", "-c", script], cwd=folder, text=True, capture_output=True, check=True
    ).stdout
    return told.splitlines()


def applied(*steps: Sequence[str], texts: Mapping[str, str], folder: Path) -> Any:
    """The ruleset of a new namespace after commands of nft; ``texts`` are files that they name."""
    for name, text in texts.items():
        (folder / name).write_text(text)
    lines = [shlex.join([_NFT or "nft", *step[1:]]) for step in steps]
    script = "\n".join(["set -e", *lines, f"{_NFT} -j list ruleset"])
    listed = subprocess.run([*_NAMESPACE, "sh", "-c", script], cwd=folder, text=True, capture_output=True, check=False)
    assert listed.returncode == 0, listed.stderr
    return _without_handles(json.loads(listed.stdout)["nftables"][1:])


def _without_handles(value: Any) -> Any:
    """A listing without the numbers that the kernel gives to what is added, deleted ones included."""
    if isinstance(value, dict):
        return {key: _without_handles(each) for key, each in value.items() if key != "handle"}
    return [*map(_without_handles, value)] if isinstance(value, list) else value
