"""Tell in one pass what a machine uses, so that only rules about it are asked: fields, bindings, sources, labels.

Labels and annotations say what the spec does not: the guest's system, and Istio's sidecar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

from kvnet.spec import PREFERENCE_KINDS, TEMPLATES, Bridge, Interface, Machine, Multus, Network, Pod, VmiSpec
from kvnet.spec.keys import has_odd_keys
from kvnet.spec.machine import REPLICATING
from kvnet.spec.network import is_nad_reference
from kvnet.spec.wire import member
from kvnet.target import Target, objects_named

__all__ = [
    "ANNOTATIONS",
    "AUTOATTACH",
    "BINDINGS",
    "CIDRS",
    "CLAIMING_DEVICES",
    "CLAIMING_MEMBERS",
    "CLAIMS",
    "CPU_QUANTITIES",
    "DEDICATED",
    "DEFAULTS",
    "EMULATED",
    "LAUNCH_SECURITY",
    "MAX_SOCKETS",
    "MEMORY",
    "MULTIQUEUE",
    "NADS",
    "NAMELESS",
    "NAMES",
    "ODD_KEYS",
    "ODD_REFERENCES",
    "PLAIN_MEMBERS",
    "PODS",
    "POD_FACTS",
    "REPLICAS",
    "SIDECAR",
    "SOURCES",
    "Occasion",
    "has_sidecar",
    "is_windows",
    "occasions",
]

Occasion = str | type[Any]
"""The name of an interface field that is set, that of a member of the spec that kvnet keeps as plain data, the class
of a binding or source, or one of the texts below."""

ANNOTATIONS = "annotations"
BINDINGS = "an interface without just one binding"
NAMES = "names of interfaces and networks that are not in pairs"
SOURCES = "a network without just one source"
PODS = "several pod networks"
DEFAULTS = "a Multus network that is the default"
NAMELESS = "a Multus network that names no definition"
CIDRS = "a pod network with a CIDR for the guest"
MULTIQUEUE = "multiqueue"
AUTOATTACH = "no automatic pod NIC"
MEMORY = "little memory of the guest, or of an unusual spelling"
EMULATED = "a model, and definitions, metadata or facts of what Multus gave to the pod"
MAX_SOCKETS = "a bound on CPU sockets"
DEDICATED = "dedicated CPUs"
CPU_QUANTITIES = "a CPU request or limit"
LAUNCH_SECURITY = "launch security"
CLAIMS = "resource claims"
CLAIMING_DEVICES = "GPUs or host devices"
ODD_KEYS = "keys that KubeVirt does not know"
REPLICAS = "an object that may stand for several machines"
ODD_REFERENCES = "a Multus network whose name no definition can have"
NADS = "a Multus network, and definitions in the target"
POD_FACTS = "facts of what Multus gave to the pod"
SIDECAR = "a bridge on the primary network of a pod with Istio's sidecar"

PLAIN_MEMBERS = frozenset(
    {
        "dnsConfig",
        "dnsPolicy",
        "hostname",
        "instancetype",
        "livenessProbe",
        "preference",
        "readinessProbe",
        "subdomain",
        "volumes",
    }
)
"""The members of a spec that kvnet keeps as plain data and rules read."""
CLAIMING_MEMBERS = frozenset({"gpus", "hostDevices"})

_SIDECAR = "sidecar.istio.io/inject"
_PREFERENCE_KEYS = dict(
    zip(PREFERENCE_KINDS, ("kubevirt.io/cluster-preference-name", "kubevirt.io/preference-name"), strict=True)
)
"""The annotation that names a machine's preference, by the kind of the preference."""
_DEFAULT_NAMESPACE = "default"
_SYSTEM_KEYS = frozenset(
    {
        "os",
        "kubevirt.io/os",
        "vm.kubevirt.io/os",
        "vm.kubevirt.io/template",
        *_PREFERENCE_KEYS.values(),
        "instancetype.kubevirt.io/default-preference",
        "instancetype.kubevirt.io/os-type",
    }
)
"""The keys whose values name the guest's system: of KubeVirt, its templates and its preferences."""
_SYSTEM_PREFIX = "os.template.kubevirt.io/"
"""What begins the keys of KubeVirt's templates that name a system themselves."""
_WINDOWS = re.compile(r"(?<![a-z])(?:windows|win(?![a-z])|win2k)", re.IGNORECASE)


def occasions(machine: Machine, target: Target) -> frozenset[Occasion]:
    """All occasions that a machine with its default NIC and its target give."""
    given: set[Occasion] = set()
    interfaces, networks = machine.interfaces, machine.networks
    for interface in interfaces:
        fields, bindings = interface.__dict__, interface.bindings
        given.update(compress(fields, fields.values()), map(type, bindings))
        # nothing and zero are worth a word, too
        if interface.port_ranges is not None:
            given.add("port_ranges")
        if interface.boot_order is not None:
            given.add("boot_order")
        if len(bindings) != 1:
            given.add(BINDINGS)
    primary = _of_networks(networks, given)
    if not _in_pairs(interfaces, networks):
        given.add(NAMES)
    _of_spec(machine.spec, given)
    if machine.kind in REPLICATING:
        given.update((REPLICAS, ANNOTATIONS))
    if machine.annotations or "metadata" in machine.around:
        given.add(ANNOTATIONS)
    if has_odd_keys(machine):
        given.add(ODD_KEYS)
    if "model" in given and (target.nads or target.facts.pod_networks or machine.annotations or machine.around):
        given.add(EMULATED)
    if target.nads and Multus in given:
        given.add(NADS)
    if target.facts.pod_networks:
        given.add(POD_FACTS)
    if primary and Bridge in given and _is_bridged(machine, primary) and has_sidecar(machine):
        given.add(SIDECAR)
    return frozenset(given)


