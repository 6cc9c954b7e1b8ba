"""What can be made longer in each input: a maker of the input for any size, and the step that works on it."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

import kvnet
from kvnet.bulk.lines import Line
from kvnet.bulk.rendering import Settings
from kvnet.cli.main import main as command
from kvnet.manifest.document import sound_documents
from kvnet.report.baseline import read_baseline
from kvnet.report.config import read_config

__all__ = ["DIMENSIONS", "Dimension", "Refused"]

Json = dict[str, Any]
_LISTS = 256
"""KubeVirt takes so many interfaces and networks at the most."""
_AMD64 = kvnet.HostFacts(architecture="amd64")
_TARGET = kvnet.Target(facts=_AMD64)


class Refused(Exception):
    """A machine was refused whose rendering was to be measured."""


@frozen(kw_only=True)
class Dimension:
    """One thing that can be doubled.

    - ``make``: an input of a size
    - ``call``: the step that is measured
    - ``first``, ``most``: the least size, and the largest that the input may have
    - ``settled``: the size from which on growth is regular: comparing, for example, ends at so many names
    - ``exponent``: the most that time may grow by, as a power of the size
    """

    make: Callable[[int], Any]
    call: Callable[[Any], object]
    first: int = 16
    most: int = 1 << 17
    settled: int = 16
    exponent: float = 1.2


def nic(n: int, **members: Any) -> Json:
    """An interface on a network of its own."""
    return {"name": f"n{n}", "bridge": {}, "macAddress": _mac(n), **members}


def attached(n: int, **members: Any) -> Json:
    """The network of a NIC."""
    return {"name": f"n{n}", "multus": {"networkName": f"lan-{n}", **members}}


def _mac(n: int) -> str:
    return (0x525400000000 + n).to_bytes(6, "big").hex(":")


def vmi(nics: list[Json], networks: list[Json], *, name: str = "m", around: Json | None = None, **spec: Any) -> Json:
    """A machine with interfaces and networks; ``around`` is what is added to its metadata."""
    domain = {"memory": {"guest": "1Gi"}, "devices": {"interfaces": nics, **spec.pop("devices", {})}}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": name, **(around or {})},
        "spec": {"architecture": "amd64", "domain": domain, "networks": networks, **spec},
    }


def plain(name: str = "m", around: Json | None = None, **spec: Any) -> Json:
    """A machine with one NIC."""
    return vmi([{"name": "n", "masquerade": {}}], [{"name": "n", "pod": {}}], name=name, around=around, **spec)


def with_network_data(link: str, count: int) -> Json:
    """A machine whose cloud-init volume has network data of so many links."""
    data = "version: 2\nethernets:\n" + "".join(f"  e{n}: {{{link}}}\n" for n in range(count))
    disks, volume = [{"name": "v", "disk": {}}], {"name": "v", "cloudInitNoCloud": {"networkData": data}}
    return plain(devices={"disks": disks}, volumes=[volume])


def wide(count: int) -> Json:
    """A machine with so many NICs."""
    return vmi([nic(n) for n in range(count)], [attached(n) for n in range(count)])


def nad(n: int, config: Json | str | None = None, name: str = "") -> Json:
    """A definition with a bridge of its own."""
    cni = {"type": "bridge", "bridge": f"br{n}"} if config is None else config
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name or f"lan-{n}"},
        "spec": {"config": cni if isinstance(cni, str) else json.dumps(cni)},
    }


def listed(objects: list[Json]) -> str:
    """A List, with a line for each value."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=0)


def stream(objects: list[Json]) -> str:
    """A stream of documents."""
    return "---\n".join(json.dumps(each, indent=1) + "\n" for each in objects)


def machine(data: Json) -> kvnet.Machine:
    return kvnet.load(data)


def rendered(given: tuple[kvnet.Machine, kvnet.Target]) -> kvnet.Rendered:
    """Render a machine, which must not be refused."""
    made = kvnet.render(*given)
    if made.problems:
        raise Refused(str(made.problems[0]))
    return made


def fleet(given: tuple[list[kvnet.Machine], kvnet.Target]) -> None:
    for each in given[0]:
        rendered((each, given[1]))


def on_host(count: int) -> tuple[kvnet.Machine, kvnet.Target]:
    """A machine on a plain host, with a definition for each NIC."""
    nads = kvnet.load_all([nad(n) for n in range(count)]).nads
    return machine(wide(count)), kvnet.Target(profile="host", nads=nads, facts=_AMD64)


def fleet_on_host(count: int) -> tuple[list[kvnet.Machine], kvnet.Target]:
    """Machines on a plain host, each on the definition of its number."""
    nads = kvnet.load_all([nad(n) for n in range(count)]).nads
    machines = [machine(vmi([nic(n)], [attached(n)], name=f"m{n}")) for n in range(count)]
    return machines, kvnet.Target(profile="host", nads=nads, facts=_AMD64)


def read(text: str) -> object:
    """Read a text as far as that goes; whether it is refused does not matter."""
    return sound_documents(kvnet.manifest.document.given_text(text), of_kubernetes=True)


