"""Plain data ⇄ attrs classes: one table of fields for each class, and one loop that reads and collects every flaw.

Plain data is what JSON carries: mappings, lists, text, numbers, booleans and null. There is no second way of reading
for what is wrong: paths are put together on the way out, so that data without flaws costs nothing for them.

>>> from kvnet.spec import Network
>>> bind(Network, {"name": "blue", "multus": {"networkName": "vlan100"}})
Network(name='blue', sources=(Multus(network_name='vlan100'),))
>>> plain(_)
{'name': 'blue', 'multus': {'networkName': 'vlan100'}}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import attrs

from kvnet.errors import FieldPath, Rejected
from kvnet.manifest.problems import (
    MISSING,
    OUT_OF_RANGE,
    TOO_MANY,
    UNKNOWN_FIELD,
    WRONG_TYPE,
    Flaw,
    Misfit,
    problem_of,
)
from kvnet.spec.wire import (
    NULL_IS_EMPTY,
    REST,
    AtMost,
    Bits,
    Lenient,
    Parsed,
    Quantities,
    default_of,
    factory_of,
    json_name,
    members_of,
)
from kvnet.values import MacAddress, PciAddress

__all__ = ["bind", "bind_or_reject", "plain", "reader", "register"]

T = TypeVar("T")
Read = Callable[[Any], Any]
_WORDS: dict[Any, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_TOP = FieldPath()
_LISTS = (tuple, list, frozenset)


def bind(kind: type[T], data: Any) -> T:
    """Read plain data as a value of a type. Raises Misfit with every flaw."""
    value: T = reader(cast(Any, kind))(data)
    return value


def bind_or_reject(kind: Any, data: Any, at: FieldPath = _TOP, *, code: str = "", hint: str = "") -> Any:
    """Read plain data that stands at a path. Raises Rejected with every problem, of one code and hint where given."""
    try:
        return reader(kind)(data)
    except Misfit as misfit:
        problems = [problem_of(flaw) for flaw in misfit.under(*at.parts)]
        if code:
            problems = [attrs.evolve(problem, code=code, hint=hint) for problem in problems]
        raise Rejected(problems) from None


def plain(value: Any) -> Any:
    """The plain data of a value; what is absent, or as it is by default, is left out."""
    leaf = _LEAVES.get(type(value))
    if leaf is not None:
        return leaf.plain(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(plain(each) for each in value)
    if isinstance(value, StrEnum):
        return str(value)
    return _plain_object(value) if attrs.has(type(value)) else value


def register(kind: type[T], read: Callable[[Any], T], to_plain: Callable[[T], Any]) -> None:
    """Read and write a class by functions of its own; ``read`` raises Misfit."""
    _LEAVES[kind] = _Leaf(read, to_plain)


@cache
def reader(kind: Any) -> Read:
    """The function that reads values of a type: of a class, or of what annotations make of classes."""
    if kind in _LEAVES:
        return _LEAVES[kind].read
    if get_origin(kind) is not None:
        return _generic(get_origin(kind), get_args(kind))
    if attrs.has(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _parsed(kind, f"one of {', '.join(kind)}")
    raise TypeError(f"kvnet cannot read {kind!r}")


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Read:
    if origin is Annotated:
        return _marked(*arguments)
    if origin in (Union, UnionType):
        return _either([each for each in arguments if each is not NoneType])
    if origin in _LISTS:
        return _listed(origin, reader(arguments[0]))
    if origin is get_origin(Mapping[str, Any]):
        return _mapping if arguments[1] is Any else _mapped(reader(arguments[1]))
    raise TypeError(f"kvnet cannot read {origin!r}")


class _Leaf(NamedTuple):
    read: Read
    plain: Read


class _Member:
    """Marks entries of members that lie in the object itself."""


class _Inner:
    """Marks entries of inner objects whose members are fields of the class around."""


class _Entry(NamedTuple):
    """Where the value of a JSON key goes: into the field ``name``, as it is if its type is just ``exact``.

    Other values go through ``read``. Where ``exact`` is ``_Member``, that gives one of the members that the field
    holds; where it is ``_Inner``, a dict of several fields.
    """

    name: str
    exact: type | None
    read: Read


class _Table:
    """The fields of a class, and the entries of its JSON object."""

    def __init__(self, cls: Any) -> None:
        self.fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
        hints = get_type_hints(cls, include_extras=True)
        self.is_open = REST in hints
        self.is_strict = not self.is_open and not issubclass(cls, Lenient)
        self.members: Mapping[str, type] = {}
        self.folded = ""
        ways: dict[tuple[str, ...], _Entry] = {}
        for field in self.fields:
            table = members_of(field)
            if table is not None:
                self.folded, self.members = field.name, table
            elif field.name != REST:
                ways[tuple(json_name(field).split("."))] = _entry(field.name, hints[field.name])
        self.entries = _nested(ways)
        self.entries.update({key: _Entry(self.folded, _Member, reader(member)) for key, member in self.members.items()})


_table = cache(_Table)


def _entry(name: str, kind: Any) -> _Entry:
    exact = next((each for each in (str, bool) if kind in (each, each | None)), None)
    return _Entry(name, exact, reader(kind))


def _nested(ways: Mapping[tuple[str, ...], _Entry]) -> dict[str, _Entry]:
    """The entries by their first keys; those that share one become the entry of an inner object."""
    entries: dict[str, _Entry] = {}
    for head, *further in ways:
        if not further:
            entries[head] = ways[(head,)]
        elif head not in entries:
            inner = {way[1:]: entry for way, entry in ways.items() if way[0] == head}
            entries[head] = _Entry("", _Inner, _inner(_nested(inner)))
    return entries


def _object(cls: Any) -> Read:
    """The reader of a class. It is the loop in which loading spends its time, so it is written out flat."""
    table = _table(cls)
    if not table.fields:
        return _empty(cls)
    entries, is_open, is_strict = table.entries, table.is_open, table.is_strict
    size, folded = len(table.fields), table.folded
    rank = {member: n for n, member in enumerate(table.members.values())}
    defaults: dict[str, Any] = {
        field.name: field.default
        for field in table.fields
        if field.default is not attrs.NOTHING and factory_of(field) is None
    }
    # setting the fields as __init__ would, without the call, saves 10 % of JSON to XML
    needs_init = hasattr(cls, "__attrs_post_init__") or "__slots__" in vars(cls)
    new, set_fields = object.__new__, _dict_setter(cls)

    def read(value: Any) -> Any:  # noqa: PLR0912 - a call for each member would take 4 % of JSON to XML
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _misfit(value, "a mapping")
        held = defaults.copy()
        if is_open:
            held[REST] = others = {}
        flaws: tuple[Flaw, ...] = ()
        for key, each in value.items():
            if key in entries:
                name, exact, read_value = entries[key]
                if type(each) is exact:
                    held[name] = each
                elif each is not None:
                    try:
                        made = read_value(each)
                    except Misfit as misfit:
                        flaws += misfit.under(key)
                        continue
                    if exact is _Member:
                        held[name] += (made,)
                    elif exact is _Inner:
                        held.update(made)
                    else:
                        held[name] = made
            elif is_open and each is not None:
                others[key] = each
            elif is_strict and each is not None:
                flaws += (_unknown(key, entries),)
        if folded and len(held[folded]) > 1:
            held[folded] = tuple(sorted(held[folded], key=lambda each: rank[type(each)]))
        if len(held) < size:
            flaws += _filled(held, value, table)
        if flaws:
            raise Misfit(*flaws)
        if needs_init:
            return cls(**held)
        made = new(cls)
        set_fields(made, held)
        return made

    return read


def _filled(held: dict[str, Any], value: Mapping[str, Any], table: _Table) -> tuple[Flaw, ...]:
    """Give the fields that are absent what their factories make; those that may not be absent are flaws."""
    flaws: tuple[Flaw, ...] = ()
    for field in table.fields:
        if field.name in held:
            continue
        if field.default is not attrs.NOTHING:
            held[field.name] = default_of(field)
        elif value.get(json_name(field)) is None:
            flaws += (Flaw(code=MISSING, path=(json_name(field),), value=json_name(field)),)
    return flaws


def _dict_setter(cls: Any) -> Callable[[Any, dict[str, Any]], None]:
    """What sets all fields of a frozen object at once."""
    setter: Callable[[Any, dict[str, Any]], None]
    setter = next(vars(base)["__dict__"].__set__ for base in cls.__mro__ if "__dict__" in vars(base))
    return setter


def _empty(cls: Any) -> Read:
    """The reader of a class without fields, of which one object is enough."""
    only = cls()

    def read(value: Any) -> Any:
        if value == {}:
            return only
        if not isinstance(value, Mapping):
            raise _misfit(value, "a mapping")
        flaws = [_unknown(key, ()) for key, each in value.items() if each is not None]
        if flaws:
            raise Misfit(*flaws)
        return only

    return read


def _inner(entries: Mapping[str, _Entry]) -> Read:
    """The reader of an inner object whose members are fields of the class around it; it may have others."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _misfit(value, "a mapping")
        held: dict[str, Any] = {}
        flaws: tuple[Flaw, ...] = ()
        for key, entry in entries.items():
            if value.get(key) is None:
                continue
            try:
                made = entry.read(value[key])
            except Misfit as misfit:
                flaws += misfit.under(key)
            else:
                held.update(made if entry.exact is _Inner else {entry.name: made})
        if flaws:
            raise Misfit(*flaws)
        return held

    return read


