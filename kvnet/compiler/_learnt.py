"""Compile a machine whose like was compiled before: machines and links that differ in names and addresses alone.

A machine that was read by its shape is compiled in the ordinary way until its shape comes for the third time. Then it
is compiled once more with marks for names and addresses, its own and those of the links in its facts. From where the
marks are found in the devices, a function is generated that makes the devices for other names and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final

from attrs import evolve

from kvnet._codegen import UnlearnableError, ValueCode, function
from kvnet._quoted import Occurrences
from kvnet.compiler.guest import guest_address
from kvnet.compiler.result import Compiled
from kvnet.device import PciGuestAddress, PciHostAddress
from kvnet.facts import PodLink
from kvnet.spec import Machine, Multus, Network
from kvnet.target import Profile, Target
from kvnet.values import MacAddress, PciAddress

__all__ = ["compiled", "learn"]

# In the code that is generated, iN is an interface, nN its name, lN its link, and fN its virtual function.
Make = Callable[[Machine, Mapping[str, PodLink], Mapping[str, PciAddress]], Compiled | None]

_MOST_NICS: Final = 32
_MOST_SETTINGS: Final = 4
_MTUS: Final = range(1280, 9217)
_MARKED_MTU: Final = 8803
_HASHED: Final = re.compile("pod[0-9a-f]{11}")
_MARK: Final = re.compile("kvnet-name-([0-9]{2})|6b766e000([0-9]{2})")
_ANY_MARK: Final = re.compile("kvnet-name-|kvnet-unused|6b766e|6b:76:6e|88[0-9]{2}")
_UNUSED: Final = "kvnet-unused"
_of_target = attrgetter("cluster", "virt_type", "architecture", "libvirt_release")
_of_facts = attrgetter(
    *("architecture", "launch_security", "claims", "pod_networks", "binding_plugins", "libvirt_version"),
    *("qemu_version", "libvirt_networks", "networks"),
)
_known: dict[str, list[tuple[tuple[object, ...], Make]]] = {}
"""What makes the devices of machines by their shapes, for each of a few settings of the target."""
_met = Occurrences(_known.clear)


def compiled(machine: Machine, target: Target) -> Compiled | None:
    """What a machine of a learnt shape is compiled to; ``None`` for others."""
    makes, facts = _known.get(machine.text_shape), target.facts
    if makes is None or not _is_learnable(machine, target):
        return None
    settings = (*_of_target(target), *_of_facts(facts))
    for known, make in makes:
        if known == settings:
            return make(machine, facts.links or {}, facts.pci_addresses or {})
    return None


def learn(machine: Machine, target: Target, made: Compiled, compile: Callable[[Machine, Target], Compiled]) -> None:
    """Learn from what a machine was compiled to, if it is time to; ``compile`` is the ordinary way."""
    if not _is_learnable(machine, target) or not _met.is_due(machine.text_shape):
        return
    makes = _known.setdefault(machine.text_shape, [])
    make = None if _ANY_MARK.search(repr(made)) else _make(machine, target, compile)
    facts = target.facts
    if make is not None and make(machine, facts.links or {}, facts.pci_addresses or {}) == made:
        del makes[_MOST_SETTINGS - 1 :]
        makes.insert(0, ((*_of_target(target), *_of_facts(facts)), make))


def _is_learnable(machine: Machine, target: Target) -> bool:
    """Whether nothing but its own names and addresses, and its links, tells a machine from others of its shape."""
    return target.profile is Profile.KUBEVIRT and target.facts.links is not None and not target.nads


def _make(machine: Machine, target: Target, compile: Callable[[Machine, Target], Compiled]) -> Make | None:
    """The function that makes the devices of machines like this one, if there can be one."""
    links, functions = target.facts.links or {}, target.facts.pci_addresses or {}
    names = [each.name for each in machine.interfaces]
    if machine.refers or len(names) > _MOST_NICS or any(links[name].tap is not True for name in names if name in links):
        return None
    marked_links = {_name(n): _marked_link(links[name], n) for n, name in enumerate(names) if name in links}
    marked_functions = {_name(n): _function(n) for n, name in enumerate(names) if name in functions}
    facts = evolve(target.facts, links=marked_links, pci_addresses=marked_functions or target.facts.pci_addresses)
    made = compile(_marked(machine), evolve(target, facts=facts))
    if made.problems or _UNUSED in repr(made):
        return None
    code = ValueCode(_code_of)
    try:
        code.make("made", made)
    except UnlearnableError:
        return None
    conditions = [each for n, name in enumerate(names) for each in _conditions(n, links.get(name), functions.get(name))]
    lines = [
        "def make(machine, links, functions):",
        f"    {', '.join(f'i{n}' for n in range(len(names)))}, = machine.interfaces",
        *(f"    n{n} = i{n}.name; l{n} = links.get(n{n}); f{n} = functions.get(n{n})" for n in range(len(names))),
        *(f"    if not ({condition}): return None" for condition in conditions),
        *("    try:", *(f"    {line}" for line in code.lines), "        return made"),
        "    except ValueError: return None",
    ]
    used = {
        "NoneType": type(None),
        "Link": PodLink,
        "Mac": MacAddress,
        "Pci": PciAddress,
        "mtus": _MTUS,
        "is_hashed": _HASHED.fullmatch,
    }
    made_of = {"parse": MacAddress.parse, "guest_address": guest_address, "host_address": PciHostAddress.of}
    return function("make", lines, code.names | used | made_of, f"compile {machine.text_shape[:8]}")


def _name(n: int) -> str:
    return f"kvnet-name-{n:02}"


def _mac(n: int, owner: int) -> MacAddress:
    return MacAddress.parse(f"02:6b:76:6e:{owner:02x}:{n:02x}")


def _address(n: int) -> str:
    return f"0000:{0x10 + n:02x}:00.0"


def _function(n: int) -> PciAddress:
    return PciAddress(0x6B76, 0x10 + n, n % 32, n % 8)


def _marked(machine: Machine) -> Machine:
    """A machine with marks for the names and addresses of its NICs, and without other names of its own."""
    interfaces = [
        evolve(
            each,
            name=_name(n),
            mac_address=each.mac_address and str(_mac(n, 0)),
            pci_address=each.pci_address and _address(n),
        )
        for n, each in enumerate(machine.interfaces)
    ]
    networks = [_marked_network(each, n) for n, each in enumerate(machine.networks)]
    named = evolve(machine, name=machine.name and _UNUSED, namespace=machine.namespace and _UNUSED)
    return named.with_nics(tuple(interfaces), tuple(networks))


def _marked_network(network: Network, n: int) -> Network:
    sources = [
        evolve(each, network_name=f"{_UNUSED}-{n}") if isinstance(each, Multus) else each for each in network.sources
    ]
    return evolve(network, name=_name(n), sources=tuple(sources))


def _marked_link(link: PodLink, n: int) -> PodLink:
    """A link with marks. Its name is left as it is where it is not of KubeVirt's hashed scheme."""
    name = f"pod6b766e000{n:02}" if link.name and _HASHED.fullmatch(link.name) else link.name
    return evolve(link, name=name, mac=link.mac and _mac(n, 1), mtu=link.mtu and _MARKED_MTU + n)


