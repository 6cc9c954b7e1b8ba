"""Read a configuration as dnsmasq does: quotation marks, escapes, comments and commas (``option.c``)."""

from __future__ import annotations

from typing import Final

__all__ = ["LONGEST_LINE", "option_values", "read"]

LONGEST_LINE: Final = 1024
"""What dnsmasq reads of a line; the rest it takes for another line."""
_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "e": "\033", '"': '"', "\\": "\\"}
_DOTTED: Final = (1, 3, 6, 42)
_TEXT: Final = (12, 15, 66, 67)


def read(text: str) -> list[tuple[str, list[str]]]:
    """The name and the fields of each line."""
    lines = text.split("\n")
    assert all(len(line.encode()) < LONGEST_LINE for line in lines)
    return [_line(line) for line in lines if line]


def _line(line: str) -> tuple[str, list[str]]:
    name, _, value = line.partition("=")
    fields, at = [""], 0
    while at < len(value):
        sign = value[at]
        if sign == '"':
            quoted, at = _quoted(value, at + 1)
            fields[-1] += quoted
            continue
        assert sign not in "#\\;\r\t ", line
        if sign == ",":
            fields.append("")
        else:
            fields[-1] += sign
        at += 1
    return name, fields


def _quoted(value: str, at: int) -> tuple[str, int]:
    """The text up to the closing mark, and the position after it."""
    text = ""
    while value[at] != '"':
        is_escape = value[at] == "\\" and value[at + 1] in _ESCAPED
        text += _ESCAPED[value[at + 1]] if is_escape else value[at]
        at += 2 if is_escape else 1
    return text, at + 1


def option_values(text: str) -> dict[int, bytes]:
    """The DHCPv4 options that clients are sent in any case, by their codes."""
    found: dict[int, bytes] = {}
    for name, fields in read(text):
        if name == "dhcp-option-force":
            code = int(fields[0])
            assert code not in found
            found[code] = _value(code, fields[1:])
    return found


def _value(code: int, fields: list[str]) -> bytes:
    if code in _DOTTED:
        return b"".join(bytes(map(int, each.split("."))) for each in fields)
    if code == 119:
        return b"".join(_labels(each) for each in fields)
    if code in _TEXT or not fields:
        return "".join(fields).encode()
    (value,) = fields
    return (
        bytes([int(value[:-1])]) if value.endswith("b") and ":" not in value else bytes.fromhex(value.replace(":", ""))
    )


def _labels(domain: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in domain.split(".")) + b"\0"
