"""Rulesets of nftables as values: commands, a text for ``nft -f``, libnftables' JSON, and what they forward."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from attrs import field, frozen

__all__ = [
    "Action",
    "AddChain",
    "AddRule",
    "AddTable",
    "Family",
    "Forward",
    "Hook",
    "LinkName",
    "Match",
    "Operation",
    "PortSpan",
    "Ruleset",
    "Verdict",
    "checked_link_name",
    "forwards",
    "is_link_name",
]

_TABLE: Final = "nat"
_LINK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_PROTOCOLS: Final = frozenset(["ah", "comp", "dccp", "esp", "icmp", "icmpv6", "igmp", "sctp", "tcp", "udp", "udplite"])
"""What libnftables' JSON reads as a protocol wherever it stands."""
_BARE: Final = re.compile(r"(?!gc-interval$|rt[0-9]$)[A-Za-z][A-Za-z0-9_.]*[0-9-][A-Za-z0-9_.-]*")
"""Names that nft reads without quotes: keywords have neither digits nor hyphens, but for these."""
_HIGHEST_PORT: Final = 65535


class Family(StrEnum):
    """The address family of a table, in nft's words."""

    IPV4 = "ip"
    IPV6 = "ip6"


class Action(StrEnum):
    """What a rule does with a packet that it matches."""

    MASQUERADE = "masquerade"
    RETURN = "return"
    JUMP = "jump"
    SNAT = "snat"
    DNAT = "dnat"


def is_link_name(name: str) -> bool:
    """Whether a name can be that of a link, and nft reads it as nothing else: it has no quotes, blanks, ``*`` or ``;``.

    >>> is_link_name("k6t-eth0"), is_link_name("eth0; flush ruleset"), is_link_name("..")
    (True, False, False)
    """
    return _LINK_NAME.fullmatch(name) is not None and name not in (".", "..") and name not in _PROTOCOLS


def checked_link_name(_: object, __: object, name: str) -> None:
    """Validate a field of attrs. Raises ValueError for a name that ``is_link_name`` refuses."""
    if not is_link_name(name):
        raise ValueError(f"{name!r} is not the name of a link")


def _checked_port(_: object, __: object, port: int) -> None:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"a port is a number, not {port!r}")
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError(f"{port} is not a port number")


@frozen
class LinkName:
    """The name of a link. Raises ValueError for one that ``is_link_name`` refuses."""

    name: str = field(validator=checked_link_name)

    def __str__(self) -> str:
        """The name as nft reads it: in quotes where it could be a keyword or a number."""
        return self.name if _BARE.fullmatch(self.name) else f'"{self.name}"'


@frozen
class PortSpan:
    """Ports from ``first`` to ``last``; a single one has no last. Raises ValueError for what is no port number."""

    first: int = field(validator=_checked_port)
    last: int | None = field(default=None)

    @last.validator
    def _is_after_first(self, attribute: object, last: int | None) -> None:
        if last is None:
            return
        _checked_port(self, attribute, last)
        if last < self.first:
            raise ValueError(f"the range starts at {self.first}, after its end {last}")

    def __str__(self) -> str:
        return str(self.first) if self.last is None else f"{self.first}-{self.last}"


Value = LinkName | PortSpan | IPv4Address | IPv6Address
"""What a packet is compared with: nothing else gets into a ruleset."""


