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

__all__ = ["LONGEST", "Occurrences", "Parts", "Quoted", "Read", "Words"]

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
_PATIENCE: Final = 256
"""After how many texts in a row that were not learnt only one of ``_SKIPPED`` is looked at.

What is learnt so depends on all that was read before, but not what a text is read as.
"""
_SKIPPED: Final = 32


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
    - ``needed``: at which text of a layout it is learnt
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
        self._met = Occurrences(self._layouts.clear, needed=needed)
        self._missed = 0

    def read(self, text: str, *given: Any) -> T | None:
        """The value of a text that was learnt; ``None`` for others. The reader is handed what else is given."""
        self._missed += 1
        if len(text) > LONGEST or (self._missed > _PATIENCE and self._missed % _SKIPPED):
            return None
        parts = text.split(self._quote)
        if not len(parts) % 2:
            # a quote is not closed: what is outside is the same as in a text without it
            return None
        outside = self._quote.join(parts[::2])
        layout = self._layouts.get(outside)
        if layout is None:
            if self._met.is_due(outside):
                self._layouts[outside] = self._layout(text, parts)
            return None
        fixed, varying, holes, readers = layout
        words = fixed(parts)
        reader = readers.get(words)
        if reader is None:
            if self._met.is_due((outside, words)):
                readers[words] = self._reader_of(text, parts, holes) or _read_nothing
            return None
        made = reader(varying(parts), *given)
        if made is not None:
            self._missed = 0
        return made

    def _layout(self, text: str, parts: Parts) -> _Layout[T]:
        """What is known of the layout of a text, with the reader of texts of the same fixed words."""
        holes = self._holes_of(text, parts)
        fixed = _getter([n for n in range(1, len(parts), 2) if n not in holes])
        readers = {fixed(parts): self._reader_of(text, parts, holes) or _read_nothing}
        return _Layout(fixed, _getter(holes), holes, readers)


class Occurrences:
    """Counts what is met, and says when it is worth while to learn it: the third time.

    ``forget`` is called where too much was learnt. From then on it takes twice as many times to learn anything, so that
    what never comes again costs no more than the ordinary way.
    """

    def __init__(self, forget: Callable[[], None], *, needed: int = 3) -> None:
        self._forget, self._needed = forget, needed
        self._met: dict[int, int] = {}
        self._learnt = 0

    def is_due(self, what: object) -> bool:
        """Count what was met; whether it is time to learn it, for which there is room then."""
        key = hash(what)
        count = self._met.pop(key, 0) + 1
        if count < self._needed:
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            self._met[key] = count
            return False
        if self._learnt >= _MOST:
            self._forget()
            self._learnt, self._needed = 0, min(2 * self._needed, _MOST_MET)
        self._learnt += 1
        return True


def _getter(positions: Sequence[int]) -> Callable[[Parts], Words]:
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda parts: tuple([parts[n] for n in positions])


def _read_nothing(*_: object) -> None:
    """Takes the place of a reader where none can be learnt."""
