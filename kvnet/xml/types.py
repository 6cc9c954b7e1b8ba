"""The types of attributes and texts: how libvirt spells their values, and which values it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, ip_address
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from kvnet.values import MacAddress, Number

__all__ = [
    "ABSOLUTE_PATH",
    "ALIAS",
    "BRIDGE_NAME",
    "DEVICE_NAME",
    "UUID",
    "Choice",
    "Flag",
    "Hex",
    "Int",
    "Ip",
    "Mac",
    "OnOff",
    "Present",
    "Scalar",
    "Text",
    "Token",
    "YesNo",
    "cached",
    "escape",
]

T = TypeVar("T")

# all but what XML 1.0 can carry (production 2, Char); it cannot be written as &#...; either. A negated set of what it
# can carry takes ten times as long to compile.
_UNWRITABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ANY = r"(?s:.*)"
_SPECIAL = re.compile("[&<>'\"\t\n\r]")
_REFERENCES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "'": "&apos;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def escape(text: str) -> str:
    """Text as it is written in an attribute or between tags.

    >>> escape("a < b")
    'a &lt; b'
    """
    return text.translate(_REFERENCES) if _SPECIAL.search(text) else text


class Scalar(Generic[T]):
    """One type of text.

    ``code`` is the expression that generated writers put into an f-string for a value ``{v}``; ``{format}`` stands
    for the scalar's own method, and ``escape`` for the function. ``sound`` is an expression that is true only if
    ``check`` would pass; it is tried first, because it is faster. ``{scalar}`` stands for the scalar, ``{own.X}`` for
    a number of it. ``is_cached`` tells readers and writers to remember values and texts, for types of which documents
    repeat a few.
    """

    code = "{format}({v})"
    sound = ""
    is_cached = False

    def parse(self, text: str) -> T:
        """The value that ``text`` stands for. Raises ValueError with the reason."""
        raise NotImplementedError

    def format(self, value: T) -> str:
        """The text that stands for ``value``, not escaped."""
        return str(value)

    def check(self, value: Any) -> None:
        """Raise ValueError with the reason if ``value`` has no text of this type."""
        raise NotImplementedError

    def describe(self) -> str:
        """The values in a few words."""
        raise NotImplementedError

    def since(self, value: T) -> str:
        """The first release of libvirt that knows the value, if it is newer than the field; else empty."""
        return ""


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@frozen
class Text(Scalar[str]):
    """Any text that XML can carry and that matches ``pattern``."""

    code = "escape({v})"
    pattern: re.Pattern[str] = field(default=_ANY, converter=_compiled)

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
    """Text that matches a pattern which admits no character that would have to be escaped.

    ``newer`` has the words that are younger than the field, with the release of libvirt that came with each.
    """

    code = "{v}"
    sound = "{v}.__class__ is str and {scalar}.pattern.fullmatch({v})"
    pattern: re.Pattern[str] = field(default=r"[a-zA-Z0-9_.:\-]+", converter=_compiled)
    newer: Mapping[str, str] = field(factory=dict, hash=False)

    def describe(self) -> str:
        return f"`{self.pattern.pattern}`"

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text")
        if not self.pattern.fullmatch(value):
            raise ValueError(f"{value!r} does not match {self.pattern.pattern}")

    def since(self, value: str) -> str:
        return self.newer.get(value, "")


@frozen
class Mac(Scalar[MacAddress]):
    """A MAC address, written as it was spelled. libvirt reads unicast addresses with colons."""

    code = "{v}.spelling"
    sound = "{v}.__class__ is {scalar}.kind"
    kind = MacAddress

    def describe(self) -> str:
        return "a MAC address"

    def parse(self, text: str) -> MacAddress:
        mac = MacAddress.parse(text)
        if mac.octets[0] & 1 or text[2::3] != ":::::":
            raise ValueError(f"'{text}' is not a unicast MAC address such as 52:54:00:12:34:56")
        return mac

    def format(self, value: MacAddress) -> str:
        return value.spelling

    def check(self, value: Any) -> None:
        if not isinstance(value, MacAddress):
            raise ValueError(f"{value!r} is not a MacAddress")


@frozen
class Ip(Scalar[str]):
    """An IPv4 or IPv6 address as text, in any spelling; ``only4`` excludes IPv6."""

    code = "{v}"
    only4: bool = False

    def describe(self) -> str:
        return "an IPv4 address" if self.only4 else "an IP address"

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if not isinstance(value, str) or "%" in value:
            raise ValueError(f"{value!r} is not {self.describe()}")
        try:
            IPv4Address(value) if self.only4 else ip_address(value)
        except ValueError:
            raise ValueError(f"{value!r} is not {self.describe()}") from None


@frozen(init=False)
class Choice(Scalar[str]):
    """One of a few words; ``newer`` has the releases of libvirt that came with those younger than the field."""

    code = "{v}"
    sound = "{v}.__class__ is str and {v} in {scalar}.words"
    is_cached = True
    words: tuple[str, ...]
    newer: Mapping[str, str] = field(hash=False)

    def __init__(self, *words: str, newer: Mapping[str, str] | None = None) -> None:
        self.__attrs_init__(words, newer or {})

    def describe(self) -> str:
        return ", ".join(self.words)

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        if value not in self.words:
            raise ValueError(f"{value!r} is none of {', '.join(self.words)}")

    def since(self, value: str) -> str:
        return self.newer.get(value, "")


@frozen
class Flag(Scalar[bool]):
    """A boolean, spelled with one of two words."""

    sound = "{v} is True or {v} is False"
    is_cached = True
    true: str
    false: str
    code: str = field(init=False, eq=False, repr=False)

    @code.default
    def _words(self) -> str:
        return f"'{self.true}' if {{v}} else '{self.false}'"

    def describe(self) -> str:
        return f"{self.true}, {self.false}"

    def parse(self, text: str) -> bool:
        if text not in (self.true, self.false):
            raise ValueError(f"'{text}' is neither {self.true} nor {self.false}")
        return text == self.true

    def format(self, value: bool) -> str:
        return self.true if value else self.false

    def check(self, value: Any) -> None:
        if value is not True and value is not False:
            raise ValueError(f"{value!r} is neither True nor False")


def YesNo() -> Scalar[bool]:  # noqa: N802 - stands beside the classes in declarations
    """A boolean spelled ``yes`` or ``no``."""
    return Flag("yes", "no")


def OnOff() -> Scalar[bool]:  # noqa: N802
    """A boolean spelled ``on`` or ``off``."""
    return Flag("on", "off")


@frozen
class Present(Scalar[bool]):
    """True for an attribute that can only be ``word``, or for an element that is there; otherwise the field is None."""

    sound = "{v} is True"
    word: str = ""

    def describe(self) -> str:
        return self.word or "empty"

    def parse(self, text: str) -> bool:
        if text != self.word:
            raise ValueError(f"'{text}' is not {repr(self.word) if self.word else 'empty'}")
        return True

    def format(self, value: bool) -> str:
        return self.word

    def check(self, value: Any) -> None:
        if value is not True:
            raise ValueError(f"{value!r} is not True; leave the field None instead")


@frozen
class Int(Scalar[int]):
    """A decimal integer from ``low`` to ``high``, spelled with at most ``width`` digits.

    With ``digits``, hexadecimal numbers of at most so many digits are read, too.
    """

    code = "{v}"
    sound = "{v}.__class__ is int and {own.low} <= {v} <= {own.high}"
    is_cached = True
    low: int = 0
    high: int = 2**32 - 1
    digits: int = 0
    width: int = 20

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


@frozen
class Hex(Scalar[int]):
    """An integer from 0 to ``high`` that libvirt writes as ``0x`` and ``digits`` hexadecimal digits.

    It is read in decimal, octal and hexadecimal. ``decimals`` is the highest number that libvirt's schema takes in
    decimal. Objects may hold numbers up to ``writable`` if that is higher: KubeVirt passes them on, and libvirt
    refuses them.
    """

    # numbers that remember a spelling are equal to plain ones, so a cache must not see them
    code = "v if (v := {v}).__class__ is not int else {format}(v)"
    sound = "{v}.__class__ is int and 0 <= {v} <= {own.high}"
    is_cached = True
    digits: int
    high: int
    writable: int = 0
    decimals: int = 2**32 - 1

    def describe(self) -> str:
        return f"0 to {self.high:#x}"

    def parse(self, text: str) -> int:
        # the bases of C's strtol, which libvirt reads with
        if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
            value = int(text, 16)
        elif re.fullmatch(r"0[0-7]{0,20}", text):
            value = int(text, 8)
        elif re.fullmatch(r"[1-9][0-9]{0,19}", text):
            value = int(text)
        else:
            raise ValueError(f"'{text}' is not a number such as {self.format(self.high)}")
        is_decimal = text.isdigit() and not text.startswith("0")
        if value > (min(self.high, self.decimals) if is_decimal else self.high):
            raise ValueError(f"'{text}' is too large")
        return value if self.format(value) == text else Number.spelled(value, text)

    def format(self, value: int) -> str:
        return str(value) if isinstance(value, Number) else f"0x{value:0{self.digits}x}"

    def check(self, value: Any) -> None:
        limit = self.writable or self.high
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
            raise ValueError(f"{value!r} is not between 0 and {limit:#x}")


def cached(scalar: Scalar[Any], call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a scalar, which remembers its results where the scalar asks for that."""
    return lru_cache(1024)(call) if scalar.is_cached else call


# as in libvirt's schemas, basictypes.rng
ABSOLUTE_PATH = Text(r"(/|[a-zA-Z]:\\).+")
ALIAS = Token(r"[a-zA-Z0-9_\-.]+")
BRIDGE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/ ]*")
DEVICE_NAME = Token(r"[a-zA-Z0-9_.\-\\:/]+")
UUID = Token(r"[a-fA-F0-9]{32}|[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}")
