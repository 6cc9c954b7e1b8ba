"""Values that text is parsed into once, when it is read: MAC and PCI addresses, numbers, quantities, releases."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, Self

from attrs import Attribute, field, frozen

from kvnet._arguments import checked, refusal

__all__ = [
    "ARCHITECTURES",
    "DNS_LABEL",
    "DNS_NAME",
    "LONGEST_DNS_NAME",
    "NODE_ARCHITECTURES",
    "MacAddress",
    "Number",
    "PciAddress",
    "ip_of",
    "is_release",
    "nic_mac",
    "on_one_line",
    "printable",
    "printable_json",
    "quantity_ceil",
    "quantity_milli",
    "quantity_text",
    "release",
]

ARCHITECTURES: Final = ("amd64", "arm64", "s390x")
"""The architectures that KubeVirt runs guests of, in Kubernetes' words."""
NODE_ARCHITECTURES: Final = frozenset(
    (*ARCHITECTURES, "386", "arm", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64")
)
"""Kubernetes' words for all architectures that its nodes may have: Go's names of those of Linux."""

DNS_LABEL: Final = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A label of a domain name (RFC 1123), as Kubernetes demands it."""
DNS_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
"""A domain name of any length, as Kubernetes demands it for the names of most objects."""
LONGEST_DNS_NAME: Final = 253

_MAC_SHAPES = (
    re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+"),
    re.compile(r"[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2})+"),
    re.compile(r"[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+"),
    re.compile(r"(?:[0-9a-fA-F]{2})+"),
)
_NUMBER = re.compile(r"[+-]?(?:0[xX])?[0-9a-fA-F]+")
_PCI = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")
_NEARLY_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKmMgGtTpP])(i?)[bB]?")
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_SCALE = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}
_LONGEST_QUANTITY = 64
_LARGEST_SCALE = 30
"""The largest exponent that is read; Kubernetes itself holds no number of more than 64 bits."""
_LARGEST_EXPONENT = 99
_EXACT = Context(prec=200)
"""Holds every digit of the longest quantity, times the largest scale."""

_RELEASE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9}){0,2})(?:[-+~ ].*)?")
_SHORT_DIGITS = 18
"""Up to so many digits, Go holds a quantity as an integer and a power of ten."""

_new: Final = object.__new__
_ZEROS: Final = bytes(6)


class Number(int):
    """An integer that remembers how it was spelled, so that ``0x0A`` is written back as ``0x0A``."""

    spelling: str

    @classmethod
    def spelled(cls, value: int, spelling: str) -> Self:
        """A number with its text. Raises ValueError if the text is no number."""
        if not _NUMBER.fullmatch(spelling):
            raise ValueError(f"{spelling!r} is not a number")
        number = cls(value)
        number.spelling = spelling
        return number

    def __str__(self) -> str:
        return self.spelling

    __repr__ = __str__

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self).spelled, (int(self), self.spelling))


def _octets_of(text: str) -> bytes:
    if not any(shape.fullmatch(text) for shape in _MAC_SHAPES):
        raise ValueError(f"'{text}' is not a MAC address")
    return bytes.fromhex(re.sub("[:.-]", "", text))


def _are_octets(_: object, __: object, octets: Any) -> None:
    if not isinstance(octets, bytes):
        raise TypeError(f"a MacAddress is made of six bytes, not {octets!r}; MacAddress.parse reads text")
    if len(octets) != 6:
        raise ValueError(f"{octets!r} has {len(octets)} bytes, a MAC address has 6")


def _is_spelling(mac: MacAddress, _: object, text: str) -> None:
    checked(text, str, "the spelling of a MAC address as text", "leave it out, or use MacAddress.parse")
    if _octets_of(text) != mac.octets:
        raise ValueError(f"'{text}' is not a spelling of {mac}")


@frozen(slots=False, repr=False)
class MacAddress:
    """A 48-bit MAC address. Equality is by value; ``spelling`` keeps the text it was read from.

    >>> MacAddress.parse("52-54-00-AB-CD-EF") == MacAddress(bytes([0x52, 0x54, 0, 0xAB, 0xCD, 0xEF]))
    True
    """

    octets: bytes = field(validator=_are_octets)
    spelling: str = field(eq=False, kw_only=True, validator=_is_spelling)

    @spelling.default
    def _canonical(self) -> str:
        return self.octets.hex(":") if isinstance(self.octets, bytes) else ""

    @classmethod
    def parse(cls, text: str) -> MacAddress:
        """Read the forms that KubeVirt reads: six octets with colons, dashes, dots, or digits alone.

        Raises ValueError with the reason, and TypeError for what is not text.
        """
        try:
            return _parsed_mac(text)
        except (AttributeError, TypeError):
            raise refusal(text, "the text of a MAC address", "write it like '52:54:00:00:00:01'") from None

    @property
    def is_group(self) -> bool:
        """Multicast or broadcast (IEEE 802: the lowest bit of the first byte)."""
        return bool(self.octets[0] & 1)

    @property
    def is_zero(self) -> bool:
        """All bits are 0: no address of any NIC."""
        return self.octets == _ZEROS

    def canonical(self) -> MacAddress:
        """The same address, spelled in lower case with colons as libvirt writes it."""
        spelling = self.spelling
        is_canonical = spelling[2] == ":" and spelling == spelling.lower()
        return self if is_canonical else MacAddress(self.octets)

    def __str__(self) -> str:
        return self.octets.hex(":")

    def __repr__(self) -> str:
        return f"MacAddress.parse({self.spelling!r})"


def nic_mac(text: str) -> MacAddress:
    """The MAC address that a text gives to one link. Raises ValueError for no address, one of a group, and zeros.

    >>> nic_mac("52-54-00-00-00-01").canonical().spelling
    '52:54:00:00:00:01'
    """
    mac = MacAddress.parse(text)
    if mac.is_group:
        raise ValueError(f"{text} is a group address, which no link can have")
    if mac.is_zero:
        raise ValueError(f"{text} is all zeros, which no link can have")
    return mac


@lru_cache(maxsize=256)
def _parsed_mac(text: str) -> MacAddress:
    """The address of a text. A machine's few addresses are parsed by rules, compiler and devices in turn."""
    # to spell the usual form again takes two thirds of the time that a pattern takes: 0.3 % of JSON to XML
    try:
        octets = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != 6 or octets.hex(":") != text:
        octets = _octets_of(text)
        if len(octets) != 6:
            raise ValueError(f"'{text}' has {len(octets)} bytes, a MAC address has 6")
    made = _new(MacAddress)
    held = made.__dict__
    held["octets"] = octets
    held["spelling"] = text
    return made


def _at_most(limit: int) -> Callable[[object, Attribute[int], int], None]:
    def check(_: object, part: Attribute[int], value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"the {part.name} of a PCI address is a number, not {value!r}")
        if not 0 <= value <= limit:
            raise ValueError(f"the {part.name} {value} of a PCI address is not between 0 and {limit:#x}")

    return check


@frozen(slots=False, repr=False)
class PciAddress:
    """A PCI address ``dddd:bb:ss.f``, as KubeVirt admits it; libvirt refuses slots above 0x1f.

    Capital digits keep their spelling, for KubeVirt copies them.

    >>> str(PciAddress(0, 0x81, 1, 2))
    '0000:81:01.2'
    """

    domain: int = field(validator=_at_most(0xFFFF))
    bus: int = field(validator=_at_most(0xFF))
    slot: int = field(validator=_at_most(0xFF))
    function: int = field(validator=_at_most(7))

    @classmethod
    def parse(cls, text: str) -> PciAddress:
        """Read the one form that KubeVirt admits.

        Raises ValueError with the reason, and TypeError for what is not text.
        """
        try:
            match = _PCI.fullmatch(text)
        except TypeError:
            raise refusal(text, "the text of a PCI address", "write it like '0000:05:00.0'") from None
        if match is None:
            raise ValueError(f"'{text}' is not a PCI address")
        if text != text.lower():
            return cls(*(Number.spelled(int(digits, 16), f"0x{digits}") for digits in match.groups()))
        domain, bus, slot, function = match.groups()
        # the pattern is stricter than the validators, which would take half of the time
        made = _new(cls)
        held = made.__dict__
        held["domain"], held["bus"] = int(domain, 16), int(bus, 16)
        held["slot"], held["function"] = int(slot, 16), int(function)
        return made

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function:x}"

    def __repr__(self) -> str:
        return f"PciAddress.parse({str(self)!r})"