def _of_spec(spec: VmiSpec, given: set[Occasion]) -> None:
    domain = spec.domain
    devices, cpu, resources = domain.devices, domain.cpu, domain.resources
    if spec.rest:
        given.update(PLAIN_MEMBERS.intersection(spec.rest))
    if spec.resource_claims:
        given.add(CLAIMS)
    if devices.rest and not CLAIMING_MEMBERS.isdisjoint(devices.rest):
        given.add(CLAIMING_DEVICES)
    if devices.network_interface_multiqueue:
        given.add(MULTIQUEUE)
    if devices.autoattach_pod_interface is False:
        given.add(AUTOATTACH)
    if cpu is not None and cpu.max_sockets:
        given.add(MAX_SOCKETS)
    if cpu is not None and cpu.dedicated_cpu_placement:
        given.add(DEDICATED)
    if domain.memory is not None and not _is_plenty(domain.memory.guest):
        given.add(MEMORY)
    if domain.launch_security is not None:
        given.add(LAUNCH_SECURITY)
    if resources is not None and ("cpu" in resources.requests or "cpu" in resources.limits):
        given.add(CPU_QUANTITIES)


def _is_plenty(quantity: object) -> bool:
    """Whether a quantity is, as nearly all are, a number from 1 and one of the usual units of memory."""
    return type(quantity) is str and quantity[-2:] in ("Mi", "Gi", "Ti") and quantity[0] in "123456789"


def _of_networks(networks: Sequence[Network], given: set[Occasion]) -> str:
    """Add what networks give; the name of the primary one, or nothing."""
    pods, primary = 0, ""
    for network in networks:
        if len(network.sources) != 1:
            given.add(SOURCES)
        for source in network.sources:
            given.add(type(source))
            if isinstance(source, Pod):
                pods, primary = pods + 1, network.name
                if source.vm_network_cidr or source.vm_ipv6_network_cidr:
                    given.add(CIDRS)
            elif isinstance(source, Multus):
                if source.default:
                    primary = network.name
                    given.add(DEFAULTS)
                if not source.network_name:
                    given.add(NAMELESS)
                elif not is_nad_reference(source.network_name):
                    given.add(ODD_REFERENCES)
    if pods > 1:
        given.add(PODS)
    return primary


def _is_bridged(machine: Machine, network: str) -> bool:
    return any(each.name == network and Bridge in map(type, each.bindings) for each in machine.interfaces)


def _in_pairs(interfaces: Sequence[Interface], networks: Sequence[Network]) -> bool:
    """Whether each network has one interface, and each interface one network."""
    names = [interface.name for interface in interfaces]
    others = [network.name for network in networks]
    return len(set(names)) == len(names) and (names == others or sorted(names) == sorted(others))


def has_sidecar(machine: Machine) -> bool:
    """Whether Istio injects its sidecar into the machine's pod, as an annotation or a label of the VMI asks.

    KubeVirt copies the annotation to a label of the pod, which also has the labels of the VMI. Source: KubeVirt 1.9's
    ``pkg/network/istio`` and ``pkg/virt-controller/services``.
    """
    asked = machine.annotations.get(_SIDECAR) or _labels(machine, TEMPLATES.get(machine.kind, ())).get(_SIDECAR)
    return isinstance(asked, str) and asked.lower() == "true"


def is_windows(machine: Machine, target: Target) -> bool:
    """Whether the guest's system is Windows, as its preference, its labels or its annotations tell.

    Its instancetype and preference have been applied, and annotations name them; the target has the preference itself.
    """
    if not machine.annotations and not machine.around:
        return False
    return any(_WINDOWS.search(name) for name in _system_names(machine, target))


def _system_names(machine: Machine, target: Target) -> Iterator[str]:
    holders = [machine.annotations]
    for path in _holders(machine):
        holders += [_labels(machine, path), member(machine.around, *path, "metadata", "annotations") or {}]
    named = [(kind, machine.annotations.get(key)) for kind, key in _PREFERENCE_KEYS.items()]
    holders += [
        member(each.around, "metadata", "labels") or {}
        for kind, name in named
        for each in objects_named(target, name or "")
        if each.kind == kind and each.namespace in (None, machine.namespace or _DEFAULT_NAMESPACE)
    ]
    for holder in holders:
        for key, value in holder.items():
            if isinstance(key, str) and key.startswith(_SYSTEM_PREFIX):
                yield key.removeprefix(_SYSTEM_PREFIX)
            elif key in _SYSTEM_KEYS and isinstance(value, str):
                yield value


def _holders(machine: Machine) -> list[tuple[str, ...]]:
    """The paths of the objects with metadata: the machine's own, and those of its templates."""
    template = TEMPLATES.get(machine.kind, ())
    return [template[:length] for length in range(0, len(template) + 1, 2)]


def _labels(machine: Machine, holder: tuple[str, ...]) -> Mapping[str, Any]:
    return member(machine.around, *holder, "metadata", "labels") or {}
