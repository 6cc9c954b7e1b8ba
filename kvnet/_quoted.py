"""Learn to read texts that differ only in what stands between their quotes.

The texts of a fleet, JSON of machines and XML of their devices alike, differ in names and addresses. A text is split at
its quotes: every second part is what it quotes, and the others are its layout. Of a layout that comes often, it is
learnt which quoted words may vary; for each choice of the other words, a reader is learnt that takes the varying ones.
A text that was not learnt is read by whoever asks, in the ordinary way, and so is one that a learnt reader returns.

>>> of_colours = Quoted("'", lambda text, parts: (3,), lambda text, parts, holes: lambda words: words, needed=1)
>>> [of_colours.read(f"<a b='c' d='{colour}'/>") for colour in ("red", "blue", "green")]
[None, ('blue',), ('green',)]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

__all__ = ["LONGEST", "Quoted", "Words"]

T = TypeVar("T")
Words = tuple[str, ...]
Parts = list[str]
"""A text that was split at its quotes."""
Read = Callable[..., T | None]
"""Reads the words that vary, and what ``Quoted.read`` was given beside the text."""

LONGEST: Final = 16 << 10
"""The most characters of a text that is learnt."""
_MOST: Final = 128
"""How many readers are kept."""
_MOST_MET: Final = 1024


class _Layout(NamedTuple, Generic[T]):
    """The words of a layout that stay, those that vary, and the readers of the latter by the former."""

    fixed: Callable[[Parts], Words]
    varying: Callable[[Parts], Words]
    holes: tuple[int, ...]
    readers: dict[Words, Read[T]]


class Quoted(Generic[T]):
    """What was learnt of the texts of one kind.

    - ``quote``: the character that stands on both sides of a word
    - ``holes_of``: the positions, in a text that was split, of the words that may vary in texts of its layout
    - ``reader_of``: the reader of the words at these positions, for texts that are otherwise the same. It returns
      ``None`` for words that it does not read as the ordinary way does.
    - ``needed``: how many texts of a layout are met before it is learnt

    What does not fit is forgotten all at once, and from then on it takes twice as many texts to learn anything: texts
    that never repeat cost no more than their reading.
    """

    def __init__(
        self,
        quote: str,
        holes_of: Callable[[str, Parts], tuple[int, ...]],
        reader_of: Callable[[str, Parts, tuple[int, ...]], Read[T] | None],
        *,
        needed: int = 3,
    ) -> None:
        self._quote, self._holes_of, self._reader_of = quote, holes_of, reader_of
        self._layouts: dict[str, _Layout[T]] = {}
        self._met: dict[int, int] = {}
        self._needed, self._size = needed, 0

    def read(self, text: str, *given: Any) -> T | None:
        """The value of a text that was learnt; ``None`` for others. The reader is handed what else is given."""
        if len(text) > LONGEST:
            return None
        parts = text.split(self._quote)
        outside = self._quote.join(parts[::2])
        layout = self._layouts.get(outside)
        if layout is None:
            if self._is_due(hash(outside)):
                self._layouts[outside] = self._layout(text, parts)
            return None
        fixed, varying, holes, readers = layout
        words = fixed(parts)
        reader = readers.get(words)
        if reader is None:
            if self._is_due(hash((outside, words))):
                readers[words] = self._reader_of(text, parts, holes) or _read_nothing
            return None
        return reader(varying(parts), *given)

    def _layout(self, text: str, parts: Parts) -> _Layout[T]:
        """What is known of the layout of a text, with the reader of texts of the same fixed words."""
        holes = self._holes_of(text, parts)
        fixed = _getter([n for n in range(1, len(parts), 2) if n not in holes])
        readers = {fixed(parts): self._reader_of(text, parts, holes) or _read_nothing}
        return _Layout(fixed, _getter(holes), holes, readers)

    def _is_due(self, key: int) -> bool:
        """Count what was met, and say whether it is time to learn it, for which there is room then."""
        count = self._met.pop(key, 0) + 1
        if count < self._needed:
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            self._met[key] = count
            return False
        if self._size >= _MOST:
            self._layouts.clear()
            self._size, self._needed = 0, min(2 * self._needed, _MOST_MET)
        self._size += 1
        return True


def _getter(positions: Sequence[int]) -> Callable[[Parts], Words]:
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda parts: tuple([parts[n] for n in positions])


def _read_nothing(*_: object) -> None:
    """Takes the place of a reader where none can be learnt."""
