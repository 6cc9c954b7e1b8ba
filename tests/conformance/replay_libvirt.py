"""Replays elements of libvirt's network devices through the public API: ``replay_libvirt.py [PATH…]``.

A file has one JSON object a line, with the element as ``xml``. Each is read without loss, written, and compared
in canonical form, the order of children included; then each of its plain fields is changed and changed back, in
two writings, which must leave no trace. Where libvirt's installed schema is there, what it accepts has to be
read strictly, but for what libvirt itself refused when it was asked to define it; and what strict reading accepts
is written anew from the object alone and compared, but for white space, comments and the order of children.

Without paths, the sample in the repository and the corpus beside the checkout are replayed. Ends with one line,
``N identical, M differ``, and status 1 if any differs, 2 if there is nothing to replay.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from lxml import etree

import kvnet
from kvnet.device import Rom, Teaming

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from libvirt_schema import SCHEMA, validated
from recorded import CORPUS, lines, recordings

__all__ = ["differences", "elements", "main"]

_SHOWN = 10
_evolve: Any = attrs.evolve
"""mypy takes the classes of elements for no attrs classes."""
OTHER: dict[str, Any] = {
    "alias": "ua-other",
    "boot_order": 77,
    "mtu": 1234,
    "link": "down",
    "rom": Rom(enabled=False),
    "teaming": Teaming(type="persistent"),
}
"""A value for each of some fields that no element has."""


@attrs.frozen
class Element:
    """An element of a file, by its name in there, and whether libvirt defined a domain with it."""

    name: str
    xml: str
    defined: bool


def elements(path: Path) -> Iterator[Element]:
    """Each element of a file, and what libvirt made of it."""
    for n, line in enumerate(lines(path), 1):
        case = json.loads(line)
        name = str(case.get("id", f"line {n}"))
        yield Element(name, case["xml"], case.get("libvirt_9_0_define", {}).get("define") != "0")
        if case.get("libvirt_9_0_dump"):
            yield Element(f"{name}, dumped", case["libvirt_9_0_dump"], defined=True)


def differences(element: Element) -> Iterator[str]:
    """What is not as it should be with one element."""
    xml = element.xml
    wanted = canonical(xml)
    device = kvnet.read_device(xml, lossless=True)
    if canonical(kvnet.write(device)) != wanted:
        yield "lossless reading and writing changed it"
    for name, value in OTHER.items():
        if hasattr(device, name):
            other = kvnet.read_device(kvnet.write(_evolve(device, **{name: value})), lossless=True)
            back = _evolve(other, **{name: getattr(device, name)})
            if getattr(other, name) != value or canonical(kvnet.write(back)) != wanted:
                yield f"{name}, changed and changed back, left a trace"
    yield from strict_differences(element)


def strict_differences(element: Element) -> Iterator[str]:
    xml = element.xml
    try:
        device = kvnet.read_device(xml)
    except kvnet.XmlError as refused:
        if element.defined and SCHEMA.exists() and not validated(xml):
            yield f"libvirt's schema accepts it, but strict reading says: {refused}"
        return
    if meaning(kvnet.write(device)) != meaning(xml):
        yield f"written anew, it is {kvnet.write(device)}"


def canonical(xml: str) -> bytes:
    """The element in canonical form, white space and comments included."""
    return etree.tostring(etree.fromstring(xml), method="c14n", with_comments=True)


def meaning(xml: str) -> Any:
    """The element as attributes and children, in no order but among those of one name."""
    return _meaning(etree.fromstring(xml, etree.XMLParser(remove_comments=True)))


def _meaning(element: etree._Element) -> Any:
    children = sorted((_meaning(each) for each in element if not _says_nothing(each)), key=lambda each: each[0])
    implied = {"mode": "subsystem"} if element.tag == "hostdev" else {}
    return element.tag, sorted((implied | dict(element.attrib)).items()), (element.text or "").strip(), children


def _says_nothing(element: etree._Element) -> bool:
    """An empty ``<source/>`` of a type that needs none."""
    return element.tag == "source" and not element.attrib and not len(element)


def main(arguments: list[str]) -> int:
    """Replay files; the status to end with."""
    paths = [Path(each) for each in arguments] or recordings(CORPUS)
    tally: Counter[str] = Counter()
    for path in paths:
        for element in elements(path):
            found = list(differences(element))
            tally["differ" if found else "identical"] += 1
            if found and tally["differ"] <= _SHOWN:
                print(f"{path.name}: {element.name}: {'; '.join(found)}")
    if not tally:
        print("there are no elements to replay", file=sys.stderr)
        return 2
    print(f"{tally['identical']} identical, {tally['differ']} differ")
    return 1 if tally["differ"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