def _conditions(n: int, link: PodLink | None, function: PciAddress | None) -> Iterator[str]:
    """What the link and the virtual function of a NIC have to be like, as code; its own names are usual."""
    yield f"f{n} is None" if function is None else f"f{n}.__class__ is Pci"
    if link is None:
        yield f"l{n} is None"
        return
    yield f"l{n}.__class__ is Link and l{n}.tap is True and l{n}.name.__class__ is {type(link.name).__name__}"
    is_hashed = link.name and _HASHED.fullmatch(link.name)
    yield f"is_hashed(l{n}.name)" if is_hashed else f"l{n}.name == {link.name!r}"
    yield f"l{n}.mac.__class__ is Mac" if link.mac else f"l{n}.mac is None"
    yield f"l{n}.mtu.__class__ is int and l{n}.mtu in mtus" if link.mtu else f"l{n}.mtu == {link.mtu!r}"


def _code_of(value: Any) -> str | None:
    """The expression for what varies in what was made of marks; ``None`` for what does not."""
    if type(value) is str:
        return _text(value)
    codes = _codes().get(type(value))
    return codes.get(value) if codes else None


def _text(text: str) -> str | None:
    """The expression for a text that holds marks of names."""
    pieces: list[str] = []
    end = 0
    for match in _MARK.finditer(text):
        pieces += [repr(text[end : match.start()])] if match.start() > end else []
        name, link = match.groups()
        pieces.append(f"n{int(name)}" if name else f"l{int(link)}.name[3:]")
        end = match.end()
    if not pieces:
        return None
    pieces += [repr(text[end:])] if end < len(text) else []
    return f"({' + '.join(pieces)})"


@cache
def _codes() -> Mapping[type, Mapping[Any, str]]:
    """The expressions for marks other than texts."""
    numbers = range(_MOST_NICS)
    own, links = {_mac(n, 0): f"parse(i{n}.mac_address)" for n in numbers}, {_mac(n, 1): f"l{n}.mac" for n in numbers}
    return {
        MacAddress: own | links,
        PciGuestAddress: {PciGuestAddress.of(PciAddress.parse(_address(n))): f"guest_address(i{n})" for n in numbers},
        PciHostAddress: {PciHostAddress.of(_function(n)): f"host_address(f{n})" for n in numbers},
        int: {_MARKED_MTU + n: f"l{n}.mtu" for n in numbers},
    }
