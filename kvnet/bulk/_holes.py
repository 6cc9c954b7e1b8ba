"""Where names and addresses stand in the JSON of a machine and its facts, and what they may be in a learnt shape.

A place is in a table here only if no rule reads what stands there, or if the rules mind no value of the kind that is
given: the kinds are the names and addresses that ``kvnet.rules.shapes`` leaves out of a machine's shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from attrs import frozen

from kvnet.compiler.pod import hashed_name
from kvnet.spec.machine import REPLICATING, TEMPLATES
from kvnet.spec.nic import USUAL_MAC, USUAL_ROOT_PORT
from kvnet.target import Target

__all__ = ["RUN", "Kind", "Spot", "Variable", "paths_of", "spots_of", "variables_of"]

RUN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-"
"""The characters of names and addresses; what is between them is the structure of a line."""
_ENVELOPE_KEYS = {"vm", "facts"}
_OWN_FACTS = {"architecture", "launchSecurity", "libvirtVersion", "links", "pciAddresses", "qemuVersion"}
"""The facts that rules read for their presence alone, or that stand in the shape as they are."""
_TOKEN = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"|[\[\]{},:]|[^\s"\[\]{},:]++', re.DOTALL)
_ITEM, _KEY, _ANY = "[]", "{}", "*"
_BY_NETWORK = {("facts", "links"), ("facts", "pciAddresses")}
"""The objects whose keys are names of networks."""

Path = tuple[str, ...]
Form = Callable[[bytes], bytes]


@frozen(eq=False)
class Kind:
    """A kind of name or address.

    - ``pattern``: what it is made of, for an expression that matches at one place in one way
    - ``marks``: two examples for a number, which nothing else in a line contains. They differ in length, in the kinds
      of their characters, and in their order, so that nothing that depends on one of these is taken for fixed
    - ``forms``: what is computed from it in the XML, beside the text itself
    """

    pattern: bytes
    marks: Callable[[int], tuple[str, str]]
    forms: tuple[Form, ...] = ()

    def fits(self, value: bytes) -> bool:
        return re.fullmatch(self.pattern, value) is not None


def _digits_of_link(name: bytes) -> bytes:
    """What KubeVirt's names for the link, the tap and the bridge of a secondary network end with."""
    return hashed_name(name.decode())[3:].encode()


def _link_digits(link: bytes) -> bytes:
    return link[3:]


def _pci_attributes(address: bytes) -> bytes:
    """A PCI address as libvirt writes it in attributes."""
    return b"domain='0x%b' bus='0x%b' slot='0x%b' function='0x%b'" % (
        address[:4],
        address[5:7],
        address[8:10],
        address[11:],
    )


