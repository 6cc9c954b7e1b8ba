"""Strategies for text."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["hostile_texts", "labels", "xml_texts"]

_MARKUP = "<>&'\"/!-[]?="
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789"


def xml_texts(*, max_size: int = 20) -> SearchStrategy[str]:
    """Any text that XML 1.0 can carry, markup characters often among it."""
    carried = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
    return st.text(st.sampled_from(_MARKUP) | st.sampled_from("\t\n\r") | carried, max_size=max_size)


def hostile_texts() -> SearchStrategy[str]:
    """Texts that break out of markup which is pasted together, and texts that no XML can carry."""
    known = st.sampled_from(
        [
            "'/><hostdev/><x y='",
            '"/><evil/>',
            "</interface><interface type='user'/>",
            "]]>",
            "<!--",
            "--><evil/>",
            "&lt;",
            "&#0;",
            "&xxe;",
            "\0",
            "\ud800",
            "\ufffe",
            "a\nb",
        ]
    )
    return known | st.text(max_size=12)


def labels(*, max_size: int = 12) -> SearchStrategy[str]:
    """DNS labels (RFC 1123): lower case, digits, and dashes inside."""
    edge = st.sampled_from(_LABEL)
    inner = st.text(st.sampled_from(_LABEL + "-"), max_size=max_size - 2)
    return edge | st.builds("{}{}{}".format, edge, inner, edge)
