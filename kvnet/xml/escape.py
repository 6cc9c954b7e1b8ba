"""Text as XML has it."""

from __future__ import annotations

import re

__all__ = ["escape"]

_SPECIAL = re.compile("[&<>'\"\t\n\r]")
_REFERENCES = {
    ord(character): reference
    for character, reference in [
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("'", "&apos;"),
        ('"', "&quot;"),
        ("\t", "&#9;"),
        ("\n", "&#10;"),
        ("\r", "&#13;"),
    ]
}


def escape(text: str) -> str:
    """Text as it may stand in an attribute or an element."""
    return text.translate(_REFERENCES) if _SPECIAL.search(text) else text
