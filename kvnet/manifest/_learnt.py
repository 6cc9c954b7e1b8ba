"""Read the JSON of a machine whose like was read before: machines that differ in their names and addresses alone.

Of a text that comes for the third time but for its names and addresses, the machine is read in the ordinary way once
more, with marks in place of those. From where the marks are found, a function is generated that makes such a machine of
other names and addresses. It takes a third of the time of the ordinary way, which decides about everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

from kvnet._codegen import UnlearnableError, ValueCode, function
from kvnet._quoted import Parts, Quoted, Read
from kvnet.manifest.document import Text, TextOrigin
from kvnet.spec import Machine, Multus
from kvnet.spec.nic import are_usual

__all__ = ["LearntMachines"]

_NAMING: Final = frozenset({"name", "namespace", "macAddress", "pciAddress", "networkName"})
"""The keys of the texts that may vary."""
_MARK: Final = "kvnet-varies-{}-"


class LearntMachines:
    """What was learnt of the JSON texts of machines.

    ``read_machine`` reads a text that is JSON, and holds one machine and nothing else, in the ordinary way; it gives
    ``None`` for other texts.
    """

    def __init__(self, read_machine: Callable[[Text], Machine | None]) -> None:
        self._read_machine = read_machine
        self._quoted: Quoted[Machine] = Quoted('"', self._holes_of, self._reader_of)

    def read(self, text: Text) -> Machine | None:
        """The machine of a text that was learnt; ``None`` for others."""
        # without escapes, what stands between quotes is what it says
        return None if "\\" in text.text else self._quoted.read(text.text, text)

    def _holes_of(self, _: str, parts: Parts) -> tuple[int, ...]:
        """The positions of names and addresses of the machine, its NICs and its networks."""
        named = [n for n in range(3, len(parts), 2) if parts[n - 1].strip() == ":" and parts[n - 2] in _NAMING]
        machine = self._read_machine(_marked(parts, named))
        found = set() if machine is None else set(_names_and_addresses(machine))
        return tuple([n for n in named if _MARK.format(n) in found])

    def _reader_of(self, text: str, parts: Parts, holes: tuple[int, ...]) -> Read[Machine] | None:
        machine, marked = self._read_machine(Text("", text)), self._read_machine(_marked(parts, holes))
        if machine is None or marked is None or not holes:
            return None
        words = [parts[n] for n in holes]
        read = _reader(marked, {_MARK.format(n): f"w{at}" for at, n in enumerate(holes)}, _marked(parts, holes).text)
        return read if read is not None and read(words, Text("", text)) == machine else None


def _marked(parts: Parts, holes: Sequence[int]) -> Text:
    marked = list(parts)
    for n in holes:
        marked[n] = _MARK.format(n)
    return Text("", '"'.join(marked))


def _names_and_addresses(machine: Machine) -> Iterator[str | None]:
    yield from (machine.name, machine.namespace)
    for interface in machine.interfaces:
        yield from (interface.name, interface.mac_address, interface.pci_address)
    for network in machine.networks:
        yield network.name
        yield from (source.network_name for source in network.sources if isinstance(source, Multus))


def _reader(machine: Machine, varying: Mapping[str, str], marked: str) -> Read[Machine] | None:
    """The function that makes a machine like one with marks, of words in the order of the marks.

    It gives ``None`` for words that are not usual ones, about which the ordinary way decides.
    """
    origin = machine.origin
    if not isinstance(origin, TextOrigin):
        return None
    code = ValueCode(lambda value: varying.get(value) if type(value) is str else None)
    try:
        code.make("machine", machine, origin="origin_of(text, *place)", text_shape="shape")
    except UnlearnableError:
        return None
    place, shape = (origin.document, origin.prefix, origin.bare), sha256(marked.encode()).hexdigest()
    names = code.names | {"origin_of": TextOrigin, "place": place, "shape": shape, "are_usual": are_usual}
    lines = [
        "def read(words, text):",
        f"    {', '.join(varying.values())}, = words",
        f"    if {_unusual(machine, varying)}: return None",
        *code.lines,
        "    return machine",
    ]
    return function("read", lines, names, f"read machine {shape[:8]}")


def _unusual(machine: Machine, varying: Mapping[str, str]) -> str:
    """The condition under which the words in a machine are not usual."""

    def words(texts: Iterable[str | None]) -> str:
        return f"({''.join(f'{varying.get(text) or repr(text)}, ' for text in texts if text)})"

    interfaces, networks = machine.interfaces, machine.networks
    names = words(each.name for each in interfaces)
    nads = words(each.network_name for network in networks for each in network.sources if isinstance(each, Multus))
    alike = f"{names} == {words(network.name for network in networks)}"
    own = [varying[each] for each in (machine.name, machine.namespace) if each and each in varying]
    printable = "".join(f" and {each} and {each}.isprintable()" for each in own)
    macs, addresses = (words(getattr(each, name) for each in interfaces) for name in ("mac_address", "pci_address"))
    return f"not ({alike}{printable} and are_usual({names}, {macs}, {addresses}, {nads}))"
