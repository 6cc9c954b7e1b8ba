"""Scalars: how the text of one attribute or element stands for one value."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from kvnet.values import MacAddress, Number

__all__ = ["Choice", "Hex", "Int", "Mac", "OnOff", "Scalar", "Text", "Token", "YesNo"]

T = TypeVar("T")

# What XML 1.0 can carry (production 2, Char); all else has no spelling at all, not even as &#...;
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Scalar(Generic[T]):
    """One type of text. ``plain`` promises that what ``format`` gives never needs escaping."""

    plain = True

    def parse(self, text: str) -> T:
        """The value that ``text`` stands for. Raises ValueError with the reason."""
        raise NotImplementedError

    def format(self, value: T) -> str:
        """The text that stands for ``value``."""
        return str(value)

    def check(self, value: Any) -> None:
        """Raise ValueError with the reason where ``value`` has no text of this type."""
        self.parse(self.format(value))


@frozen
class Text(Scalar[str]):
    """Any text that XML can carry."""

    plain = False

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        bad = _UNWRITABLE.search(value)
        if bad:
            raise ValueError(f"{value!r} has the character {bad.group()!r}, which XML cannot carry")


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@frozen
class Token(Scalar[str]):
    """Text of one pattern; the pattern must not let ``< & ' "`` or a control character through."""

    pattern: re.Pattern[str] = field(default=r"[a-zA-Z0-9_.:\-]+", converter=_compiled)

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValueError(f"{value!r} does not match {self.pattern.pattern}")


@frozen
class Int(Scalar[int]):
    """A decimal integer within bounds, both included."""

    low: int = 0
    high: int = 2**63 - 1

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
            raise ValueError(f"'{text}' is not a whole number")
        value = int(text)
        self.check(value)
        return value if str(value) == text else Number.spelled(value, text)

    def check(self, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is not a whole number")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is not between {self.low} and {self.high}")


@frozen
class Hex(Scalar[int]):
    """An integer that libvirt writes as ``0x`` and ``digits`` hexadecimal digits, and reads in any base."""

    digits: int
    high: int

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20}", text):
            raise ValueError(f"'{text}' is not a number such as {self.format(self.high)}")
        value = int(text, 16 if text[1:2] in ("x", "X") else 8 if text.startswith("0") else 10)
        self.check(value)
        return value if self.format(value) == text else Number.spelled(value, text)

    def format(self, value: int) -> str:
        return str(value) if isinstance(value, Number) else f"0x{value:0{self.digits}x}"

    def check(self, value: Any) -> None:
        if not isinstance(value, int) or not 0 <= value <= self.high:
            raise ValueError(f"{value!r} is not between 0 and {self.high:#x}")


@frozen
class Mac(Scalar[MacAddress]):
    """A MAC address, written as it was spelled."""

    plain = False

    def parse(self, text: str) -> MacAddress:
        return MacAddress.parse(text)

    def format(self, value: MacAddress) -> str:
        return value.spelling

    def check(self, value: Any) -> None:
        if not isinstance(value, MacAddress):
            raise ValueError(f"{value!r} is not a MacAddress")


@frozen(init=False)
class Choice(Scalar[str]):
    """One of a few words."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        self.__attrs_init__(words)

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if value not in self.words:
            raise ValueError(f"{value!r} is none of {', '.join(self.words)}")


@frozen
class _Flag(Scalar[bool]):
    true: str
    false: str

    def parse(self, text: str) -> bool:
        if text not in (self.true, self.false):
            raise ValueError(f"'{text}' is neither {self.true} nor {self.false}")
        return text == self.true

    def format(self, value: bool) -> str:
        return self.true if value else self.false

    def check(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither True nor False")


def YesNo() -> Scalar[bool]:  # noqa: N802 - stands beside the classes in declarations
    """A flag spelled ``yes`` or ``no``."""
    return _Flag("yes", "no")


def OnOff() -> Scalar[bool]:  # noqa: N802
    """A flag spelled ``on`` or ``off``."""
    return _Flag("on", "off")
