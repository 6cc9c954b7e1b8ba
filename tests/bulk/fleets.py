"""Lines of NDJSON with machines of a few shapes: sound ones, and others that are almost of a shape, or hardly JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from words import words_of_kvnet

__all__ = ["envelope", "lines_like"]

_MODELS = (None, "virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "odd")
_NAMES = ("lan", "net-{n}", "n{n}", "Red_{n}", "x-{r}", "{r}")
_KINDS = ("VirtualMachineInstance", "VirtualMachine")
_ARCHITECTURES = ("amd64", "arm64", "s390x")


def envelope(random: Random) -> dict[str, Any]:
    """A machine in an envelope, often with facts of its own; most are admitted."""
    count = random.choice((1, 1, 2, 2, 3, 4))
    names = [_name(random, n) for n in range(count)]
    interfaces = [_interface(random, name) for name in names]
    networks = [_network(random, name, n) for n, name in enumerate(names)]
    if random.random() < 0.05:
        random.shuffle(networks)
    domain: dict[str, Any] = {"devices": {"interfaces": interfaces}}
    _sometimes(random, domain, "cpu", lambda: {"cores": random.choice((1, 2, 4, 16)), "sockets": 1}, 0.5)
    _sometimes(random, domain, "memory", lambda: {"guest": random.choice(("1Gi", "512Mi", "64Mi"))}, 0.7)
    _sometimes(random, domain, "firmware", lambda: {"uuid": _uuid(random)}, 0.1)
    _sometimes(random, domain, "machine", lambda: {"type": random.choice(("q35", "pc-q35-9.0"))}, 0.2)
    _sometimes(random, domain, "resources", lambda: {"requests": {"memory": "1Gi", "cpu": "2"}}, 0.1)
    _sometimes(random, domain, "launchSecurity", lambda: {"sev": {}}, 0.03)
    _sometimes(random, domain["devices"], "networkInterfaceMultiqueue", lambda: True, 0.3)
    _sometimes(random, domain["devices"], "useVirtioTransitional", lambda: True, 0.1)
    _sometimes(random, domain["devices"], "disks", lambda: [{"name": "root", "disk": {"bus": "virtio"}}], 0.2)
    spec: dict[str, Any] = {"domain": domain, "networks": networks}
    _sometimes(random, spec, "architecture", lambda: random.choice(_ARCHITECTURES), 0.3)
    _sometimes(random, spec, "hostname", lambda: _label(random), 0.2)
    _sometimes(random, spec, "volumes", lambda: [_volume(random)], 0.3)
    machine = _object(random, spec)
    facts = _facts(random, interfaces, networks)
    if random.random() < 0.15:
        return machine
    return {"vm": machine} | ({"facts": facts} if facts else {})


def _object(random: Random, spec: dict[str, Any]) -> dict[str, Any]:
    kind = random.choice(_KINDS)
    metadata: dict[str, Any] = {"name": _label(random)}
    _sometimes(random, metadata, "namespace", lambda: random.choice(("default", "fleet", _label(random))), 0.8)
    _sometimes(random, metadata, "uid", lambda: _uuid(random), 0.3)
    _sometimes(random, metadata, "labels", lambda: _labels(random), 0.3)
    notes = {
        "sidecar.istio.io/inject": "true",
        "kubevirt.io/placePCIDevicesOnRootComplex": "true",
        "kubevirt.io/placePciDevicesOnRootComplex": "true",
        "example.com/owner": _label(random),
        "ovn.kubernetes.io/mac_address": _mac(random),
    }
    _sometimes(random, metadata, "annotations", lambda: dict([random.choice([*notes.items()])]), 0.15)
    status: dict[str, Any] = {"nodeName": f"node-{random.randrange(9)}"}
    first = spec["networks"][0]["name"]
    _sometimes(random, status, "interfaces", lambda: [{"name": first, "podInterfaceName": "eth0"}], 0.2)
    head = {"apiVersion": "kubevirt.io/v1", "kind": kind, "metadata": metadata}
    if kind == "VirtualMachine":
        template = {"metadata": {"labels": _labels(random)}, "spec": spec}
        return head | {"spec": {"runStrategy": "Always", "template": template}}
    return head | {"spec": spec} | ({"status": status} if random.random() < 0.6 else {})


def _labels(random: Random) -> dict[str, str]:
    return {
        "kubevirt.io/vm": _label(random),
        random.choice(("app", "os", "vm.kubevirt.io/os", "kubevirt.io/domain")): random.choice(
            ("win11", "linux", "Windows-2022", _label(random))
        ),
    }


def _volume(random: Random) -> dict[str, Any]:
    name = _label(random)
    return {
        "name": "root",
        **random.choice(
            (
                {"persistentVolumeClaim": {"claimName": name}},
                {"dataVolume": {"name": name}},
                {"containerDisk": {"image": f"quay.io/x/{name}:latest"}},
                {"cloudInitNoCloud": {"userData": f"#cloud-config\nhostname: {name}\n"}},
                {"cloudInitNoCloud": {"userData": "#", "networkData": "version: 2"}},
            )
        ),
    }


def _interface(random: Random, name: str) -> dict[str, Any]:
    bindings = ("bridge", "bridge", "masquerade", "masquerade", "sriov", "passtBinding", "slirp", "macvtap")
    made: dict[str, Any] = {"name": name}
    if random.random() < 0.05:
        made["binding"] = {"name": random.choice(("passt", "custom"))}
    else:
        made[random.choice(bindings)] = {}
    _sometimes(random, made, "macAddress", lambda: _mac(random), 0.6)
    _sometimes(random, made, "model", lambda: random.choice(_MODELS), 0.4)
    _sometimes(random, made, "pciAddress", lambda: f"0000:{random.randrange(256):02x}:00.0", 0.2)
    _sometimes(random, made, "state", lambda: random.choice(("up", "down", "absent")), 0.1)
    _sometimes(random, made, "bootOrder", lambda: random.randrange(4), 0.1)
    _sometimes(random, made, "acpiIndex", lambda: random.randrange(3), 0.1)
    _sometimes(random, made, "tag", lambda: random.choice(("blue", _label(random))), 0.1)
    _sometimes(random, made, "ports", lambda: [{"name": "web", "port": 80}], 0.1)
    _sometimes(random, made, "dhcpOptions", lambda: {"bootFileName": "x"}, 0.05)
    return made


def _network(random: Random, name: str, number: int) -> dict[str, Any]:
    if not number and random.random() < 0.6:
        pod = {} if random.random() < 0.9 else {"vmNetworkCIDR": "10.1.2.0/24"}
        return {"name": name, "pod": pod}
    nad = random.choice(("lan", "default/lan", name.lower(), f"default/{name.lower()}", f"fleet/{_label(random)}"))
    default = {"default": True} if random.random() < 0.03 else {}
    return {"name": name, "multus": {"networkName": nad, **default}}


def _facts(random: Random, interfaces: list[dict[str, Any]], networks: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    names = [each["name"] for each in networks]
    _sometimes(random, facts, "architecture", lambda: random.choice(_ARCHITECTURES[:2]), 0.3)
    macs = {each["name"]: each.get("macAddress", _mac(random)) for each in interfaces}
    _sometimes(random, facts, "links", lambda: {name: _link(random, macs[name]) for name in names}, 0.5)
    _sometimes(random, facts, "pciAddresses", lambda: {name: _function(random) for name in names}, 0.6)
    _sometimes(random, facts, "launchSecurity", lambda: random.choice(("sev", "tdx")), 0.05)
    _sometimes(random, facts, "libvirtVersion", lambda: "9.0.0", 0.1)
    _sometimes(random, facts, "libvirtNetworks", lambda: ["default"], 0.1)
    _sometimes(random, facts, "networks", lambda: {name: {"bridge": "br0"} for name in names}, 0.1)
    _sometimes(random, facts, "networkStatus", lambda: [{"name": "default/lan", "interface": "net1"}], 0.05)
    return facts


def _link(random: Random, mac: str) -> dict[str, Any]:
    digits = "".join(random.choices("0123456789abcdef", k=11))
    made: dict[str, Any] = {"name": random.choice((f"pod{digits}", f"pod{digits}", "eth0", "net1", "podx"))}
    _sometimes(random, made, "mac", lambda: mac if random.random() < 0.7 else _mac(random), 0.7)
    _sometimes(random, made, "mtu", lambda: random.choice((1400, 1500, 9000)), 0.7)
    _sometimes(random, made, "tap", lambda: random.choice((True, False, f"tap{digits}"[:15], "vnet0")), 0.3)
    return made


def _sometimes(random: Random, into: dict[str, Any], key: str, make: Callable[[], Any], share: float) -> None:
    if random.random() < share:
        into[key] = make()


def _name(random: Random, number: int) -> str:
    return random.choice(_NAMES).format(n=number, r=_label(random)) + (f"-{number}" if random.random() < 0.8 else "")


def _label(random: Random) -> str:
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=random.choice((1, 4, 8, 20))))


def _mac(random: Random) -> str:
    first = random.choice(("52", "52", "02", "0a", "fe", "00", "01"))
    return ":".join([first, *(f"{random.randrange(256):02x}" for _ in range(5))])


def _function(random: Random) -> str:
    return f"0000:{random.randrange(256):02x}:{random.randrange(32):02x}.{random.randrange(8)}"


def _uuid(random: Random) -> str:
    digits = "".join(random.choices("0123456789abcdef", k=32))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def lines_like(data: Any, random: Random, count: int) -> Iterator[bytes]:
    """Lines of the shape of one: the first few differ in names and addresses alone, of the others half do."""
    text = json.dumps(data)
    identities = sorted(set(_identities(data)))
    for n in range(count):
        line = _renamed(text, identities, random, odd=0 if n < 6 else random.choice((0, 0, 0, 0.1, 0.3)))
        if n >= 6 and random.random() < 0.4:
            line = random.choice(_MUTATIONS)(line, random)
        yield line.encode("utf-8", "surrogatepass").replace(b"\n", b" ")


def _identities(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Names and addresses with what they are, wherever they stand."""
    if isinstance(data, dict):
        for name, value in data.items():
            if key in ("links", "pciAddresses"):
                yield name, "name"
            yield from _identities(value, "function" if key == "pciAddresses" else name)
    elif isinstance(data, list):
        for value in data:
            yield from _identities(value, key)
    elif isinstance(data, str) and key in _KINDS_OF_KEYS:
        yield data, _KINDS_OF_KEYS[key]