def loaded(text: str) -> object:
    """Read the objects of a text, all of which must be good."""
    return kvnet.loads_all(text)


def told(text: str, *words: str) -> str:
    """Give a text to ``kvnet check``, and take what it prints."""
    printed = io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            command(["check", "--isolated", "-f", file.name, *words])
    return printed.getvalue()


def refused(call: Callable[[Any], object]) -> Callable[[Any], object]:
    """A step that may end in problems."""

    def tried(given: Any) -> object:
        try:
            return call(given)
        except kvnet.KvnetError as error:
            return str(error)

    return tried


def line(text: str) -> None:
    """Render a line of a bulk run."""
    list(Line("fleet.ndjson", 1, text.encode()).results(Settings(target=_TARGET)))


# libvirt's side


def interface(n: int, first: int = 0, extra: str = "") -> str:
    """The XML of a NIC."""
    return (
        f"<interface type='bridge'><mac address='{_mac(first + n)}'/><source bridge='br{first + n}'/>"
        f"<model type='virtio'/><alias name='ua-n{first + n}'/>{extra}</interface>"
    )


def domain(count: int, first: int = 0, extra: str = "") -> str:
    """The XML of a running domain with so many NICs."""
    nics = "".join(interface(n, first, extra) for n in range(count))
    return f"<domain type='kvm'><name>m</name><devices>{nics}</devices></domain>"


def devices(count: int, first: int = 0) -> list[kvnet.Device]:
    return [kvnet.read_device(interface(n, first)) for n in range(count)]


_PATCHES: Mapping[str, int] = {"the same NICs": 0, "half of the NICs": -2, "other NICs": 10_000}


def _patch_given(first: int, count: int) -> tuple[str, list[str]]:
    start = count // 2 if first == -2 else first
    return domain(count), [interface(n, start) for n in range(count)]


def _without_alias(count: int) -> tuple[str, list[str]]:
    made = [
        f"<interface type='bridge'><mac address='{_mac(1000 + n)}'/><source bridge='b'/></interface>"
        for n in range(count)
    ]
    return domain(count), made


def _patched_with(children: str) -> str:
    return kvnet.patch(domain(1, extra=children), [interface(0, extra=children).replace("'br0'", "'br1'")])


def _trunk(ids: Iterable[int]) -> str:
    return interface(0, extra="<vlan trunk='yes'>" + "".join(f"<tag id='{n % 4095}'/>" for n in ids) + "</vlan>")


def _running(count: int) -> tuple[str, kvnet.Machine, kvnet.Target]:
    return domain(count), *on_host(count)


_OF_MACHINES: Mapping[str, Dimension] = {
    "NICs, check": Dimension(make=lambda n: (machine(wide(n)), _TARGET), call=lambda a: kvnet.check(*a), most=_LISTS),
    "NICs, render": Dimension(make=lambda n: (machine(wide(n)), _TARGET), call=rendered, most=_LISTS),
    "NICs, render on a host": Dimension(make=on_host, call=rendered, most=_LISTS, exponent=1.15),
    "NADs and machines, render on a host": Dimension(make=fleet_on_host, call=fleet, most=2048, exponent=1.15),
    "NADs, one machine": Dimension(
        make=lambda n: ([fleet_on_host(n)[0][-1]], fleet_on_host(n)[1]), call=fleet, most=4096, exponent=1.15
    ),
    "NICs, JSON to XML": Dimension(
        make=lambda n: json.dumps(wide(n)), call=lambda text: rendered((kvnet.loads(text), _TARGET)), most=_LISTS
    ),
    "machines, check_all": Dimension(
        make=lambda n: [machine(vmi([nic(k)], [attached(k)], name=f"m{k}")) for k in range(n)],
        call=lambda machines: kvnet.check_all(machines, _TARGET),
        most=4096,
    ),
    "machines with one MAC, check_all": Dimension(
        make=lambda n: [machine(vmi([nic(0)], [attached(0)], name="m")) for _ in range(n)],
        call=lambda machines: kvnet.check_all(machines, _TARGET),
        most=4096,
    ),
    "NICs, dump": Dimension(make=lambda n: machine(wide(n)), call=kvnet.dump, most=_LISTS),
    "NICs, bulk line": Dimension(make=lambda n: json.dumps(wide(n)), call=line, most=_LISTS),
    "ports, bulk line": Dimension(
        make=lambda n: json.dumps(
            vmi(
                [{"name": "n", "masquerade": {}, "ports": [{"port": k + 1} for k in range(n)]}],
                [{"name": "n", "pod": {}}],
            )
        ),
        call=line,
        most=32768,
    ),
    "disks, check": Dimension(
        make=lambda n: json.dumps(
            plain(devices={"disks": [{"name": f"d{k}", "disk": {"bus": "virtio"}} for k in range(n)]}), indent=0
        ),
        call=told,
        most=8192,
    ),
    "boot orders, check": Dimension(
        make=lambda n: json.dumps(
            plain(devices={"disks": [{"name": f"d{k}", "disk": {}, "bootOrder": 1} for k in range(n)]}), indent=0
        ),
        call=told,
        most=8192,
    ),
    "ports, check": Dimension(
        make=lambda n: machine(
            vmi(
                [{"name": "n", "masquerade": {}, "ports": [{"port": k + 1} for k in range(n)]}],
                [{"name": "n", "pod": {}}],
            )
        ),
        call=lambda a: kvnet.check(a, _TARGET),
        most=32768,
    ),
    "ports with one name, check": Dimension(
        make=lambda n: json.dumps(
            vmi(
                [{"name": "n", "masquerade": {}, "ports": [{"port": 0, "name": "web"} for _ in range(n)]}],
                [{"name": "n", "pod": {}}],
            ),
            indent=0,
        ),
        call=told,
        most=4096,
    ),
    "status entries, check": Dimension(
        make=lambda n: json.dumps(
            plain() | {"status": {"interfaces": [{"name": f"n{k}", "mac": _mac(k)} for k in range(n)]}}, indent=0
        ),
        call=told,
        most=16384,
    ),
    "status entries and NICs, render": Dimension(
        make=lambda n: (
            machine(wide(n) | {"status": {"interfaces": [{"name": f"n{k}", "mac": _mac(k)} for k in range(n)]}}),
            _TARGET,
        ),
        call=rendered,
        most=_LISTS,
    ),
    "annotations, check": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {f"a.example/{k}": "x" for k in range(n)}}), indent=0),
        call=told,
    ),
    "labels, check": Dimension(
        make=lambda n: json.dumps(plain(around={"labels": {f"a.example/{k}": "x" for k in range(n)}}), indent=0),
        call=told,
    ),
    "volumes with cloud-init, check": Dimension(
        make=lambda n: json.dumps(
            plain(
                devices={"disks": [{"name": f"v{k}", "disk": {}} for k in range(n)]},
                volumes=[{"name": f"v{k}", "cloudInitNoCloud": {"networkData": "version: 2\n"}} for k in range(n)],
            ),
            indent=0,
        ),
        call=told,
        most=2048,
    ),
}

