"""Numbers as libvirt spells and reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from kvnet.values import Number
from kvnet.xml.scalars import Scalar

__all__ = ["Hex", "Int"]

_RECALLED = 512


@frozen
class Int(Scalar[int]):
    """A decimal integer within bounds, both included, of at most ``width`` digits as it is spelled.

    ``digits`` allows hexadecimals of as many, too.
    """

    recurs = True
    low: int = 0
    high: int = 2**32 - 1
    digits: int = 0
    width: int = 20

    def sound(self, value: str, scalar: str) -> str:
        return f"{value}.__class__ is int and {self.low} <= {value} <= {self.high}"

    def text(self, value: str, scalar: str) -> str:
        return value

    def describe(self) -> str:
        return f"{self.low} to {self.high}"

    def parse(self, text: str) -> int:
        if self.digits and re.fullmatch(f"0x[0-9a-fA-F]{{1,{self.digits}}}", text):
            value = int(text, 16)
        elif re.fullmatch(rf" *[+-]?[0-9]{{1,{self.width}}} *", text):
            value = int(text)
        else:
            raise ValueError(f"'{text}' is not a whole number")
        self.check(value)
        return value if str(value) == text else Number.spelled(value, text)

    def check(self, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a whole number")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is not between {self.low} and {self.high}")


class _Spelled(dict[int, str]):
    """Hexadecimal texts of at least so many digits; the few numbers that most addresses have are remembered."""

    def __init__(self, digits: int) -> None:
        super().__init__()
        self._digits = digits

    def __missing__(self, value: int) -> str:
        text = f"0x{value:0{self._digits}x}"
        if len(self) < _RECALLED:
            self[value] = text
        return text


@frozen
class Hex(Scalar[int]):
    """An integer that libvirt writes as ``0x`` and ``digits`` hexadecimal digits, and reads in any base.

    An object may hold up to ``writable``, where others hand on what libvirt then refuses. Spelled as a decimal,
    ``decimals`` is the most that libvirt's schema takes.
    """

    recurs = True
    digits: int
    high: int
    writable: int = 0
    decimals: int = 2**32 - 1
    spelled: Mapping[int, str] = field(init=False, eq=False, repr=False)
    """The texts of the numbers that are spelled as libvirt does."""

    @spelled.default
    def _spelled(self) -> Mapping[int, str]:
        return _Spelled(self.digits)

    def sound(self, value: str, scalar: str) -> str:
        return f"{value}.__class__ is int and 0 <= {value} <= {self.limit}"

    def text(self, value: str, scalar: str) -> str:
        return f"v if type(v := {value}) is not int else {scalar}.spelled[v]"

    def describe(self) -> str:
        return f"0 to {self.high:#x}"

    def parse(self, text: str) -> int:
        # the bases of C's strtol, by which libvirt goes
        if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
            value = int(text, 16)
        elif re.fullmatch(r"0[0-7]{0,20}", text):
            value = int(text, 8)
        elif re.fullmatch(r"[1-9][0-9]{0,19}", text):
            value = int(text)
        else:
            raise ValueError(f"'{text}' is not a number such as {self.format(self.high)}")
        decimal = text.isdigit() and not text.startswith("0")
        if value > (min(self.high, self.decimals) if decimal else self.high):
            raise ValueError(f"'{text}' is more than it may be")
        return value if self.format(value) == text else Number.spelled(value, text)

    def format(self, value: int) -> str:
        return str(value) if isinstance(value, Number) else self.spelled[value]

    @property
    def limit(self) -> int:
        return self.writable or self.high

    def check(self, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= self.limit:
            raise ValueError(f"{value!r} is not between 0 and {self.limit:#x}")
