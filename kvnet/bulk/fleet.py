"""A look at a whole fleet, while its results pass by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile

from kvnet.bulk.batch import digest, uses_of_line
from kvnet.bulk.index import LineIndex
from kvnet.bulk.rendered import Rendered
from kvnet.bulk.repeats import Records, Repeat

__all__ = ["Fleet"]


class Fleet:
    """Notes what VMs use, in files without a name; tells what two of them use and only one may.

    A context manager. ``folder`` is where there is room for some 200 bytes a VM.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._records = Records(folder)
        self._kept = TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the fleet
        self._index = LineIndex()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()
        self._kept.close()

    def watched(self, results: Iterable[Rendered]) -> Iterator[Rendered]:
        """The same results; each is noted before it is given on."""
        for made in results:
            line = json.dumps(
                {"index": made.index, "namespace": made.namespace, "name": made.name, "uses": uses_of_line(made.uses)}
            )
            text = line.encode() + b"\n"
            self._records.add(self._index.count, b"".join(digest(*use) + bytes(8) for use in made.uses))
            self._kept.write(text)
            self._index.grow([text])
            yield made

    def repeats(self) -> Iterator[Repeat]:
        """Every use of what another VM uses already."""
        self._kept.flush()
        descriptor = self._kept.fileno()
        yield from self._records.repeats(lambda number: self._index.line(descriptor, number))