_HEX, _OCTET = rb"[0-9a-f]", rb":[0-9a-f][0-9a-f]"
_L = rb"(?!-)[a-z0-9-]{1,63}+(?<!-)"
_LABEL = Kind(_L, lambda n: (f"k{n:03}x-q7", f"{999 - n:03}z{'w' * 58}0"))
_NAME = Kind(rb"[A-Za-z0-9_-]{1,63}+", lambda n: (f"K{n:03}_Q7", f"{999 - n:03}z-{'w' * 58}"), (_digits_of_link,))
_NODE = Kind(rb"(?![.-])[a-z0-9.-]{1,253}+(?<![.-])", lambda n: (f"k{n:03}.q7", f"{999 - n:03}z.{'w' * 58}"))
_WORD = Kind(rb"[%b]{1,253}+" % re.escape(RUN), lambda n: (f"K{n:03}:Q/7", f"{999 - n:03}Z:/_.{'w' * 58}"))
_MAC = Kind(
    USUAL_MAC.encode(),
    lambda n: (f"0a:5d:c3:91:{n >> 8:02x}:{n & 255:02x}", f"d6:a7:3c:1b:{999 - n >> 8:02x}:{999 - n & 255:02x}"),
)
_ROOT_PORT = Kind(
    USUAL_ROOT_PORT.encode(),
    lambda n: (f"0000:{0x11 + n:02x}:00.0", f"0000:{0xEE - n:02x}:00.0"),
    (_pci_attributes,),
)
_FUNCTION = Kind(
    rb"(?!0000:00:00)" + _HEX * 4 + _OCTET + rb":[01][0-9a-f]\.[0-7]",
    lambda n: (f"{0xA7C0 + n:04x}:9d:1b.5", f"{0x5C3F - n:04x}:e6:0d.3"),
    (_pci_attributes,),
)
_LINK = Kind(
    rb"pod" + _HEX * 11,
    lambda n: (f"pod{n:03x}9c3e7d15", f"pod{0xFFF - n:03x}5b8a1f6e"),
    (_link_digits,),
)
_TAP = Kind(rb"tap[0-9a-z]{1,12}+", lambda n: (f"tapq{n:03}x", f"tapzzzz{999 - n:03}yyyyy"))
_UUID = Kind(
    _HEX * 8 + (b"-" + _HEX * 4) * 3 + b"-" + _HEX * 12,
    lambda n: (f"1c9e{n:04x}-5d3b-4f17-8a6c-9be2d4f01357", f"e3a7{999 - n:04x}-b1c9-4d35-9f02-6c8a4e7d1b53"),
)
_NAD = Kind(_L, lambda n: (f"m{n:03}x-q7", f"{999 - n:03}y{'v' * 58}0"))
_NAD_WITH_NAMESPACE = Kind(
    _L + b"/" + _L, lambda n: (f"m{n:03}x-q7/p7", f"{999 - n:03}y{'v' * 58}0/{999 - n:03}u{'t' * 58}0")
)

_METADATA: dict[Path, tuple[Kind, ...]] = {
    ("name",): (_LABEL,),
    ("namespace",): (_LABEL,),
    ("uid",): (_WORD,),
    ("resourceVersion",): (_WORD,),
    ("creationTimestamp",): (_WORD,),
    ("labels", "kubevirt.io/domain"): (_LABEL,),
    ("labels", "kubevirt.io/vm"): (_LABEL,),
    ("labels", "kubevirt.io/nodeName"): (_NODE,),
    ("labels", "vm.kubevirt.io/name"): (_LABEL,),
}
_INTERFACES = ("domain", "devices", "interfaces", _ITEM)
_SPEC: dict[Path, tuple[Kind, ...]] = {
    ("networks", _ITEM, "name"): (_NAME,),
    ("networks", _ITEM, "multus", "networkName"): (_NAD, _NAD_WITH_NAMESPACE),
    (*_INTERFACES, "name"): (_NAME,),
    (*_INTERFACES, "macAddress"): (_MAC,),
    (*_INTERFACES, "pciAddress"): (_ROOT_PORT,),
    ("hostname",): (_LABEL,),
    ("domain", "firmware", "uuid"): (_UUID,),
    ("volumes", _ITEM, "persistentVolumeClaim", "claimName"): (_LABEL,),
    ("volumes", _ITEM, "dataVolume", "name"): (_LABEL,),
    ("volumes", _ITEM, "containerDisk", "image"): (_WORD,),
}
_STATUS: dict[Path, tuple[Kind, ...]] = {
    ("nodeName",): (_NODE,),
    ("interfaces", _ITEM, "name"): (_NAME,),
}
_FACTS: dict[Path, tuple[Kind, ...]] = {
    ("facts", "links", _KEY): (_NAME,),
    ("facts", "links", _ANY, "name"): (_LINK,),
    ("facts", "links", _ANY, "mac"): (_MAC,),
    ("facts", "links", _ANY, "tap"): (_TAP,),
    ("facts", "pciAddresses", _KEY): (_NAME,),
    ("facts", "pciAddresses", _ANY): (_FUNCTION,),
}


