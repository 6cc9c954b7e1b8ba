"""Where a spec came from."""

from __future__ import annotations

from typing import Protocol

from kvnet.errors import FieldPath, Place

__all__ = ["Origin"]


class Origin(Protocol):
    """Finds the fields of one document in the text it was read from."""

    def place(self, path: FieldPath) -> Place:
        """The position of the field, or of the nearest enclosing one that was written."""
