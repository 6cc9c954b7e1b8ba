"""Read the JSON of a machine whose like was read before: machines that differ in their names and addresses alone.

Of a text that comes for the third time but for its names and addresses, the machine is read in the ordinary way once
more, with marks in place of those. From where the marks are found, a function is generated that makes such a machine of
other names and addresses. It takes a third of the time of the ordinary way, which decides about everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs
from attrs import define, evolve, field

from kvnet._codegen import function
from kvnet._quoted import Parts, Quoted, Read
from kvnet.manifest.document import Text, TextOrigin
from kvnet.spec import Machine, Multus

__all__ = ["LearntMachines"]

_NAMING: Final = frozenset({"name", "namespace", "macAddress", "pciAddress", "networkName"})
"""The keys of the texts that may vary."""
_DEEPEST: Final = 24
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

    It gives ``None`` for words that are empty or have an unprintable character, such as a control or half a surrogate
    pair.
    """
    origin = machine.origin
    if not isinstance(origin, TextOrigin):
        return None
    code = _Code(varying)
    try:
        code.make("machine", evolve(machine, origin=None), origin="origin_of(text, *place)", text_shape="shape")
    except _UnlearnableError:
        return None
    place, shape = (origin.document, origin.prefix, origin.bare), sha256(marked.encode()).hexdigest()
    names = code.names | {"new": object.__new__, "origin_of": TextOrigin, "place": place, "shape": shape}
    lines = [
        "def read(words, text):",
        "    if '' in words or not ''.join(words).isprintable(): return None",
        f"    {', '.join(varying.values())}, = words",
        *code.lines,
        "    return machine",
    ]
    return function("read", lines, names, f"read machine {shape[:8]}")


class _UnlearnableError(Exception):
    """A value holds what no code is written for."""


@define
class _Code:
    """Code that makes a value: lines that make its objects, and the names that they use.

    ``varying`` has the local names of words by the marks that stand for them. What can be changed is made anew each
    time, and so is what varies; all else is shared.
    """

    varying: Mapping[str, str]
    names: dict[str, Any] = field(factory=dict)
    lines: list[str] = field(factory=list)
    made: int = 0

    def make(self, local: str, value: Any, **given: str) -> None:
        """Add the lines that make an object, with its fields as its ``__init__`` would set them, and others given."""
        cls = type(value)
        if hasattr(cls, "__attrs_post_init__") or not hasattr(value, "__dict__"):
            raise _UnlearnableError
        made = {each.name: self.value(getattr(value, each.name)) for each in attrs.fields(cls)} | given
        holder = next(each for each in cls.__mro__ if "__dict__" in vars(each))
        name = cls.__name__
        self.names |= {name: cls, f"set_{name}": vars(holder)["__dict__"].__set__}
        fields = ", ".join(f"'{field}': {code}" for field, code in made.items())
        self.lines += [f"    {local} = new({name}); set_{name}({local}, {{{fields}}})"]

    def value(self, value: Any, depth: int = 0) -> str:
        """The expression for a value."""
        if depth > _DEEPEST:
            raise _UnlearnableError
        if type(value) is str:
            return self.varying.get(value) or repr(value)
        if type(value) is dict:
            return f"{{{', '.join(f'{key!r}: {self.value(each, depth + 1)}' for key, each in value.items())}}}"
        if type(value) is list:
            return f"[{', '.join(self.value(each, depth + 1) for each in value)}]"
        if value is None or type(value) is bool:
            return repr(value)
        if not self._varies(value):
            name = f"shared_{len(self.names)}"
            self.names[name] = value
            return name
        if type(value) is tuple:
            return f"({', '.join(self.value(each, depth + 1) for each in value)},)"
        self.made += 1
        local = f"made_{self.made}"
        self.make(local, value)
        return local

    def _varies(self, value: Any) -> bool:
        """Whether a value differs from machine to machine, or could be changed."""
        if value is None or type(value) in (bool, int, float):
            return False
        if type(value) is str:
            return value in self.varying
        if type(value) is tuple:
            return any(map(self._varies, value))
        if attrs.has(type(value)):
            return any(self._varies(getattr(value, each.name)) for each in attrs.fields(type(value)))
        if type(value) in (dict, list):
            return True
        raise _UnlearnableError