_OF_MISTAKES: Mapping[str, Dimension] = {
    "documents, check": Dimension(make=lambda n: stream([plain(f"m{k}") for k in range(n)]), call=told, most=1024),
    "documents with a warning, check": Dimension(
        make=lambda n: stream(
            [vmi([{"name": "n", "bridge": {}}], [{"name": "n", "pod": {}}], name=f"m{k}") for k in range(n)]
        ),
        call=told,
        most=1024,
    ),
    "documents that cannot be read, check": Dimension(
        make=lambda n: stream([{"kind": "VirtualMachine", "apiVersion": "kubevirt.io/v1", "spec": {"templat": 5}}] * n),
        call=told,
        most=2048,
    ),
    "items of a List with a warning, check": Dimension(
        make=lambda n: listed(
            [vmi([{"name": "n", "bridge": {}}], [{"name": "n", "pod": {}}], name=f"m{k}") for k in range(n)]
        ),
        call=told,
        most=1024,
    ),
    "wrong annotations, check": Dimension(
        make=lambda n: json.dumps(
            plain(
                around={
                    "annotations": {f"kubevirt.io/allow-pod-bridge-network-live-migratio{k}": "x" for k in range(n)}
                }
            ),
            indent=0,
        ),
        call=told,
        most=4096,
    ),
    "annotations of a wrong type, check": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {f"k{k}": k for k in range(n)}}), indent=0),
        call=told,
        most=8192,
    ),
    "flawed NICs, check": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(k), "modle": "x", "macAddress": 5} for k in range(n)], []), indent=0),
        call=told,
        most=_LISTS,
    ),
    "flawed networks, check": Dimension(
        make=lambda n: json.dumps(vmi([], [{"name": f"n{k}", "pod": [], "x": {}} for k in range(n)]), indent=0),
        call=told,
        most=_LISTS,
    ),
    "NICs without a network, check": Dimension(
        make=lambda n: json.dumps(
            vmi(
                [{"name": f"a{k:03d}{'xyzw' * 15}", "bridge": {}} for k in range(n)],
                [{"name": f"b{k:03d}{'xyzw' * 15}", "multus": {"networkName": "q"}} for k in range(n)],
            )
        ),
        call=told,
        most=_LISTS,
        settled=64,
    ),
    "unknown fields, check": Dimension(
        make=lambda n: json.dumps({**plain(), **{f"speck{k}": 1 for k in range(n)}}, indent=0), call=told
    ),
    "unknown fields of a NIC, check": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(0), **{f"modle{k}": 1 for k in range(n)}}], [attached(0)]), indent=0),
        call=told,
        most=4096,
    ),
    "keys given twice in JSON, check": Dimension(
        make=lambda n: '{"kind":"VirtualMachine",' + ",\n".join(f'"a{k}":1,"a{k}":2' for k in range(n)) + "}",
        call=told,
        most=8192,
    ),
    "keys given twice in YAML, check": Dimension(
        make=lambda n: "kind: VirtualMachine\n" + "\n".join(f"a{k}: 1\na{k}: 2" for k in range(n)), call=told, most=8192
    ),
    "machines without their NAD, check": Dimension(
        make=lambda n: listed(
            [nad(k, name=f"x{k}") for k in range(n)]
            + [
                vmi([{"name": "l", "bridge": {}}], [{"name": "l", "multus": {"networkName": f"y{k}"}}], name=f"m{k}")
                for k in range(n)
            ]
        ),
        call=told,
        most=1024,
    ),
    "suppressions, check": Dimension(
        make=lambda n: "---\n".join(
            f"kind: VirtualMachineInstance\napiVersion: kubevirt.io/v1\nmetadata: {{name: m{k}}}\n"
            "spec:\n  domain: {devices: {interfaces: [\n    # kvnet: ignore[KN906]\n    {name: d, bridge: {}}]}}\n"
            "  networks: [{name: d, pod: {}}]\n"
            for k in range(n)
        ),
        call=told,
        most=2048,
    ),
    "templates, check": Dimension(
        make=lambda n: "kind: VirtualMachine\n" + "".join(f"a{k}: {{{{ .x }}}}\n" for k in range(n)),
        call=told,
        most=16384,
    ),
    "documents of templates, check": Dimension(
        make=lambda n: (
            "---\n".join(f"kind: Deployment\na: {{{{ .x{k} }}}}\n" for k in range(n))
            + "---\nkind: VirtualMachine\nspec: {{ .y }}\n"
        ),
        call=told,
        most=4096,
    ),
    "problems in one line, check": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {f"k{k}": k for k in range(n)}})), call=told, most=8192
    ),
    "problems, as SARIF": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {f"k{k}": k for k in range(n)}}), indent=0),
        call=lambda text: told(text, "-o", "sarif"),
        most=8192,
    ),
    "problems, as JUnit": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {f"k{k}": k for k in range(n)}}), indent=0),
        call=lambda text: told(text, "-o", "junit"),
        most=8192,
    ),
    "problems, as fixes": Dimension(
        make=lambda n: json.dumps(
            vmi([{**nic(k), "modl": "virtio"} for k in range(n)], [attached(k) for k in range(n)]), indent=0
        ),
        call=lambda text: told(text, "--diff"),
        most=_LISTS,
    ),
}

