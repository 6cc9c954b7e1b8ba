"""Pictures of the network of a machine or a domain: from each guest NIC to what it is attached to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kvnet.pictures.html import as_html
from kvnet.pictures.machine import picture
from kvnet.pictures.mermaid import as_mermaid
from kvnet.pictures.picture import Box, Picture, Row
from kvnet.pictures.svg import as_svg
from kvnet.pictures.text import as_text

__all__ = ["FORMATS", "Box", "Picture", "Row", "picture"]

FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "text": as_text,
    "mermaid": as_mermaid,
    "svg": as_svg,
    "html": as_html,
}
"""For each format, the function that draws any number of pictures in it."""