def on_one_line(text: str) -> str:
    """A text on one line: what no format can hold, or what a terminal would obey, is replaced.

    >>> on_one_line("web\\nport=53").isprintable()
    True
    """
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def printable(text: str) -> str:
    """A text in which what a terminal or a log would obey is spelled out: control characters, line ends, bidi marks.

    >>> printable("a\\nb\\x1b[31m")
    'a\\\\nb\\\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def printable_json(text: str) -> str:
    """The text of a JSON value in which what a terminal would obey is escaped; the value stays the same.

    >>> printable_json('"a\\u202eb"')
    '"a\\\\u202eb"'
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(each if each == "\n" or each.isprintable() else _json_escape(each) for each in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def ip_of(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address of a text, as Go's net.ParseIP reads it, or nothing: a zone is refused, and an IPv4-mapped IPv6
    address is IPv4.

    >>> ip_of("::ffff:10.0.2.1")
    IPv4Address('10.0.2.1')
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id is not None else address.ipv4_mapped or address


@lru_cache(maxsize=1024)
def quantity_ceil(text: str) -> int:
    """The integer value of a Kubernetes quantity, rounded away from zero as ``Quantity.Value()`` does.

    Values beyond 64 bits, which Kubernetes admits but caps or cuts off, are given in full. Raises ValueError with the
    reason, also for a text of more than 64 characters.
    """
    return _away_from_zero(_decimal(text))


@lru_cache(maxsize=1024)
def quantity_milli(text: str) -> int:
    """The thousandths of a Kubernetes quantity, rounded away from zero as ``Quantity.MilliValue()`` does.

    What 64 bits cannot hold is 0 for a number of up to 18 digits, and otherwise loses its upper bits, as in Go. Raises
    ValueError as ``quantity_ceil`` does.

    >>> quantity_milli("1.5")
    1500
    """
    milli = _away_from_zero(_EXACT.scaleb(_decimal(text), 3))
    if -(2**63) <= milli < 2**63:
        return milli
    is_short = not text.endswith("i") and len(re.sub(r"[eE].*|[^0-9]", "", text)) <= _SHORT_DIGITS
    return 0 if is_short else (milli + 2**63) % 2**64 - 2**63


def _decimal(text: str) -> Decimal:
    if len(text) > _LONGEST_QUANTITY:
        raise ValueError(f"a quantity of {len(text)} characters is longer than {_LONGEST_QUANTITY}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a quantity{_meant_quantity(text)}")
    digits, suffix = match.groups(default="")
    scale = _SCALE[suffix] if suffix in _SCALE else _power_of_ten(suffix)
    if scale.adjusted() > _LARGEST_SCALE:
        raise ValueError(f"'{text}' is too large")
    return _EXACT.multiply(Decimal(digits), scale)


def _meant_quantity(text: str) -> str:
    """How a message goes on about a quantity that is written in another way: with a byte, a blank or a small letter."""
    match = _NEARLY_QUANTITY.fullmatch(text)
    if match is None:
        return " such as 2, 500m or 1Gi"
    number, prefix, binary = match.groups()
    decimal = "" if binary else f"{number}{'k' if prefix in 'kK' else prefix.upper()} or "
    return f": write {decimal}{number}{prefix.upper()}i"


def _away_from_zero(value: Decimal) -> int:
    whole = int(value)
    return whole if whole == value else whole + (1 if value > 0 else -1)


def _power_of_ten(suffix: str) -> Decimal:
    """The scale of an exponent such as ``e3``; exponents that leave nothing, or too much, count as 99."""
    exponent = int(suffix[1:] or 0)
    return Decimal((0, (1,), max(-_LARGEST_EXPONENT, min(exponent, _LARGEST_EXPONENT))))


def quantity_text(quantity: object) -> str:
    """The text of a quantity that may be a number. Of one that Python does not print, it is no quantity."""
    try:
        return str(quantity)
    except ValueError:
        return "a number of more than 4300 digits"


def is_release(text: str) -> bool:
    """Whether a text begins as a release of libvirt or QEMU does: with one to three numbers, and dots between them."""
    return _RELEASE.fullmatch(text) is not None


def release(text: str) -> tuple[int, ...]:
    """The three numbers of a release of libvirt or QEMU; what a distribution writes after them is left out.

    Raises ValueError for what is not written like ``9.0.0``, and TypeError for what is not text.

    >>> release("10.6.0"), release("9"), release("7.2.22 (Debian 1:7.2+dfsg-7)")
    ((10, 6, 0), (9, 0, 0), (7, 2, 22))
    """
    if not isinstance(text, str):
        raise TypeError(f"a release is a text such as '9.0.0', not {text!r}")
    return _numbers_of(text)


@lru_cache(maxsize=256)
def _numbers_of(text: str) -> tuple[int, ...]:
    """The numbers of a release; every NIC of a fleet is compared with the same few."""
    match = _RELEASE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a release: write it like 9.0.0")
    return (*map(int, match[1].split(".")), 0, 0)[:3]
