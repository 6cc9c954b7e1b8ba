"""Put NICs into a domain document of the user's own; every other byte stays.

What they claim may be taken by a device that stays, which is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import Final, Self

from attrs import field, frozen
from lxml import etree

from kvnet._arguments import checked, checked_items
from kvnet.compiler.pod import USER_ALIAS, VF_ALIAS
from kvnet.domain.document import NICS, DomainDocument, only_nic
from kvnet.domain.edit import Edit, edited, removal, replacement, with_nics
from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.spec.nic import CONVENTIONAL_MODELS

__all__ = ["conflicts", "guest_address", "patch"]

# quoted values may hold a >
_TAG = re.compile(r"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")

_FILE = "<domain>"


@frozen
class _Nic:
    """What a NIC is matched by; ``content`` is all that it says. An alias or a MAC that is absent is empty."""

    tag: str
    alias: str
    mac: str
    content: object
    element: etree._Element = field(eq=False, repr=False)

    @property
    def is_ours(self) -> bool:
        return self.tag == "interface" or self.alias.startswith(USER_ALIAS + VF_ALIAS)


@frozen
class _Taken:
    """The MAC addresses and guest addresses that other devices ask for, and that no NIC may take over."""

    macs: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    @classmethod
    def by(cls, nics: Iterable[etree._Element], others: Iterable[etree._Element]) -> Self:
        """What is asked for by new NICs, and by the devices that stay. Devices that stay may share a MAC address."""
        new = [*nics]
        return cls(frozenset(map(_mac, new)), frozenset(map(guest_address, (*new, *others))))


_NOTHING = _Taken()


def patch(domain_xml: str, nics: Sequence[str], *, replace_all: bool = False) -> str:
    """Put NICs, given as XML of ``<interface>`` and ``<hostdev>`` elements, into a domain document.

    A NIC replaces the one with its alias, else one that says the same, else one with its MAC address where one of the
    two has no alias. Other NICs are inserted after the last interface. A NIC that says the same already is not
    touched, so patching a document again changes nothing. ``replace_all`` removes the interfaces, and the SR-IOV
    devices with aliases ``ua-sriov-…``, that are not among ``nics``.

    A NIC without a MAC address or a guest address takes over that of the NIC that it replaces, so the guest finds it
    where it was. A guest address has to be on PCI, of the kind (root port or conventional) that the new NIC needs, and
    not that of another device; a MAC address must not be that of another of ``nics``.

    Returns the document. Comments, metadata, namespaces, white space and spelling stay as they are; NICs are indented
    as the elements around them.

    Raises XmlError where the document is not a domain, a text is not one NIC, or a NIC claims what a device that stays
    has already: a boot order (which ``<os><boot>`` excludes, too), a guest address, an alias or a target. Raises
    TypeError for NICs of another kind, such as devices, which ``write`` makes into text.
    """
    document = DomainDocument.parse(domain_xml)
    given = [only_nic(text, FieldPath(("nics",))[n]) for n, text in enumerate(_texts(nics))]
    elements = [element for _, element in given]
    wanted = [_nic(element) for element in elements]
    _refuse_shared_aliases(wanted)
    present = [_nic(each) for each in document.devices if each.tag in NICS]
    matches = _matches(wanted, present)
    replaced = {*matches.values()}
    unmatched = [nic for m, nic in enumerate(present) if m not in replaced]
    removed = [nic.element for nic in unmatched if replace_all and nic.is_ours]
    gone = {*removed, *(present[m].element for m in matches.values())}
    kept = [each for each in document.devices if each not in gone]
    problems = [*conflicts(document, kept, elements)]
    if problems:
        raise XmlError(problems)
    taken = _Taken.by(elements, kept)
    edits = [removal(document, document.spans[each]) for each in removed]
    for n, m in matches.items():
        edits += _replaced(document, present[m], wanted[n], given[n][0], taken)
    new = [text for n, (text, _) in enumerate(given) if n not in matches]
    return edited(document, [*edits, with_nics(document, new)] if new else edits)


def _replaced(document: DomainDocument, old: _Nic, new: _Nic, text: str, taken: _Taken) -> list[Edit]:
    """Put a NIC, whose XML is ``text``, in the place of another one that does not say the same."""
    children = _inherited(new.element, old.element, taken)
    if old.content == _content(new.element, *children):
        return []
    whole = _with_children(text, [document.text_of(each) for each in children])
    return [replacement(document, document.spans[old.element], whole)]


def _inherited(new: etree._Element, old: etree._Element, taken: _Taken = _NOTHING) -> list[etree._Element]:
    """The ``<mac>`` and the ``<address>`` of a NIC that the one in its place gets, having none of its own."""
    mac, address = old.find("mac"), old.find("address")
    found = []
    lacks_mac = new.tag == old.tag == "interface" and new.find("mac") is None
    if mac is not None and lacks_mac and _mac(old) not in taken.macs:
        found.append(mac)
    if address is not None and address.get("type") == "pci" and new.find("address") is None:
        place = guest_address(old)
        if place and place not in taken.places and _is_conventional(new) == _is_conventional(old):
            found.append(address)
    return found


def _with_children(text: str, children: Sequence[str]) -> str:
    """The XML of an element with the XML of more children: a ``<mac>`` is first, as libvirt has it, others are last."""
    if not children:
        return text
    opened = _TAG.match(text)
    assert opened is not None
    tag = opened[0]
    first = "".join(each for each in children if each.startswith("<mac"))
    last = "".join(each for each in children if not each.startswith("<mac"))
    if tag.endswith("/>"):
        name = tag[1:-2].split()[0]
        return f"{tag[:-2].rstrip()}>{first}{last}</{name}>"
    end = text.rindex("</")
    return tag + first + text[len(tag) : end] + last + text[end:]


def _mac(nic: etree._Element) -> str:
    return str(nic.xpath("string(mac/@address)")).lower()


def _is_conventional(nic: etree._Element) -> bool:
    """Whether libvirt puts a NIC on conventional PCI, and not on a PCIe root port."""
    if nic.tag != "interface" or nic.get("type") == "hostdev":
        return False
    model = nic.find("model")
    return (None if model is None else model.get("type")) in CONVENTIONAL_MODELS


_HINT = "write [kvnet.write(device) for device in devices]"
_HINTS = {"str": "write [xml] for one NIC", "Compiled": "write compiled.xml()", "Rendered": "write rendered.devices()"}


def _texts(nics: Sequence[str]) -> tuple[str, ...]:
    texts = checked_items(nics, "a list of NICs, each the XML as text,", _HINT, _HINTS)
    for text in texts:
        checked(text, str, "the XML of a NIC as text", _HINT, {"bytes": "write xml.decode()"})
    return texts


def _nic(element: etree._Element) -> _Nic:
    alias = str(element.xpath("string(alias/@name)"))
    return _Nic(str(element.tag), alias, _mac(element), _content(element), element)


def _content(element: etree._Element, *added: etree._Element) -> bytes:
    """A digest of what an element says with children that are added, whatever quotes, white space and their order."""
    children = [*element.iterchildren(tag=etree.Element), *added]
    text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
    said = (element.tag, sorted(element.items()), text, sorted(map(_content, children)))
    return blake2b(repr(said).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def _refuse_shared_aliases(wanted: Sequence[_Nic]) -> None:
    """libvirt takes an alias once, and two NICs with one alias cannot be told apart."""
    seen: set[str] = set()
    for n, alias in enumerate(nic.alias for nic in wanted):
        if alias and alias in seen:
            message = f"another NIC has the alias '{alias}' too"
            raise XmlError([Problem(FieldPath(("nics",))[n], "KN505", message, hint="give each NIC its own alias")])
        seen.add(alias)


def _shares_mac(nic: _Nic, old: _Nic) -> bool:
    return nic.mac != "" and nic.mac == old.mac and "" in (nic.alias, old.alias)


def _says_the_same(nic: _Nic, old: _Nic) -> bool:
    """Whether nothing changes when the NIC takes over the addresses of the other."""
    return _content(nic.element, *_inherited(nic.element, old.element)) == old.content


_Key = Callable[[_Nic], object]
_by_mac: _Key = attrgetter("mac")
_ORDER: tuple[tuple[_Key, Callable[[_Nic, _Nic], bool]], ...] = (
    # a hostdev with the alias of an interface may be a graphics card
    (attrgetter("alias"), lambda nic, old: nic.alias != "" and (nic.tag == old.tag or old.is_ours)),
    # equality comes before MAC addresses: two NICs may share one, and would change places otherwise
    (attrgetter("content"), lambda _, __: True),
    (_by_mac, lambda nic, old: _shares_mac(nic, old) and _says_the_same(nic, old)),
    (_by_mac, _shares_mac),
)
"""What a NIC has in common with the one that it replaces, and whether it replaces that: the surest sign first."""


def _matches(wanted: Sequence[_Nic], present: Sequence[_Nic]) -> dict[int, int]:
    """Which present NIC each wanted one replaces, by their positions."""
    matches: dict[int, int] = {}
    free = dict(enumerate(present))
    for key, replaces in _ORDER:
        alike: dict[object, dict[int, _Nic]] = {}
        for m, old in free.items():
            if common := key(old):
                alike.setdefault(common, {})[m] = old
        for n, nic in enumerate(wanted):
            found = alike.get(key(nic), {}) if n not in matches else {}
            first = next((m for m, old in found.items() if replaces(nic, old)), None)
            if first is not None:
                matches[n] = first
                del found[first], free[first]
    return matches


@frozen
class _Kind:
    """Something that libvirt or the host lets one device have: how messages name it, and how to read it.

    ``claimed`` gives what a device has of it, empty for nothing; ``remedy`` is the hint.
    """

    name: str
    claimed: Callable[[etree._Element], str]
    remedy: str


def conflicts(
    document: DomainDocument, kept: Sequence[etree._Element], nics: Sequence[etree._Element]
) -> Iterator[Problem]:
    """An error (``KN509``) for each claim of a NIC that meets one of the domain it is put into.

    ``nics`` are the elements that are put in, ``kept`` the devices of the document that stay. A boot order meets
    ``<os><boot>``, too. Each problem has the place of what was there before.
    """
    owners = {(kind.name, claim): each for kind in _KINDS for each in kept if (claim := kind.claimed(each))}
    boot = document.domain.find("os/boot")
    for n, nic in enumerate(nics):
        at = FieldPath(("nics",))[n]
        if boot is not None and _boot_order(nic):
            message = f"{_named(nic)} has a boot order, and <os> has a <boot>: libvirt refuses one beside the other"
            hint = "take <boot> out of <os> and give its devices a boot order, or leave bootOrder out"
            yield Problem(at, "KN509", message, hint=hint, place=_place(document, boot))
        for kind in _KINDS:
            claim = kind.claimed(nic)
            owner = owners.setdefault((kind.name, claim), nic) if claim else nic
            if owner is not nic:
                message = f"{_named(nic)} asks for the {kind.name} {claim}, which {_named(owner)} has"
                place = None if owner in nics else _place(document, owner)
                yield Problem(at, "KN509", message, hint=kind.remedy, place=place)


def _boot_order(device: etree._Element) -> str:
    boot = device.find("boot")
    return "" if boot is None else str(_number(boot.get("order", "")))


def guest_address(device: etree._Element) -> str:
    """The numbers of an address, whatever their base; empty where libvirt chooses them."""
    address = device.find("address")
    if address is None:
        return ""
    given = {str(key): _number(str(value)) for key, value in address.items() if key not in ("type", "multifunction")}
    if not any(given.values()):
        return ""
    if address.get("type") != "pci":
        return " ".join([address.get("type", ""), *(f"{key}={given[key]}" for key in sorted(given))])
    parts = [given.get(name, 0) for name in ("domain", "bus", "slot", "function")]
    numbers = [each for each in parts if isinstance(each, int)]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*numbers) if len(numbers) == len(parts) else ":".join(map(str, parts))


def _alias(device: etree._Element) -> str:
    return _attribute(device, "alias", "name")


def _link(device: etree._Element) -> str:
    """The link on the host; the target of a disk is another thing."""
    return _attribute(device, "target", "dev") if device.tag == "interface" else ""


def _attribute(device: etree._Element, tag: str, name: str) -> str:
    child = device.find(tag)
    return "" if child is None else child.get(name, "")


_KINDS = (
    _Kind("boot order", _boot_order, "give each device its own, in the manifest or in the domain"),
    _Kind("guest address", guest_address, "choose another pciAddress, or leave it out and let libvirt choose"),
    _Kind("alias", _alias, "rename the interface in the manifest, or the alias in the domain"),
    _Kind("target", _link, "give the link another name, or take the NIC that has it out of the domain"),
)

_LONGEST_NUMBER: Final = 40
"""Characters of a number; libvirt's have at most 20 digits, and Python writes none of thousands."""


def _number(text: str) -> int | str:
    """A number as libvirt reads it, in decimal or hexadecimal; other text stays as it is."""
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return text


def _named(device: etree._Element) -> str:
    """How a message names a device: its element, with what tells it from others."""
    known = (device.xpath(f"string({path})") for path in ("alias/@name", "target/@dev", "@model", "@type"))
    name = next(filter(None, known), "")
    return f"<{device.tag!s}> '{name}'" if name else f"<{device.tag!s}>"


def _place(document: DomainDocument, element: etree._Element) -> Place:
    before = document.data[: document.spans[element].start].decode()
    return Place(_FILE, before.count("\n") + 1, len(before) - before.rfind("\n"))