_KINDS_OF_KEYS = {
    "name": "name",
    "namespace": "name",
    "macAddress": "mac",
    "mac": "mac",
    "pciAddress": "port",
    "function": "function",
    "networkName": "nad",
    "claimName": "name",
    "hostname": "name",
    "nodeName": "name",
    "uid": "uuid",
    "uuid": "uuid",
    "kubevirt.io/vm": "name",
    "tap": "tap",
}


def _renamed(text: str, identities: list[tuple[str, str]], random: Random, *, odd: float) -> str:
    """The line with other names and addresses, of which a share is odd."""
    given = [old for old, _ in identities]
    for old, what in identities:
        if random.random() < 0.2:
            continue
        new = _sound(old, what, random)
        if random.random() < odd:
            new = random.choice((_almost(old, what, random), *map(random.choice, (given, _WORDS, _OF_KVNET))))
        text = text.replace(json.dumps(old), new if new.startswith('"') else json.dumps(new))
    return text


def _sound(old: str, what: str, random: Random) -> str:
    makers: dict[str, Callable[[], str]] = {
        "mac": lambda: "52:54:" + ":".join(f"{random.randrange(256):02x}" for _ in range(4)),
        "port": lambda: f"0000:{random.randrange(1, 0xEF):02x}:00.0",
        "function": lambda: _function(random),
        "uuid": lambda: _uuid(random),
        "tap": lambda: "tap" + _label(random)[:12],
    }
    if what == "nad" and "/" in old:
        return f"{_label(random)}/{_label(random)}"
    return makers.get(what, lambda: _label(random))()


