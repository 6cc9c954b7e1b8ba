"""The tables of the documentation say in words which values an attribute takes."""

from __future__ import annotations

from typing import Any

import pytest

from kvnet.xml.types import Choice, Hex, Int, Ip, Mac, OnOff, Present, Scalar, Text, Token, YesNo

DESCRIBED: dict[str, Scalar[Any]] = {
    "text": Text(),
    "`[a-z]+`": Text(r"[a-z]+"),
    "`[0-9]+`": Token(r"[0-9]+"),
    "a MAC address": Mac(),
    "an IP address": Ip(),
    "an IPv4 address": Ip(only4=True),
    "up, down": Choice("up", "down"),
    "yes, no": YesNo(),
    "on, off": OnOff(),
    "empty": Present(),
    "auto": Present(word="auto"),
    "1 to 1000": Int(1, 1000),
    "0 to 0xff": Hex(2, 0xFF),
}


@pytest.mark.parametrize(("words", "scalar"), DESCRIBED.items(), ids=DESCRIBED)
def test_values_are_described_in_a_few_words(words: str, scalar: Scalar[Any]) -> None:
    assert scalar.describe() == words
