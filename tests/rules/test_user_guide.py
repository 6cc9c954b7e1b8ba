"""KubeVirt's user guide, "Interfaces and Networks", row by row: what it warns of is told, and what it asks for is not.

A line that is to be told ends with a comment that names its codes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from attrs import frozen
from written import ROOT

import kvnet

_CODES = re.compile(r"# ((?:KN\d{3} ?)+)$")
POD = "{name: a, pod: {}}"
NET = "{name: a, multus: {networkName: net}}"
DEFAULT = "{name: a, multus: {networkName: net, default: true}}"
WITH_MAC = '{name: a, bridge: {}, macAddress: "02:00:00:00:00:01"}'
BRIDGE: dict[str, Any] = {"type": "bridge", "bridge": "br1"}
IPAM = {"type": "host-local", "subnet": "10.1.1.0/24"}


def vm(
    nics: Iterable[str],
    networks: Iterable[str],
    *,
    devices: Iterable[str] = (),
    domain: Iterable[str] = (),
    spec: Iterable[str] = (),
    metadata: str = "{}",
    above: str = "runStrategy: Always",
) -> str:
    """The text of a VirtualMachine; each text is a line of its own."""
    lines = [
        *("apiVersion: kubevirt.io/v1", "kind: VirtualMachine", "metadata: {name: vm}", "spec:", f"  {above}"),
        *("  template:", f"    metadata: {metadata}", "    spec:", *_indented(6, spec), "      domain:"),
        *(*_indented(8, domain), "        devices:", *_indented(10, devices), "          interfaces:"),
        *(*_indented(10, [f"- {each}" for each in nics]), "      networks:"),
        *_indented(6, [f"- {each}" for each in networks]),
    ]
    return "\n".join(lines) + "\n"


def _indented(width: int, lines: Iterable[str]) -> list[str]:
    return [" " * width + line for line in lines]


def nad(*plugins: dict[str, Any], name: str = "net") -> str:
    """The text of a NAD."""
    config = json.dumps({"cniVersion": "0.3.1", "name": name, "plugins": plugins})
    return (
        "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n"
        f"metadata: {{name: {name}}}\nspec:\n  config: '{config}'\n"
    )


def stream(*documents: str) -> str:
    return "---\n".join(documents)


def guest_ipv6(*lines: str, kind: str = "cloudInitNoCloud") -> list[str]:
    """A volume with network data of version 2 for one NIC."""
    data = ["version: 2", "ethernets:", "  eth0:", "    dhcp4: true", *_indented(4, lines)]
    return ["volumes:", "- name: ci", f"  {kind}:", "    networkData: |", *_indented(6, data)]


GUIDES_IPV6 = guest_ipv6('addresses: ["fd10:0:2::2/120"]', 'gateway6: "fd10:0:2::1"')
MULTIQUEUE = "networkInterfaceMultiqueue: true"


@frozen
class Row:
    """A sentence of the guide, a stream of which the marked lines are told, and one of which nothing is told."""

    guide: str
    bad: str
    good: str
    groups: tuple[str, ...] = ()


ROWS = {
    "S1": Row(
        "Each interface must have a corresponding network with the same name.",
        vm(["{name: b, masquerade: {}} # KN127"], ["{name: a, pod: {}} # KN125"]),
        vm(["{name: a, masquerade: {}}"], [POD]),
    ),
    "S2": Row(
        "Each network should declare its type by defining one of the following fields.",
        vm(["{name: a, bridge: {}}"], ["{name: a} # KN104"]),
        vm(["{name: a, bridge: {}}"], [NET]),
    ),
    "S3": Row(
        "networkName: ref to NAD name, in the same namespace",
        stream(
            vm(["{name: a, bridge: {}}"], ["{name: a, multus: {networkName: nett}} # KN914"]),
            vm(["{name: a, bridge: {}}"], ["{name: a, multus: {networkName: a/b/c}} # KN915"]),
            nad(BRIDGE),
        ),
        stream(vm(["{name: a, bridge: {}}"], [NET]), nad(BRIDGE)),
    ),
    "S4": Row(
        "A multus default network and a pod network type are mutually exclusive.",
        vm(
            ["{name: a, masquerade: {}}", "{name: b, bridge: {}}"],
            [f"{POD} # KN103", "{name: b, multus: {networkName: net, default: true}}"],
        ),
        vm(["{name: a, masquerade: {}}", "{name: b, bridge: {}}"], [POD, "{name: b, multus: {networkName: net}}"]),
    ),
    "S5": Row(
        "The multus delegate chosen as default must return at least one IP address.",
        stream(vm(["{name: a, bridge: {}}"], [f"{DEFAULT} # KN917"]), nad(BRIDGE)),
        stream(vm(["{name: a, bridge: {}}"], [DEFAULT]), nad(BRIDGE | {"ipam": IPAM})),
    ),
    "S6": Row(
        "model: one of e1000, e1000e, ne2k_pci, pcnet, rtl8139, virtio",
        vm(["{name: a, masquerade: {}, model: vmxnet3} # KN129"], [POD]),
        vm(["{name: a, masquerade: {}, model: e1000}"], [POD]),
    ),
    "S7": Row(
        "Not every plugin has native support for custom MAC addresses: use the tuning CNI plugin.",
        stream(vm([f"{WITH_MAC} # KN916"], [NET]), nad({"type": "ptp", "ipam": IPAM})),
        stream(vm([WITH_MAC], [NET]), nad({"type": "ptp", "ipam": IPAM}, {"type": "tuning"})),
    ),
    "S8": Row(
        "The ports attribute is only evaluated by masquerade.",
        vm(["{name: a, bridge: {}, ports: [{port: 80}]} # KN901"], [NET]),
        vm(["{name: a, masquerade: {}, ports: [{port: 80}]}"], [POD]),
    ),
    "S9": Row(
        "Live migration is not allowed with a pod network binding of bridge interface type.",
        vm(["{name: a, bridge: {}} # KN906"], [POD]),
        vm(["{name: a, masquerade: {}}"], [POD]),
    ),
    "S10": Row(
        "In bridge mode the pod doesn't have an IP address configured: Istio may not work in this mode.",
        vm(
            ["{name: a, bridge: {}} # KN906 KN927"],
            [POD],
            metadata='{annotations: {sidecar.istio.io/inject: "true"}}',
        ),
        vm(
            ["{name: a, masquerade: {}}", "{name: b, bridge: {}}"],
            [POD, "{name: b, multus: {networkName: net}}"],
            metadata='{annotations: {sidecar.istio.io/inject: "true"}}',
        ),
    ),
    "S11": Row(
        "The IPv6 address for the VM and default gateway must be the ones shown.",
        vm(
            ["{name: a, masquerade: {}}"],
            [POD],
            spec=guest_ipv6('addresses: ["fd10:0:2::9/64"] # KN923', 'gateway6: "fd10:0:2::fe" # KN923'),
        ),
        vm(["{name: a, masquerade: {}}"], [POD], spec=GUIDES_IPV6),
    ),
    "S12": Row(
        "The configuration of the IPv6 address and the default route is not automatic.",
        vm(["{name: a, masquerade: {}}"], ['{name: a, pod: {vmIPv6NetworkCIDR: "fd10:0:2::/120"}} # KN924']),
        vm(
            ["{name: a, masquerade: {}}"],
            ['{name: a, pod: {vmIPv6NetworkCIDR: "fd10:0:2::/120"}}'],
            spec=GUIDES_IPV6,
        ),
    ),
    "S13": Row(
        "In sriov, Virtual Functions' PCI devices are directly exposed; the CNI is sriov-cni.",
        stream(vm(["{name: a, sriov: {}} # KN913"], [NET]), nad(BRIDGE)),
        stream(vm(["{name: a, sriov: {}}"], [NET]), nad({"type": "sriov"})),
    ),
    "S14": Row(
        "The desired link state can be specified using all bindings other than sriov.",
        vm(["{name: a, sriov: {}, state: down} # KN108"], [NET]),
        vm(["{name: a, bridge: {}, state: down}"], [NET]),
    ),
    "S15": Row(
        "With probes, the primary interface's link state down will cause the VM to be not ready, or restarted.",
        vm(
            ["{name: a, masquerade: {}, state: down} # KN918"],
            [POD],
            spec=["livenessProbe: {httpGet: {port: 80}}"],
        ),
        vm(["{name: a, masquerade: {}, state: down}"], [POD], spec=["livenessProbe: {guestAgentPing: {}}"]),
    ),
    "S16": Row(
        "In order to protect against MAC spoofing, it is possible to enable the mac-spoof-check.",
        stream(vm(["{name: a, bridge: {}}"], [f"{NET} # KN925"]), nad(BRIDGE)),
        stream(vm(["{name: a, sriov: {}}"], [NET]), nad({"type": "sriov", "spoofchk": "on", "trust": "off"})),
        groups=("security",),
    ),
    "S17": Row(
        "macvlan and ipvlan are known not to work for bridge interfaces.",
        stream(
            vm(["{name: a, bridge: {}} # KN912"], [NET]),
            vm(["{name: a, bridge: {}} # KN912"], ["{name: a, multus: {networkName: iv}}"]),
            nad({"type": "macvlan", "master": "eth1"}),
            nad({"type": "ipvlan", "master": "eth1"}, name="iv"),
        ),
        stream(vm(["{name: a, bridge: {}}"], [NET]), nad(BRIDGE)),
    ),
    "S18": Row(
        "The bridge CNI supports mac-spoof-check through nftables: the node must have the nft binary.",
        stream(vm(["{name: a, bridge: {}}"], [f"{NET} # KN926"]), nad(BRIDGE | {"macspoofchk": True})),
        stream(vm(["{name: a, bridge: {}}"], [NET]), nad(BRIDGE)),
    ),
    "S19": Row(
        "MTU propagation: X for non-virtio on a bridge with no CNI IP, and on Windows.",
        stream(
            vm(["{name: a, bridge: {}, model: e1000} # KN919"], [NET]),
            vm(
                ["{name: a, masquerade: {}, model: e1000e} # KN919"],
                [POD],
                metadata="{annotations: {vm.kubevirt.io/os: windows2k22}}",
            ),
            nad(BRIDGE | {"mtu": 9000}),
        ),
        stream(vm(["{name: a, bridge: {}, model: e1000}"], [NET]), nad(BRIDGE | {"mtu": 9000, "ipam": IPAM})),
    ),
    "S20": Row(
        "Guest OS is limited to ~200 MSI vectors; each queue consumes 64 KiB; more vNICs than vCPUs; ethtool.",
        stream(
            vm(
                ["{name: a, bridge: {}}", "{name: b, bridge: {}}", "{name: c, bridge: {}}"],
                [f"{{name: {name}, multus: {{networkName: net}}}}" for name in "abc"],
                devices=[f"{MULTIQUEUE} # KN920 KN922"],
                domain=["cpu: {cores: 33}"],
            ),
            vm(["{name: a, bridge: {}}"], [NET], devices=[f"{MULTIQUEUE} # KN921"], domain=["cpu: {cores: 1}"]),
        ),
        vm(["{name: a, bridge: {}}"], [NET], domain=["cpu: {cores: 8}"]),
    ),
}


def marked(text: str) -> list[tuple[str, int]]:
    """The codes that the comments of a text name, with their lines."""
    marks = [(n, match) for n, line in enumerate(text.splitlines(), 1) if (match := _CODES.search(line))]
    return sorted((code, n) for n, match in marks for code in match.group(1).split())


def told(text: str, groups: Iterable[str]) -> list[tuple[str, int]]:
    """The codes that are told of a stream, with their lines."""
    manifest = kvnet.loads_all(text)
    problems = kvnet.check_all(manifest.machines, manifest.target(), groups=groups)
    return sorted({(each.code, each.place.line if each.place else 0) for each in problems})


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_the_guide_warns_of_is_told_in_its_line(row: Row) -> None:
    assert marked(row.bad)
    assert told(row.bad, row.groups) == marked(row.bad)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_of_what_the_guide_asks_for_nothing_is_told(row: Row) -> None:
    assert told(row.good, row.groups) == []


def test_every_code_of_advice_on_the_guide_has_a_row() -> None:
    codes = {code for row in ROWS.values() for code, _ in marked(row.bad)}
    assert codes >= {f"KN{number}" for number in range(912, 928)}


def test_the_page_on_the_guide_names_every_code_of_a_row() -> None:
    page = (ROOT / "docs/reference/user-guide.md").read_text(encoding="utf-8")
    assert [code for row in ROWS.values() for code, _ in marked(row.bad) if f"[`{code}`]" not in page] == []