_OF_TEXTS: Mapping[str, Dimension] = {
    "aliases": Dimension(
        make=lambda n: "kind: VirtualMachine\na: &a {x: y}\nl: [" + ",".join(["*a"] * n) + "]\n", call=read
    ),
    "documents with aliases": Dimension(
        make=lambda n: "---\n".join(
            "kind: VirtualMachine\na: &a [" + "x," * 40 + "]\nb: &b [" + "*a," * 5 + "]\n" for _ in range(n)
        ),
        call=read,
        most=8192,
    ),
    "documents that stand for much": Dimension(
        make=lambda n: "---\n".join(
            "kind: VirtualMachine\na: &a [" + "x," * 40 + "]\nb: &b [" + "*a," * 40 + "]\nc: [" + "*b," * 40 + "]\n"
            for _ in range(n)
        ),
        call=read,
        most=2048,
    ),
    "merged mappings": Dimension(
        make=lambda n: "kind: VirtualMachine\na: &a {x: y}\n" + "".join(f"b{k}: {{<<: *a, k: v}}\n" for k in range(n)),
        call=read,
        most=16384,
    ),
    "one key of merged mappings": Dimension(
        make=lambda n: "kind: VirtualMachine\na: &a {x: y}\nb: {<<: [" + "*a, " * n + "]}\n", call=read
    ),
    "depth of JSON": Dimension(make=lambda n: '{"a":' * n + "1" + "}" * n, call=read),
    "depth of YAML": Dimension(make=lambda n: "kind: VirtualMachine\nx: " + "[" * n + "]" * n, call=read),
    "depth of blocks": Dimension(make=lambda n: "kind: VirtualMachine\n" + "- " * n + "x\n", call=read),
    "depth of merges": Dimension(
        make=lambda n: "kind: VirtualMachine\nx: " + "{<<: " * n + "{}" + "}" * n + "\n", call=read
    ),
    "chain of merges": Dimension(
        make=lambda n: (
            "kind: VirtualMachine\nl0: &x0 {a: b}\n"
            + "".join(f"l{k}: &x{k} {{<<: *x{k - 1}, k{k}: v}}\n" for k in range(1, n))
        ),
        call=read,
        settled=128,
    ),
    "unclosed quotes": Dimension(make=lambda n: '{"x":{"a":1,"a":1}, "' + '\\"' * n, call=read),
    "unclosed braces": Dimension(make=lambda n: "kind: VirtualMachine\n" + "{{" * n, call=read),
    "unclosed templates": Dimension(make=lambda n: "kind: VirtualMachine\na: {{ " * n, call=read),
    "unclosed templates of many lines": Dimension(make=lambda n: "kind: VirtualMachine\n" + "a: {{ x\n" * n, call=read),
    "statements of templates": Dimension(
        make=lambda n: "kind: VirtualMachine\n" + "{{- if .x }}\na: b\n{{- end }}\n" * n, call=read
    ),
    "carriage returns": Dimension(make=lambda n: "kind: VirtualMachine\n" + "\r" * n + "a: [\n", call=read),
    "tabs": Dimension(make=lambda n: "kind: VirtualMachine\n" + "a:\n\t" * n, call=read),
    "lines": Dimension(make=lambda n: "kind: VirtualMachine\n" + "\n" * n + "a: [\n", call=read),
    "dashes": Dimension(make=lambda n: "---\n" * n + "kind: [", call=told),
    "comments": Dimension(make=lambda n: "kind: VirtualMachine\na: b " + "# kvnet:" * n, call=told),
    "byte order marks": Dimension(make=lambda n: "\ufeff" * n + "kind: [", call=told),
    "length of a name": Dimension(
        make=lambda n: json.dumps(
            vmi([{"name": "a" * n, "bridge": {}}], [{"name": "b" + "a" * n, "pod": {}}], name="x" * n)
        ),
        call=told,
        settled=64,
    ),
    "length of a key": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(0), "modle" * n: 1}], [attached(0)])), call=told
    ),
    "length of a MAC address": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(0), "macAddress": "52:" * n}], [attached(0)])), call=told
    ),
    "length of a model": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(0), "model": "virtio" * n}], [attached(0)])), call=told
    ),
    "length of a PCI address": Dimension(
        make=lambda n: json.dumps(vmi([{**nic(0), "pciAddress": "0000:" * n}], [attached(0)])), call=told
    ),
    "length of a NAD's name": Dimension(
        make=lambda n: json.dumps(vmi([nic(0)], [{"name": "n0", "multus": {"networkName": "a." * n + "_"}}])), call=told
    ),
    "length of a CIDR": Dimension(
        make=lambda n: json.dumps(
            vmi([{"name": "n", "masquerade": {}}], [{"name": "n", "pod": {"vmNetworkCIDR": "1" * n}}])
        ),
        call=told,
    ),
    "length of a quantity": Dimension(
        make=lambda n: json.dumps(plain()).replace('"1Gi"', f'"{"1" * n}"', 1), call=told
    ),
    "length of an annotation": Dimension(
        make=lambda n: json.dumps(plain(around={"annotations": {"kubevirt.io/" + "a" * n: "x" * n}})), call=told
    ),
    "length of a number": Dimension(make=lambda n: json.dumps(plain()).replace('"1Gi"', "1" * n, 1), call=told),
    "length of network data": Dimension(
        make=lambda n: json.dumps(with_network_data("dhcp4: true", n)),
        call=told,
        most=16384,
    ),
}

