"""Value types: text is parsed once, at the edge, and is a true type from there on."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, Self

from attrs import field, frozen

__all__ = ["MacAddress", "Number", "PciAddress", "quantity_ceil"]

_MAC_SHAPES = (
    re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})+"),
    re.compile(r"[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2})+"),
    re.compile(r"[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+"),
    re.compile(r"(?:[0-9a-fA-F]{2})+"),
)
_USUAL_MAC = re.compile("[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}")
_NUMBER = re.compile(r"[+-]?(?:0[xX])?[0-9a-fA-F]+")
_PCI = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_SCALE = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


_new: Final = object.__new__


class Number(int):
    """An integer that remembers how it was spelled, so that ``0x0A`` is written back as ``0x0A``."""

    spelling: str

    @classmethod
    def spelled(cls, value: int, spelling: str) -> Self:
        """The number and its text. Raises ValueError where the text is no number at all."""
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


def _is_spelling(_: object, __: object, text: str) -> None:
    if not any(shape.fullmatch(text) for shape in _MAC_SHAPES):
        raise ValueError(f"'{text}' is not a MAC address")


@frozen(slots=False)
class MacAddress:
    """A 48-bit MAC address. Equality is by value; ``spelling`` keeps the text it was read from."""

    octets: bytes
    spelling: str = field(eq=False, kw_only=True, validator=_is_spelling)

    @spelling.default
    def _canonical(self) -> str:
        return self.octets.hex(":")

    @classmethod
    def parse(cls, text: str) -> MacAddress:
        """Read the shapes KubeVirt reads (colons, dashes, dots, or digits alone), six octets of them.

        Raises ValueError with a reason.
        """
        return _parsed_mac(text)

    @property
    def is_group(self) -> bool:
        """Multicast or broadcast (IEEE 802: the lowest bit of the first byte)."""
        return bool(self.octets[0] & 1)

    def canonical(self) -> MacAddress:
        """The same address, spelled in lower case with colons as libvirt writes it."""
        spelling = self.spelling
        is_canonical = spelling[2] == ":" and spelling == spelling.lower()
        return self if is_canonical else MacAddress(self.octets)

    def __str__(self) -> str:
        return self.octets.hex(":")


@lru_cache(maxsize=256)
def _parsed_mac(text: str) -> MacAddress:
    """A machine's addresses are parsed again and again, from rules to devices."""
    if _USUAL_MAC.fullmatch(text):
        octets = bytes.fromhex(text.replace(":", ""))
    else:
        _is_spelling(None, None, text)
        octets = bytes.fromhex(re.sub("[:.-]", "", text))
        if len(octets) != 6:
            raise ValueError(f"'{text}' has {len(octets)} bytes, a MAC address has 6")
    made = _new(MacAddress)
    held = made.__dict__
    held["octets"] = octets
    held["spelling"] = text
    return made


@frozen(slots=False)
class PciAddress:
    """A PCI address ``dddd:bb:ss.f``. Capital digits keep their spelling, for KubeVirt copies them."""

    domain: int
    bus: int
    slot: int
    function: int

    @classmethod
    def parse(cls, text: str) -> PciAddress:
        """Read the one shape that KubeVirt admits. Raises ValueError with a reason."""
        match = _PCI.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a PCI address")
        if text == text.lower():
            domain, bus, slot, function = match.groups()
            return cls(int(domain, 16), int(bus, 16), int(slot, 16), int(function))
        return cls(*(Number.spelled(int(digits, 16), f"0x{digits}") for digits in match.groups()))

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function:x}"


@lru_cache(maxsize=1024)
def quantity_ceil(text: str) -> int:
    """The integer value of a Kubernetes quantity, rounded away from zero as ``Quantity.Value()`` does.

    Raises ValueError with a reason.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a quantity such as 2, 500m or 1Gi")
    digits, suffix = match.groups(default="")
    scale = _SCALE[suffix] if suffix in _SCALE else Decimal(f"1{suffix}")
    if not scale.is_finite() or scale.adjusted() > 30:
        raise ValueError(f"'{text}' is too large")
    value = Decimal(digits) * scale
    whole = int(value)
    return whole if whole == value else whole + (1 if value > 0 else -1)
