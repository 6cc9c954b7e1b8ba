"""Where an object came from: what finds its fields in the text again."""

from __future__ import annotations

from typing import Protocol

from kvnet.errors import FieldPath, Place

__all__ = ["Origin"]


class Origin(Protocol):
    """Finds the fields of one document in the text it was read from."""

    def place(self, path: FieldPath) -> Place:
        """The position of the field, or of the nearest enclosing one that was written."""
