"""Scalars: how the text of one attribute or element stands for one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from kvnet.values import MacAddress

__all__ = [
    "Choice",
    "Flag",
    "Ip",
    "Mac",
    "OnOff",
    "Present",
    "Scalar",
    "Text",
    "Token",
    "YesNo",
]

T = TypeVar("T")

# What XML 1.0 can carry (production 2, Char); all else has no spelling at all, not even as &#...;
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ANY = r"(?s:.*)"
_UNICAST = re.compile("[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}")


class Scalar(Generic[T]):
    """One type of text.

    ``plain`` promises that what ``format`` gives never needs escaping, and ``recurs`` tells that documents have
    the same few texts again and again, so that their values are worth remembering.
    """

    plain = True
    recurs = False

    def parse(self, text: str) -> T:
        """The value that ``text`` stands for. Raises ValueError with the reason."""
        raise NotImplementedError

    def format(self, value: T) -> str:
        """The text that stands for ``value``."""
        return str(value)

    def check(self, value: Any) -> None:
        """Raise ValueError with the reason where ``value`` has no text of this type."""
        self.parse(self.format(value))

    def sound(self, value: str, scalar: str) -> str | None:
        """Code, of locals of these names, that is true where ``check`` would surely pass; ``None`` asks ``check``."""
        return None

    def text(self, value: str, scalar: str) -> str:
        """Code for what ``format`` gives, to stand in an f-string; its own quotes are double ones."""
        return f"{scalar}.format({value})"

    def describe(self) -> str:
        """The values in a few words."""
        raise NotImplementedError

    def since(self, value: T) -> str:
        """The release of libvirt from which on the value is known, where it is younger than its field."""
        return ""


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@frozen
class Text(Scalar[str]):
    """Any text that XML can carry, or of it what matches ``pattern``."""

    plain = False
    pattern: re.Pattern[str] = field(default=_ANY, converter=_compiled)

    def text(self, value: str, scalar: str) -> str:
        return value

    def describe(self) -> str:
        return "text" if self.pattern.pattern == _ANY else f"`{self.pattern.pattern}`"

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        bad = _UNWRITABLE.search(value)
        if bad:
            raise ValueError(f"{value!r} has the character {bad.group()!r}, which XML cannot carry")
        if not self.pattern.fullmatch(value):
            raise ValueError(f"{value!r} does not match {self.pattern.pattern}")


@frozen
class Token(Scalar[str]):
    """Text of one pattern; the pattern must not let ``< & ' "`` or a control character through."""

    pattern: re.Pattern[str] = field(default=r"[a-zA-Z0-9_.:\-]+", converter=_compiled)
    newer: Mapping[str, str] = field(factory=dict, hash=False)
    """Words that are younger than the field, with their releases."""

    def sound(self, value: str, scalar: str) -> str:
        return f"{value}.__class__ is str and {scalar}.pattern.fullmatch({value})"

    def text(self, value: str, scalar: str) -> str:
        return value

    def describe(self) -> str:
        return f"`{self.pattern.pattern}`"

    def parse(self, text: str) -> str:
        if self.pattern.fullmatch(text):
            return text
        raise ValueError(f"{text!r} does not match {self.pattern.pattern}")

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        self.parse(value)

    def since(self, value: str) -> str:
        return self.newer.get(value, "")


@frozen
class Mac(Scalar[MacAddress]):
    """A MAC address, written as it was spelled; libvirt reads those of one station, with colons."""

    kind = MacAddress

    def sound(self, value: str, scalar: str) -> str:
        return f"{value}.__class__ is {scalar}.kind"

    def text(self, value: str, scalar: str) -> str:
        return f"{value}.spelling"

    def describe(self) -> str:
        return "a MAC address"

    def parse(self, text: str) -> MacAddress:
        if not _UNICAST.fullmatch(text):
            raise ValueError(f"'{text}' is not the MAC address of one NIC, such as 52:54:00:12:34:56")
        return MacAddress(bytes.fromhex(text.replace(":", "")), spelling=text)

    def format(self, value: MacAddress) -> str:
        return value.spelling

    def check(self, value: Any) -> None:
        if not isinstance(value, MacAddress):
            raise ValueError(f"{value!r} is not a MacAddress")


@frozen
class Ip(Scalar[str]):
    """An IPv4 or IPv6 address as text, in any spelling of it; ``only4`` leaves out IPv6."""

    only4: bool = False

    def text(self, value: str, scalar: str) -> str:
        return value

    def describe(self) -> str:
        return "an IPv4 address" if self.only4 else "an IP address"

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        kind = "an IPv4 address" if self.only4 else "an IP address"
        if not isinstance(value, str) or "%" in value:
            raise ValueError(f"{value!r} is not {kind}")
        try:
            IPv4Address(value) if self.only4 else ip_address(value)
        except (AddressValueError, ValueError):
            raise ValueError(f"{value!r} is not {kind}") from None


@frozen(init=False)
class Choice(Scalar[str]):
    """One of a few words; ``newer`` has the releases of those that are younger than the field."""

    recurs = True
    words: tuple[str, ...]
    newer: Mapping[str, str] = field(hash=False)

    def __init__(self, *words: str, newer: Mapping[str, str] | None = None) -> None:
        self.__attrs_init__(words, newer or {})

    def sound(self, value: str, scalar: str) -> str:
        return f"{value}.__class__ is str and {value} in {self.words}"

    def text(self, value: str, scalar: str) -> str:
        return value

    def describe(self) -> str:
        return ", ".join(self.words)

    def parse(self, text: str) -> str:
        if text in self.words:
            return text
        raise ValueError(f"{text!r} is none of {', '.join(self.words)}")

    def check(self, value: Any) -> None:
        self.parse(value)

    def since(self, value: str) -> str:
        return self.newer.get(value, "")


@frozen
class Flag(Scalar[bool]):
    """A truth, in two words."""

    recurs = True
    true: str
    false: str

    def sound(self, value: str, scalar: str) -> str:
        return f"{value} is True or {value} is False"

    def text(self, value: str, scalar: str) -> str:
        return f'"{self.true}" if {value} else "{self.false}"'

    def describe(self) -> str:
        return f"{self.true}, {self.false}"

    def parse(self, text: str) -> bool:
        if text == self.true:
            return True
        if text == self.false:
            return False
        raise ValueError(f"'{text}' is neither {self.true} nor {self.false}")

    def format(self, value: bool) -> str:
        return self.true if value else self.false

    def check(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither True nor False")


def YesNo() -> Scalar[bool]:  # noqa: N802 - stands beside the classes in declarations
    """A flag spelled ``yes`` or ``no``."""
    return Flag("yes", "no")


def OnOff() -> Scalar[bool]:  # noqa: N802
    """A flag spelled ``on`` or ``off``."""
    return Flag("on", "off")


@frozen
class Present(Scalar[bool]):
    """True, in its one word, or for an element that is there and holds nothing; else the field is ``None``."""

    word: str = ""

    def sound(self, value: str, scalar: str) -> str:
        return f"{value} is True"

    def text(self, value: str, scalar: str) -> str:
        return f'"{self.word}"'

    def describe(self) -> str:
        return self.word or "empty"

    def parse(self, text: str) -> bool:
        if text != self.word:
            raise ValueError(f"'{text}' stands where {repr(self.word) if self.word else 'nothing'} should")
        return True

    def format(self, value: bool) -> str:
        return self.word

    def check(self, value: Any) -> None:
        if value is not True:
            raise ValueError(f"{value!r} is not True; leave the field None instead")