def paths_of(data: Any, target: Target) -> dict[Path, tuple[Kind, ...]] | None:
    """The places of names and addresses in a line, with the kinds that each may be of.

    ``data`` is what the line holds. ``None`` where no shape of it can be learnt: it is no object of one machine, or
    brings facts that rules read.
    """
    if not isinstance(data, dict):
        return None
    is_envelope = data.keys() <= _ENVELOPE_KEYS
    machine, facts = (data.get("vm"), data.get("facts") or {}) if is_envelope else (data, {})
    if not isinstance(machine, dict) or not isinstance(facts, dict) or not facts.keys() <= _OWN_FACTS:
        return None
    kind = machine.get("kind")
    if not isinstance(kind, str) or kind not in TEMPLATES or kind in REPLICATING:
        return None
    root = ("vm",) if is_envelope else ()
    tables = {
        (*root, "metadata"): _METADATA,
        (*root, *TEMPLATES[kind], "metadata"): _METADATA,
        (*root, *TEMPLATES[kind], "spec"): _SPEC,
        (*root, "status"): _STATUS,
    }
    paths = {(*start, *path): kinds for start, table in tables.items() for path, kinds in table.items()}
    return {path: kinds for path, kinds in {**paths, **_FACTS}.items() if not _is_read(path, target)}


def _is_read(path: Path, target: Target) -> bool:
    """Whether what stands at a place chooses an object of the target."""
    if path[-1] == "namespace" or "multus" in path:
        return bool(target.nads or target.instancetypes or target.preferences)
    return "volumes" in path and bool(target.instancetypes or target.preferences)


class Spot(NamedTuple):
    """A string of a line, without its quotes, and the kinds of name or address that it may be."""

    start: int
    end: int
    kinds: tuple[Kind, ...]


def spots_of(line: bytes, paths: dict[Path, tuple[Kind, ...]]) -> Iterator[Spot]:
    """The strings of a line, keys among them, in their order."""
    path: Path = ()
    around: list[tuple[Path, bool]] = []
    is_key = False
    for token in _TOKEN.finditer(line):
        match token.group()[:1]:
            case b"{" | b"[" as opening:
                is_key = opening == b"{"
                around.append((path, is_key))
                path = path if is_key else (*path, _ITEM)
            case b"}" | b"]":
                path, _ = around.pop()
            case b"," if around:
                path, is_key = around[-1]
                path = path if is_key else (*path, _ITEM)
            case b":":
                is_key = False
            case b'"':
                start, end = token.span(1)
                kinds = paths.get((*around[-1][0], _KEY) if is_key else path, ()) if around else ()
                yield Spot(start, end, tuple([each for each in kinds if each.fits(token[1])]) if kinds else ())
                if is_key:
                    key = _ANY if around[-1][0] in _BY_NETWORK else token[1].decode("latin-1")
                    path = (*around[-1][0], key)


class Variable(NamedTuple):
    """A name or address, its kind, what may be computed from it, and the starts of the strings that it is in a line."""

    value: bytes
    kind: Kind
    forms: tuple[Form, ...]
    starts: tuple[int, ...]


def variables_of(line: bytes, spots: Sequence[Spot]) -> tuple[list[Variable], frozenset[bytes]]:
    """The names and addresses of a line in the order of their first places, and its other strings.

    A text that is also one of the other strings is none: whether it is the same by chance cannot be told.
    """
    places: dict[bytes, list[Spot]] = {}
    for spot in spots:
        places.setdefault(line[spot.start : spot.end], []).append(spot)
    kinds = {value: _common_kind([each.kinds for each in of_value]) for value, of_value in places.items()}
    variables = [
        Variable(value, kind, _forms(places[value]), tuple([spot.start for spot in places[value]]))
        for value, kind in kinds.items()
        if kind is not None
    ]
    return variables, frozenset([value for value, kind in kinds.items() if kind is None])


def _forms(spots: Sequence[Spot]) -> tuple[Form, ...]:
    return tuple(dict.fromkeys(form for spot in spots for kind in spot.kinds for form in kind.forms))


def _common_kind(each: Sequence[tuple[Kind, ...]]) -> Kind | None:
    """The kind of a text that is at several places: the one whose examples may be at all of them."""
    wanted = set(each)
    if () in wanted:
        return None
    for kind in dict.fromkeys(kind for kinds in each for kind in kinds):
        marks = [mark.encode() for mark in kind.marks(0)]
        if all(any(other.fits(mark) for other in kinds) for kinds in wanted for mark in marks):
            return kind
    return None