def _marked(kind: Any, marker: Any) -> Read:
    match marker:
        case Bits():
            return _whole(marker)
        case Parsed():
            return _parsed(marker.read, marker.wanted)
        case AtMost():
            return _bounded(reader(kind), marker.entries)
        case Quantities():
            return _quantities(marker)
        case str() if marker == NULL_IS_EMPTY:
            read = reader(kind)
            return lambda value: read({} if value is None else value)
    return reader(kind)


def _exactly(kind: type, wanted: str) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise _misfit(value, wanted)
        return value

    return read


def _either(kinds: list[Any]) -> Read:
    """The reader of a union: of optional types, and of types that text, numbers and booleans tell apart."""
    if len(kinds) == 1:
        return reader(kinds[0])
    wanted = ", or ".join(_WORDS[kind] for kind in kinds)

    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise _misfit(value, wanted)
        return value

    return read


def _whole(bits: Bits) -> Read:
    low, high = bits.low, bits.high

    def read(value: Any) -> int:
        if type(value) is not int:
            raise _misfit(value, "a whole number")
        if not low <= value <= high:
            raise _misfit(value, f"between {low} and {high}", OUT_OF_RANGE)
        return value

    return read


def _parsed(parse: Read, wanted: str) -> Read:
    def read(value: Any) -> Any:
        try:
            return parse(value)
        except ValueError:
            raise _misfit(value, wanted) from None

    return read


