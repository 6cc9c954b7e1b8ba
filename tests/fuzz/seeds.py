"""Where fuzzing starts: real texts, written to a folder as libFuzzer wants them."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from recorded import CORPUS, lines, recordings

__all__ = ["device_texts", "entry_texts", "kept_entries", "manifest_texts", "write_seeds"]

ROOT = Path(__file__).parents[2]
PLAIN = (
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='b'/><mtu size='1'/></interface>",
    "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='2' function='3'/></source></hostdev>",
    "<domain><devices><interface type='user'><!-- c --><x/><alias name='ua-a'/></interface></devices></domain>",
)


def device_texts() -> list[str]:
    """Elements and domains, with libvirt's own: the sample of them, and all where they are beside the checkout."""
    return [*PLAIN, *(json.loads(line)["xml"] for path in recordings(CORPUS) for line in lines(path))]


def manifest_texts() -> list[str]:
    """The examples."""
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]


_ENTRIES = (
    (
        "links: {a: {name: x, mac: '52:54:00:00:00:01', mtu: 1450}}\nlibvirtNetworks: [default]\n"
        "networks: {a: {bridge: b}}\n",
        '[{"name": "default/x", "interface": "net1", "ips": ["10.0.0.2"], "mac": "52:54:00:00:00:01"}]',
        "pciAddresses: {a: '0000:81:00.1'}\nbindingPlugins: {p: {domainAttachmentType: tap}}\nqemuVersion: 8.0.0\n",
    ),
    (
        "kind: KubeVirt\nspec: {configuration: {cpuRequest: 1, network: {binding: {p: {domainAttachmentType: tap}}}}}",
        "kind: KubeVirt\nspec: {configuration: {developerConfiguration: {featureGates: [PasstBinding]}}}",
    ),
    (
        '{"type": "bridge", "bridge": "b", "vlanTrunk": [{"minID": 1, "maxID": 9}], "ipam": {"type": "dhcp"}}',
        '{"plugins": [{"type": "ovs", "bridge": "b", "vlan": 7}, {"type": "bandwidth", "ingressRate": 1000}]}',
        '{"type": "macvtap", "master": "eth0", "mode": "bridge", "mtu": 1500}',
    ),
    (
        '{"vm": {"kind": "VirtualMachineInstance", "metadata": {"name": "m"}, "spec": {"domain": {"devices": {}}}},'
        ' "facts": {"architecture": "amd64"}}',
    ),
    (
        '{"index": 0, "run": "0", "namespace": null, "name": "m", "uses": {}, "devices": []}\n',
        '{"index": 0, "run": "0", "namespace": null, "name": "m", "problems": [{"code": "KN1", "message": ""}]}\n{"in',
    ),
    ('ignore = ["KN906"]\n[per-file-ignores]\n"a.yaml" = ["KN9"]\n', 'strict = true\nbaseline = "b.json"\n'),
    ('{"version": 1, "problems": [{"file": "a", "code": "KN906", "field": "f", "line": "x", "count": 2}]}',),
    (
        "links: [{name: eth0, ipv4: [10.244.0.10/24]}]\n"
        "routes: [{destination: 0.0.0.0/0, link: eth0, gateway: 10.244.0.1}]\n",
    ),
    (
        '[{"name": "eth0", "hardware-address": "52:54:00:00:00:01", "ip-addresses":'
        ' [{"ip-address": "10.0.0.2", "ip-address-type": "ipv4", "prefix": 24}]}]',
        '{"a": {"podIP": "10.0.0.2", "podIPs": ["10.0.0.2"]}}',
    ),
    PLAIN,
)
"""For each entry of ``fuzz_entries.py``, in its order, what it is usually given."""


def entry_texts() -> list[str]:
    """What each entry is usually given, after the character of its number."""
    return [f"{chr(n)}{text}" for n, texts in enumerate(_ENTRIES) for text in texts]


def kept_entries() -> list[bytes]:
    """What earlier runs of ``fuzz_entries.py`` found new ways with; JSON has each byte as a character."""
    path = Path(__file__).with_name("entries.jsonl.gz")
    return [json.loads(line).encode("latin-1") for line in gzip.decompress(path.read_bytes()).splitlines()]


def write_seeds(texts: Iterable[str | bytes], folder: Path) -> None:
    """One file for each text."""
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        (folder / sha256(data).hexdigest()[:16]).write_bytes(data)