_OF_HOSTS: Mapping[str, Dimension] = {
    "links, facts": Dimension(
        make=lambda n: json.dumps({"links": {f"n{k}": {"mtu": 1450, "mac": _mac(k)} for k in range(n)}}),
        call=kvnet.loads_facts,
    ),
    "wrong links, facts": Dimension(
        make=lambda n: json.dumps({"links": {f"n{k}": 5 for k in range(n)}}, indent=0),
        call=refused(kvnet.loads_facts),
        most=16384,
    ),
    "documents, facts": Dimension(
        make=lambda n: stream([{"links": {f"n{k}": {"mtu": 1450}}} for k in range(n)]),
        call=kvnet.loads_facts,
        most=8192,
    ),
    "networks in documents, facts": Dimension(
        make=lambda n: stream([{"libvirtNetworks": [{"name": f"n{k}", "bridge": "b"}]} for k in range(n)]),
        call=refused(kvnet.loads_facts),
        most=8192,
    ),
    "pod networks in documents, facts": Dimension(
        make=lambda n: stream([{"podNetworks": [{"name": f"n{k}", "interface": f"i{k}"}]} for k in range(n)]),
        call=refused(kvnet.loads_facts),
        most=8192,
    ),
    "network-status entries, facts": Dimension(
        make=lambda n: json.dumps([{"name": f"n{k}", "interface": f"i{k}"} for k in range(n)]),
        call=refused(kvnet.loads_facts),
        most=16384,
    ),
    "pod networks and NICs, render": Dimension(
        make=lambda n: (
            machine(wide(n)),
            kvnet.Target(
                facts=kvnet.load_facts(
                    {
                        "architecture": "amd64",
                        "podNetworks": [
                            {"name": f"default/lan-{k}", "interface": f"net{k}", "mtu": 1400} for k in range(n)
                        ],
                    }
                )
            ),
        ),
        call=rendered,
        most=_LISTS,
    ),
    "binding plugins, cluster": Dimension(
        make=lambda n: json.dumps(
            {
                "apiVersion": "kubevirt.io/v1",
                "kind": "KubeVirt",
                "metadata": {"name": "k"},
                "spec": {
                    "configuration": {
                        "network": {"binding": {f"p{k}": {"domainAttachmentType": "tap"} for k in range(n)}}
                    }
                },
            }
        ),
        call=kvnet.loads_cluster,
        most=16384,
    ),
    "feature gates, cluster": Dimension(
        make=lambda n: json.dumps(
            {
                "apiVersion": "kubevirt.io/v1",
                "kind": "KubeVirt",
                "metadata": {"name": "k"},
                "spec": {"configuration": {"developerConfiguration": {"featureGates": [f"G{k}" for k in range(n)]}}},
            }
        ),
        call=kvnet.loads_cluster,
    ),
    "plugins of a chain, NAD": Dimension(
        make=lambda n: listed(
            [
                nad(
                    0,
                    {
                        "plugins": [
                            {"type": "bridge", "bridge": "b"},
                            *({"type": "tuning", "mtu": 1400} for _ in range(n)),
                        ]
                    },
                ),
                vmi([nic(0)], [attached(0)]),
            ]
        ),
        call=partial(told),
        most=8192,
    ),
    "settings, NAD": Dimension(
        make=lambda n: listed(
            [nad(0, {"type": "bridge", "bridge": "b", **{f"k{k}": k for k in range(n)}}), vmi([nic(0)], [attached(0)])]
        ),
        call=lambda text: told(text, "--profile", "host"),
        most=16384,
    ),
    "NICs on one NAD, and its settings": Dimension(
        make=lambda n: listed(
            [
                nad(0, {"type": "bridge", "bridge": "b", **{f"k{k}": k for k in range(32 * n)}}),
                vmi([nic(k) for k in range(n)], [{**attached(0), "name": f"n{k}"} for k in range(n)]),
            ]
        ),
        call=lambda text: told(text, "--profile", "host"),
        most=_LISTS,
    ),
    "ranges of a trunk, NAD": Dimension(
        make=lambda n: listed(
            [
                nad(0, {"type": "bridge", "bridge": "b", "vlanTrunk": [{"minID": 1, "maxID": 4000} for _ in range(n)]}),
                vmi([nic(0)], [attached(0)]),
            ]
        ),
        call=lambda text: told(text, "--profile", "host"),
        most=16384,
    ),
    "port mappings, NAD": Dimension(
        make=lambda n: listed(
            [
                nad(
                    0,
                    {
                        "type": "bridge",
                        "bridge": "b",
                        "ipam": {
                            "type": "host-local",
                            "ranges": [[{"subnet": f"10.{k >> 8 & 255}.{k & 255}.0/24"}] for k in range(n)],
                        },
                    },
                ),
                vmi([nic(0)], [attached(0)]),
            ]
        ),
        call=lambda text: told(text, "--profile", "host"),
        most=8192,
    ),
    "depth, NAD": Dimension(
        make=lambda n: listed(
            [nad(0, '{"type": "bridge", "x": ' + "[" * n + "]" * n + "}"), vmi([nic(0)], [attached(0)])]
        ),
        call=lambda text: told(text, "--profile", "host"),
    ),
    "length of a digit, NAD": Dimension(
        make=lambda n: listed([nad(0, '{"type": "bridge", "vlan": ' + "1" * n + "}"), vmi([nic(0)], [attached(0)])]),
        call=lambda text: told(text, "--profile", "host"),
    ),
}