def _address(parse: Callable[[str], Any]) -> Read:
    """The reader of a MAC or PCI address, whose parser says best what is wrong."""

    def read(value: Any) -> Any:
        if type(value) is not str:
            raise _misfit(value, "text")
        try:
            return parse(value)
        except ValueError as error:
            raise Misfit(Flaw(value=value, message=str(error))) from None

    return read


def _mapping(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise _misfit(value, "a mapping")
    return value


def _quantities(marker: Quantities) -> Read:
    """The reader of a mapping in which the values of some keys are quantities, and any others may be anything."""
    read_quantity = _parsed(marker.quantity.read, marker.quantity.wanted)

    def read(value: Any) -> Any:
        given = _mapping(value)
        _collected((key, read_quantity, given[key]) for key in marker.keys if key in given)
        return given

    return read


def _listed(kind: Callable[[Iterable[Any]], Any], read_item: Read) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not list and not isinstance(value, tuple):
            raise _misfit(value, "a list")
        made = []
        flaws: tuple[Flaw, ...] = ()
        for n, each in enumerate(value):
            try:
                made.append(read_item(each))
            except Misfit as misfit:
                flaws += misfit.under(n)
        if flaws:
            raise Misfit(*flaws)
        return kind(made)

    return read


def _bounded(read_list: Read, most: int) -> Read:
    def read(value: Any) -> Any:
        if isinstance(value, (list, tuple)) and len(value) > most:
            raise _misfit(value, f"at most {most} entries", TOO_MANY)
        return read_list(value)

    return read


def _mapped(read_value: Read) -> Read:
    def read(value: Any) -> Any:
        given = _mapping(value)
        odd = [key for key in given if not isinstance(key, str)]
        if odd:
            raise Misfit(*(Flaw(code=WRONG_TYPE, message=f"the key {key!r} is not text") for key in odd))
        return _collected((key, read_value, each) for key, each in given.items())

    return read


def _collected(steps: Iterable[tuple[Any, Read, Any]]) -> dict[Any, Any]:
    """What readers make of values, by key. Raises Misfit with the flaws of all of them."""
    made: dict[Any, Any] = {}
    flaws: tuple[Flaw, ...] = ()
    for key, read, value in steps:
        try:
            made[key] = read(value)
        except Misfit as misfit:
            flaws += misfit.under(key)
    if flaws:
        raise Misfit(*flaws)
    return made


def _unknown(key: Any, known: Iterable[str]) -> Flaw:
    return Flaw(code=UNKNOWN_FIELD, path=(str(key),), value=key, known=tuple(known))


def _misfit(value: Any, wanted: str, code: str = WRONG_TYPE) -> Misfit:
    return Misfit(Flaw(code=code, value=value, wanted=wanted))


def _plain_object(value: Any) -> dict[str, Any]:
    table = _table(cast(Any, type(value)))
    names = {cls: member for member, cls in table.members.items()}
    data: dict[str, Any] = {}
    for field in table.fields:
        each = getattr(value, field.name)
        if field.name == REST or each is None or _is_evident(field, each):
            continue
        if field.name == table.folded:
            data |= {names[type(item)]: plain(item) for item in each}
            continue
        *outer, last = json_name(field).split(".")
        holder = data
        for step in outer:
            holder = holder.setdefault(step, {})
        holder[last] = plain(each)
    rest: dict[str, Any] = plain(getattr(value, REST, {}))
    return data | rest


def _is_evident(field: attrs.Attribute[Any], value: Any) -> bool:
    """Whether a field is as it is by default; objects are written out all the same."""
    return not attrs.has(type(value)) and bool(value == default_of(field))


_LEAVES: dict[Any, _Leaf] = {
    **{kind: _Leaf(_exactly(kind, wanted), lambda value: value) for kind, wanted in _WORDS.items()},
    MacAddress: _Leaf(_address(MacAddress.parse), lambda mac: mac.spelling),
    PciAddress: _Leaf(_address(PciAddress.parse), str),
}
