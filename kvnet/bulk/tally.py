"""What a run counts, and its report."""

from __future__ import annotations

from typing import Any

from kvnet.bulk.batch import Batch, count_reason

__all__ = ["Tally"]


class Tally:
    """Counts of a run; by code, with an example for each reason why VMs were refused."""

    def __init__(self) -> None:
        self.vms = 0
        self.refused = 0
        self.repeats = 0
        self.reasons: dict[str, tuple[int, str]] = {}
        self.notes: dict[str, int] = {}

    def add(self, batch: Batch) -> None:
        """Count the VMs of a batch."""
        self.vms += len(batch.lines)
        self.refused += batch.refused
        for code, (count, example) in batch.reasons.items():
            count_reason(self.reasons, code, example, count)
        for code, count in batch.notes.items():
            self.notes[code] = self.notes.get(code, 0) + count

    def refuse(self, code: str, example: str) -> None:
        """Count a VM of a batch as refused after all."""
        self.refused += 1
        count_reason(self.reasons, code, example)

    def plain(self) -> dict[str, Any]:
        """The counts as plain data."""
        by_code = sorted(self.reasons.items())
        return {
            "vms": self.vms,
            "rendered": self.vms - self.refused,
            "refused": self.refused,
            "reasons": {code: {"count": count, "example": example} for code, (count, example) in by_code},
            "notes": dict(sorted(self.notes.items())),
            "duplicated": self.repeats,
        }