@frozen
class Match:
    """A condition of a rule.

    - ``key``: in nft's words, such as ``ip saddr``, ``tcp dport`` or ``iifname``
    - ``value``: one value, or a set of several
    """

    key: str
    value: Value | tuple[Value, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``nft``; a set is one of them."""
        return (*self.key.split(), _value_text(self.value))

    def as_json(self) -> dict[str, Any]:
        """The statement of libnftables' JSON."""
        protocol, _, name = self.key.rpartition(" ")
        left = {"payload": {"protocol": protocol, "field": name}} if protocol else {"meta": {"key": name}}
        return {"match": {"op": "==", "left": left, "right": _value_json(self.value)}}


def _value_text(value: Value | tuple[Value, ...]) -> str:
    return f"{{ {', '.join(map(str, value))} }}" if isinstance(value, tuple) else str(value)


def _value_json(value: Value | tuple[Value, ...]) -> Any:
    match value:
        case tuple():
            return {"set": [_value_json(each) for each in value]}
        case PortSpan(last=None):
            return value.first
        case PortSpan():
            return {"range": [value.first, value.last]}
        case LinkName():
            return value.name
        case _:
            return str(value)


@frozen
class Verdict:
    """What a rule does.

    - ``action``: with packets that match
    - ``to``: the chain that is jumped to, or the address that packets get
    """

    action: Action
    to: str | IPv4Address | IPv6Address | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``nft``."""
        if self.to is None:
            return (str(self.action),)
        return (str(self.action), *(() if self.action is Action.JUMP else ("to",)), str(self.to))

    def as_json(self) -> dict[str, Any]:
        """The statement of libnftables' JSON."""
        if self.to is None:
            return {str(self.action): None}
        return {str(self.action): {"target" if self.action is Action.JUMP else "addr": str(self.to)}}


@frozen
class Hook:
    """Where packets enter a base chain of NAT: the ``name`` of the hook, and the ``priority`` among its chains."""

    name: str
    priority: int

    def __str__(self) -> str:
        return f"type nat hook {self.name} priority {self.priority};"


@frozen(kw_only=True)
class AddTable:
    """Add the table ``nat`` of a family."""

    family: Family

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("nft", "add", "table", str(self.family), _TABLE)

    def as_json(self) -> dict[str, Any]:
        return {"table": {"family": str(self.family), "name": _TABLE}}


@frozen(kw_only=True)
class AddChain:
    """Add a chain: a base chain with a ``hook``, else one that rules jump to."""

    family: Family
    name: str
    hook: Hook | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        hook = () if self.hook is None else (f"{{ {self.hook} }}",)
        return ("nft", "add", "chain", str(self.family), _TABLE, self.name, *hook)

    def as_json(self) -> dict[str, Any]:
        chain: dict[str, Any] = {"family": str(self.family), "table": _TABLE, "name": self.name}
        if self.hook is not None:
            chain |= {"type": "nat", "hook": self.hook.name, "prio": self.hook.priority}
        return {"chain": chain}


@frozen(kw_only=True)
class AddRule:
    """Add a rule, which counts packets, to the end of a chain."""

    family: Family
    chain: str
    matches: tuple[Match, ...] = ()
    verdict: Verdict

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("nft", "add", "rule", str(self.family), _TABLE, self.chain, *self.statements)

    @property
    def statements(self) -> tuple[str, ...]:
        """What the rule says, behind the name of its chain."""
        matches = (word for each in self.matches for word in each.arguments)
        return (*matches, "counter", *self.verdict.arguments)

    def as_json(self) -> dict[str, Any]:
        expr = [*(each.as_json() for each in self.matches), {"counter": None}, self.verdict.as_json()]
        return {"rule": {"family": str(self.family), "table": _TABLE, "chain": self.chain, "expr": expr}}


Operation = AddTable | AddChain | AddRule


@frozen(kw_only=True, slots=False)
class Ruleset:
    """The tables ``nat`` of a pod, as operations in order.

    Applied as ``text`` or as JSON, a table is there whole or not at all, and once more gives the same. ``commands`` are
    for a pod that has no such table yet.
    """

    operations: tuple[Operation, ...] = ()

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """One command for each operation, as a vector of arguments: ``nft`` joins them with blanks, no shell does."""
        return tuple(each.arguments for each in self.operations)

    @cached_property
    def text(self) -> str:
        """The whole as one text for ``nft -f``, which takes the place of the tables that are there."""
        return "".join(f"{line}\n" for family in self._families for line in self._table(family))

    def as_json(self) -> dict[str, Any]:
        """The same for ``nft -j -f``, as plain data in libnftables' JSON."""
        anew = [AddTable(family=family).as_json() for family in self._families]
        operations = [
            {"metainfo": {"json_schema_version": 1}},
            *(step for table in anew for step in ({"add": table}, {"delete": table})),
            *({"add": each.as_json()} for each in self.operations),
        ]
        return {"nftables": operations}

    @property
    def _families(self) -> tuple[Family, ...]:
        return tuple(each.family for each in self.operations if isinstance(each, AddTable))

    def _table(self, family: Family) -> Iterator[str]:
        """The lines of a table; the first two delete one that is there, and add it so that there is one to delete."""
        chains = [each for each in self.operations if isinstance(each, AddChain) and each.family is family]
        yield f"add table {family} {_TABLE}"
        yield f"delete table {family} {_TABLE}"
        yield f"table {family} {_TABLE} {{"
        for chain in chains:
            yield f"  chain {chain.name} {{"
            if chain.hook is not None:
                yield f"    {chain.hook}"
            yield from (f"    {' '.join(rule.statements)}" for rule in self._rules(family, chain.name))
            yield "  }"
        yield "}"

    def _rules(self, family: Family, chain: str) -> Iterator[AddRule]:
        for each in self.operations:
            if isinstance(each, AddRule) and each.family is family and each.chain == chain:
                yield each


_INBOUND: Final = "KUBEVIRT_PREINBOUND"
"""The chain in which KubeVirt forwards what arrives at the pod."""


@frozen(kw_only=True)
class Forward:
    """Ports of the pod that lead to the guest.

    - ``to``: the guest's address
    - ``protocol``: ``tcp`` or ``udp``; ``None`` for all
    - ``ports``: one, or a range such as ``8000-8010``; ``None`` for all
    """

    to: IPv4Address | IPv6Address
    protocol: str | None = None
    ports: str | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {self.ports}" if self.ports else "all ports"


def forwards(ruleset: Ruleset) -> tuple[Forward, ...]:
    """The forwarded ports of a pod's NAT, in its order."""
    return tuple(dict.fromkeys(each for rule in ruleset.operations for each in _forwards(rule)))


def _forwards(rule: object) -> Iterator[Forward]:
    if not isinstance(rule, AddRule) or rule.chain != _INBOUND or rule.verdict.action is not Action.DNAT:
        return
    to = rule.verdict.to
    if not isinstance(to, IPv4Address | IPv6Address):
        return
    matches = [each for each in rule.matches if each.key.endswith(" dport")]
    for match in matches:
        yield from (Forward(to=to, protocol=match.key.split()[0], ports=span) for span in _spans(match))
    if not matches:
        yield Forward(to=to)


def _spans(match: Match) -> Iterator[str]:
    values = match.value if isinstance(match.value, tuple) else (match.value,)
    yield from (str(each) for each in values if isinstance(each, PortSpan))