_OF_DOMAINS: Mapping[str, Dimension] = {
    **{
        f"NICs, patch with {name}": Dimension(
            make=partial(_patch_given, first), call=lambda a: kvnet.patch(*a), most=_LISTS, exponent=1.15
        )
        for name, first in _PATCHES.items()
    },
    "NICs, patch without aliases": Dimension(
        make=_without_alias, call=lambda a: kvnet.patch(*a), most=_LISTS, exponent=1.15
    ),
    "NICs, diff of pairs": Dimension(
        make=lambda n: (devices(n), devices(n)), call=lambda a: kvnet.diff(*a), most=_LISTS, exponent=1.15
    ),
    "NICs, diff of unlike ones": Dimension(
        make=lambda n: (devices(n), devices(n, 10_000)), call=lambda a: kvnet.diff(*a), most=_LISTS, exponent=1.15
    ),
    "NICs, read_domain": Dimension(make=domain, call=kvnet.read_domain, most=2048),
    "flawed NICs, read_domain": Dimension(
        make=lambda n: domain(n, extra="<mtu size='x'/><wrong/>"), call=refused(kvnet.read_domain), most=1024
    ),
    "flawed NICs in lines, read_domain": Dimension(
        make=lambda n: domain(n, extra="\n<mtu size='x'/>\n<wrong/>\n"), call=refused(kvnet.read_domain), most=1024
    ),
    "NICs, import_domain": Dimension(make=domain, call=kvnet.import_domain, most=_LISTS),
    "domains, import_domains": Dimension(
        make=lambda n: [kvnet.DomainText(text=domain(1, k), file=f"d{k}.xml") for k in range(n)],
        call=kvnet.import_domains,
        most=1024,
    ),
    "NICs, LiveDomain": Dimension(make=domain, call=kvnet.LiveDomain.parse, most=1024),
    "NICs, plan_changes": Dimension(make=_running, call=lambda a: kvnet.plan_changes(*a), most=_LISTS),
    "NICs, plan to attach": Dimension(
        make=lambda n: (domain(0), *on_host(n)), call=lambda a: kvnet.plan_changes(*a), most=_LISTS
    ),
    "NICs, build": Dimension(
        make=lambda n: (machine(wide(n)), _TARGET),
        call=lambda a: kvnet.build(kvnet.expand(*a).machine, a[1]),
        most=_LISTS,
    ),
    "text in a NIC, read_device": Dimension(
        make=lambda n: interface(0, extra="x" * n), call=refused(kvnet.read_device)
    ),
    "unknown children, read_device": Dimension(
        make=lambda n: interface(0, extra="<x/>" * n), call=refused(kvnet.read_device), most=16384
    ),
    "unknown children, lossless": Dimension(
        make=lambda n: interface(0, extra="<x/>" * n),
        call=lambda text: kvnet.read_device(text, lossless=True),
        most=8192,
    ),
    "VLAN tags, read_device": Dimension(
        make=lambda n: interface(
            0, extra="<vlan trunk='yes'>" + "".join(f"<tag id='{k % 4095}'/>" for k in range(n)) + "</vlan>"
        ),
        call=refused(kvnet.read_device),
        most=8192,
    ),
    "children of a NIC, patch": Dimension(make=lambda n: "<x/>" * n, call=_patched_with, most=1 << 15),
    "deep children of a NIC, patch": Dimension(
        make=lambda n: ("<x>" * 200 + "</x>" * 200) * max(n // 200, 1), call=_patched_with, first=800, most=1 << 14
    ),
    "VLAN tags, write": Dimension(
        make=lambda n: kvnet.read_device(_trunk(range(n)), lossless=True),
        call=lambda device: kvnet.write(
            attrs.evolve(device, vlan=attrs.evolve(device.vlan, tags=device.vlan.tags[::-1]))
        ),
        most=1024,
    ),
    "depth, read_device": Dimension(
        make=lambda n: interface(0, extra="<x>" * n + "</x>" * n), call=refused(kvnet.read_device)
    ),
}

_OF_PODS: Mapping[str, Dimension] = {
    name: Dimension(make=lambda n: (machine(wide(n)), _TARGET), call=call, most=_LISTS)
    for name, call in {
        "NICs, pod_annotations": lambda a: kvnet.pod_annotations(*a),
        "NICs, pod_links": lambda a: kvnet.pod_links(*a),
        "NICs, pod_nat": lambda a: kvnet.pod_nat(*a),
        "NICs, pod_dhcp": lambda a: kvnet.pod_dhcp(*a),
        "NICs, network_data": lambda a: kvnet.network_data(*a),
        "NICs, check_network_data": lambda a: kvnet.check_network_data(*a),
        "NICs, restart_required": lambda a: kvnet.restart_required(a[0], a[0]),
        "NICs, live_migratable": lambda a: kvnet.live_migratable(a[0]),
    }.items()
}


def referring(n: int) -> Json:
    """A machine with an instancetype of its own."""
    data = plain(f"m{n}")
    del data["spec"]["domain"]["memory"]
    template = {"spec": data["spec"]}
    reference = {"kind": "VirtualMachineClusterInstancetype", "name": f"t{n}"}
    spec = {"runStrategy": "Always", "instancetype": reference, "template": template}
    return {**data, "kind": "VirtualMachine", "spec": spec}


def instancetype(n: int) -> Json:
    return {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": "VirtualMachineClusterInstancetype",
        "metadata": {"name": f"t{n}"},
        "spec": {"cpu": {"guest": 1}, "memory": {"guest": "1Gi"}},
    }


def claims(count: int) -> Json:
    """A machine whose NICs are each a device of a claim of its own."""
    nics = [{"name": f"n{n}", "sriov": {}} for n in range(count)]
    networks = [{"name": f"n{n}", "resourceClaim": {"claimName": f"c{n}", "requestName": "r"}} for n in range(count)]
    return vmi(nics, networks, resourceClaims=[{"name": f"c{n}", "resourceClaimName": f"x{n}"} for n in range(count)])


def in_pod(count: int) -> tuple[kvnet.Machine, kvnet.Target, kvnet.PodFound]:
    """A machine with many NICs, and what was found in its pod for each."""
    names = [kvnet.compiler.pod.hashed_name(f"n{n}") for n in range(count)]
    links = [{"name": name, "index": n, "mac": _mac(n), "ipv4": ["10.1.0.2/16"]} for n, name in enumerate(names)]
    routes = [{"destination": f"10.{n >> 8}.{n & 255}.0/24", "link": name} for n, name in enumerate(names)]
    found = kvnet.load_found({"links": links, "routes": routes, "preparations": {}})
    return machine(wide(count)), _TARGET, found


def reports(count: int) -> tuple[list[Json], list[Json]]:
    """What the agent of a guest and Multus say of each NIC."""
    agent = [
        {
            "name": f"eth{n}",
            "hardware-address": _mac(n),
            "ip-addresses": [{"ip-address": "10.0.0.2", "ip-address-type": "ipv4", "prefix": 24}],
        }
        for n in range(count)
    ]
    multus = [{"name": f"default/lan-{n}", "interface": f"net{n}", "mac": _mac(n)} for n in range(count)]
    return agent, multus


def of_files(count: int) -> list[str]:
    return [json.dumps(plain(f"m{n}")) for n in range(count)]


def checked_files(texts: list[str]) -> None:
    """Give a folder of files to ``kvnet check``."""
    with tempfile.TemporaryDirectory() as folder:
        for n, text in enumerate(texts):
            Path(folder, f"{n}.json").write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            command(["check", "--isolated", "-f", folder])


def configured(text: str) -> object:
    return refused(lambda given: read_config(given, ".kvnet.toml"))(text)


_OF_OTHERS: Mapping[str, Dimension] = {
    "machines and instancetypes, check": Dimension(
        make=lambda n: listed([instancetype(k) for k in range(n)] + [referring(k) for k in range(n)]),
        call=told,
        most=1024,
    ),
    "machines without their instancetype, check": Dimension(
        make=lambda n: listed([instancetype(k + n) for k in range(n)] + [referring(k) for k in range(n)]),
        call=told,
        most=1024,
        settled=64,
    ),
    "claims, check": Dimension(make=lambda n: json.dumps(claims(n), indent=0), call=told, most=_LISTS),
    "claims without NICs, check": Dimension(
        make=lambda n: json.dumps(plain(resourceClaims=[{"name": f"c{k}"} for k in range(n)]), indent=0),
        call=told,
        most=8192,
    ),
    "links of the pod, pod_links": Dimension(make=in_pod, call=lambda a: kvnet.pod_links(*a), most=_LISTS),
    "links of the pod, pod_nat": Dimension(make=in_pod, call=lambda a: kvnet.pod_nat(*a), most=_LISTS),
    "links of the pod, pod_dhcp": Dimension(make=in_pod, call=lambda a: kvnet.pod_dhcp(*a), most=_LISTS, settled=64),
    "NICs, status": Dimension(
        make=lambda n: (machine(wide(n)), domain(n), *reports(n)), call=lambda a: kvnet.status(*a), most=_LISTS
    ),
    "NICs of the agent alone, status": Dimension(
        make=lambda n: (machine(plain()), domain(1), *reports(n)), call=lambda a: kvnet.status(*a), most=4096
    ),
    "files, check": Dimension(make=of_files, call=checked_files, most=1024),
    "DHCP options, pod_dhcp": Dimension(
        make=lambda n: (
            machine(
                vmi(
                    [
                        {
                            "name": "n",
                            "masquerade": {},
                            "dhcpOptions": {"ntpServers": [f"10.0.{k >> 8}.{k & 255}" for k in range(n)]},
                        }
                    ],
                    [{"name": "n", "pod": {}}],
                )
            ),
            _TARGET,
        ),
        call=lambda a: kvnet.pod_dhcp(*a),
        most=8192,
    ),
    "networks of libvirt, render": Dimension(
        make=lambda n: (
            machine(wide(n)),
            kvnet.Target(
                profile="host",
                facts=kvnet.load_facts(
                    {"architecture": "amd64", "networks": {f"n{k}": {"libvirtNetwork": f"v{k}"} for k in range(n)}}
                    | {"libvirtNetworks": [f"v{k}" for k in range(n)]}
                ),
            ),
        ),
        call=rendered,
        most=_LISTS,
    ),
    "unknown keys, configuration": Dimension(
        make=lambda n: "\n".join(f"k{k} = 1" for k in range(n)), call=configured, most=8192
    ),
    "codes, configuration": Dimension(
        make=lambda n: "ignore = [" + ", ".join(f'"x{k}"' for k in range(n)) + "]", call=configured, most=8192
    ),
    "files, configuration": Dimension(
        make=lambda n: "[per-file-ignores]\n" + "\n".join(f'"a{k}.yaml" = ["KN906"]' for k in range(n)),
        call=configured,
        most=8192,
    ),
    "dots, configuration": Dimension(make=lambda n: "a." * n + "a = 1", call=configured),
    "tables, configuration": Dimension(make=lambda n: "".join(f"[a.b{k}]\n" for k in range(n)), call=configured),
    "dotted tables, configuration": Dimension(make=lambda n: "[" + "a." * n + "a]\n", call=configured),
    "depth, configuration": Dimension(make=lambda n: "a = " + "[" * n + "]" * n, call=configured),
    "entries, baseline": Dimension(
        make=lambda n: json.dumps(
            {
                "version": 1,
                "problems": [
                    {"file": "a", "code": "KN906", "field": f"f{k}", "line": "x", "count": 1} for k in range(n)
                ],
            }
        ),
        call=refused(lambda text: read_baseline(text, "baseline.json")),
        most=8192,
    ),
    "problems of network data, check": Dimension(
        make=lambda n: json.dumps(with_network_data("addresses: [1], gateway6: x", n)),
        call=told,
        most=2048,
    ),
}

DIMENSIONS: Mapping[str, Dimension] = {
    **_OF_MACHINES,
    **_OF_MISTAKES,
    **_OF_TEXTS,
    **_OF_HOSTS,
    **_OF_DOMAINS,
    **_OF_PODS,
    **_OF_OTHERS,
}
"""Each dimension by its name."""