_WORDS = (
    "pod", "virtio", "default", "true", "null", "", "win", "windows", "eth0", "net1", "bridge", "name", "vm", "links",
    "amd64", "1Gi", "tap0", "a/b", "a.b", "A_B", "x" * 63, "x" * 64, "x" * 300, "-x", "x-", "00:00:00:00:00:00",
    "02:00:00:00:00:00", "02:00:00:00:00:01", "0000:01:00.0", "0000:81:00.1", "network-data", "%s", "%", "{x}",
    "\\", "<&>'",
)  # fmt: skip
_OF_KVNET = words_of_kvnet()


def _almost(old: str, what: str, random: Random) -> str:
    """A value that is nearly of its kind; what begins with a quote is JSON as it is to be written."""
    return random.choice(
        (
            old.upper(),
            old + "0",
            old[:-1],
            old.replace(":", "-"),
            "fe" + old[2:],
            "02:00:00:00:00:00",
            "00" + old[2:],
            "01" + old[2:],
            " " + old,
            old + "\n",
            old + "\u00e9",
            old + "\x1e",
            old + "\x7f",
            old[:1] + "\u0660" + old[2:],
            '"' + "".join(f"\\u{ord(each):04x}" for each in old) + '"',
            '"' + old + '\\u001e"',
            '"' + old + '\\ud800"',
            '"' + old + '\u00e9"',
            '"' + old.replace("/", "\\/") + '"',
        )
    )


