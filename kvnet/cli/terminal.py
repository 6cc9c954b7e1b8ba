"""What a terminal can show: colours, and text that is linked to a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

__all__ = ["has_links", "is_styled"]

_PROGRAMS: Final = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio")
_TERMINALS: Final = ("xterm-kitty", "xterm-ghostty", "wezterm", "alacritty", "foot", "contour")
_VARIABLES: Final = ("WT_SESSION", "KONSOLE_VERSION", "DOMTERM")
_LEAST_VTE: Final = 5001
"""GNOME's library for terminals: the first release that shows links, and does not crash."""


def is_styled(stream: TextIO) -> bool:
    """Whether text to a stream may be in colour: it is a terminal, and neither NO_COLOR nor TERM=dumb is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def has_links(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a styled terminal that shows links (OSC 8).

    No terminal tells, so those that are known to show them are recognised by their variables. FORCE_HYPERLINK decides
    where it is set: 0 is no.
    """
    if not is_styled(stream):
        return False
    if forced := environment.get("FORCE_HYPERLINK"):
        return forced != "0"
    vte = environment.get("VTE_VERSION", "")
    return (
        any(name in environment for name in _VARIABLES)
        or environment.get("TERM_PROGRAM") in _PROGRAMS
        or environment.get("TERM") in _TERMINALS
        or (vte.isdecimal() and int(vte) >= _LEAST_VTE)
    )
