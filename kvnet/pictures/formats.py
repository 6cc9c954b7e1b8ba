"""The formats of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kvnet.pictures.html import as_html
from kvnet.pictures.mermaid import as_mermaid
from kvnet.pictures.svg import as_svg
from kvnet.pictures.text import as_text

__all__ = ["FORMATS"]

FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "svg": as_svg,
    "html": as_html,
}
"""For each format, the function that draws any number of pictures in it."""