def _reordered(line: str, random: Random) -> str:
    try:
        return json.dumps(_shuffled(json.loads(line), random))
    except (ValueError, RecursionError):
        return line


def _shuffled(data: Any, random: Random) -> Any:
    if isinstance(data, dict):
        items = [(key, _shuffled(value, random)) for key, value in data.items()]
        if random.random() < 0.4:
            random.shuffle(items)
        return dict(items)
    if isinstance(data, list):
        made = [_shuffled(each, random) for each in data]
        if random.random() < 0.2:
            random.shuffle(made)
        return made
    return data


def _at_random(line: str, random: Random, pieces: tuple[str, ...], cut: int = 0) -> str:
    place = random.randrange(len(line))
    return line[:place] + random.choice(pieces) + line[place + cut :]


def _swapped(line: str, random: Random) -> str:
    """One token in place of another."""
    old, new = random.choice(_TOKENS)
    places = [n for n in range(len(line)) if line.startswith(old, n)]
    if not places:
        return line
    place = random.choice(places)
    return line[:place] + new + line[place + len(old) :]


_TOKENS = (
    (": 4", ": 4.0"), (": 4", ": 4e0"), (": 4", ": 04"), (": 4", ": -4"), (": 4", ": 8"), (": 1400", ": 1e999"),
    (": 1500", ": 150000000000000000000"), (": true", ": false"), (": true", ": True"), (": true", ": null"),
    (", ", ","), (", ", " ,\t"), (": ", ":"), ("{}", "{ }"), ("{}", "null"), ("{}", "[]"), ('"', "'"), ("}", "}}"),
    ('"name"', '"name": "a", "name"'), ('"name"', '"Name"'), ('"mtu"', '"mtu": 1, "mtu"'), ('"spec"', '"sp\\u0065c"'),
    ('"vm": ', '"vm": {}, "vm": '), ('"facts": {', '"facts": {"x": 1, '), ("bridge", "masquerade"), ("0", "1"),
    ("virtio", "e1000"), ("virtio", "VIRTIO"), ('"pod"', '"multus"'), ("kubevirt.io/v1", "kubevirt.io/v1alpha3"),
    (']', ', null]'), ('"macAddress"', '"mac"'), ('"metadata": {', '"metadata": {"namespace": "x", '),
)  # fmt: skip
_MUTATIONS: tuple[Callable[[str, Random], str], ...] = (
    _reordered,
    _swapped,
    _swapped,
    _swapped,
    lambda line, random: _at_random(
        line, random, (" ", "\t", "\r", "\x0b", "\x00", "\x1e", "\x7f", "\u2028", "\ufeff")
    ),
    lambda line, random: _at_random(line, random, ('"', "\\", "{", "}", "[", "]", ",", ":", "\\n", "#", "é", "€")),
    lambda line, random: _at_random(line, random, tuple("09afAFzZ._:/-"), random.choice((0, 1))),
    lambda line, random: _at_random(line, random, ("",), random.choice((1, 2, 50))),
    lambda line, random: random.choice((" " + line, line + " ", line + "\r", "\ufeff" + line, line * 2, line + "x")),
)
