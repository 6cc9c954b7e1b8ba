"""``kvnet check --fix`` and ``--diff``: correct what has one right answer, and check again."""

from __future__ import annotations

import codecs
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from attrs import field, frozen

from kvnet.cli.check import Checked, status, tell
from kvnet.cli.output import FAILED, FINDINGS, replace
from kvnet.cli.report import Report, is_styled
from kvnet.manifest.document import Text, bounded
from kvnet.report.fixes import Fix, applied, fixes_of, made_problems
from kvnet.report.text import counted

__all__ = ["run"]

_ROUNDS: Final = 4
"""How often what was corrected is looked at again: a correction lets more of its object be judged."""
_AROUND: Final = 3
"""Lines around a change that a diff shows."""
_STDIN: Final = "<stdin>"
_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_STYLES: Final = {"-": "31", "+": "32", "@": "36"}
"""The colours of a line of a unified diff, by its first character."""
_Check = Callable[[Mapping[str, str | bytes]], Checked]


def run(arguments: Namespace, report: Report, check: _Check) -> int:
    """Correct the files, or show how; report what is left. Raises OSError where a file cannot be written."""
    if arguments.write_baseline:
        report.failure("--write-baseline writes what is found: correct the files with --fix first")
        return FAILED
    prints_text = arguments.diff or "-" in arguments.files
    if prints_text and arguments.output != "text":
        report.failure(f"--fix prints the corrected text here, so leave out --output {arguments.output}")
        return FAILED
    given = bounded(sys.stdin.buffer) if "-" in arguments.files else b""
    start = _State.of(check({_STDIN: given}), report, given)
    state = start
    for _ in range(_ROUNDS):
        further = _corrected(state, report, check)
        if further is state:
            break
        state = further
    _write(start, state, arguments, report, given)
    for file, text in state.texts.items():
        report.sources.add(Text(file, text))
    tell(state.checked, arguments, report)
    report.remark(_counts(state, "would fix" if arguments.diff else "fixed"))
    return status(state.checked, report) or (FINDINGS if arguments.diff and state.fixes else 0)


@frozen(kw_only=True, slots=False)
class _State:
    """Texts, and what a check finds in them.

    - ``checked``: what was found
    - ``texts``: the text of each file that can be written as it was
    - ``fixes``: what led here
    """

    checked: Checked
    texts: Mapping[str, str] = field(eq=False)
    fixes: tuple[Fix, ...] = ()

    @classmethod
    def of(cls, checked: Checked, report: Report, given: bytes) -> _State:
        """The state of the files before anything is corrected."""
        named = {each.place.file for each in checked.told if each.instead and each.place}
        sources = {file: report.sources[file] for file in checked.given.files if file in named & {*report.sources}}
        texts = {file: text for file, text in sources.items() if _encoded(file, text, text, given) is not None}
        return cls(checked=checked, texts=texts)

    @cached_property
    def possible(self) -> tuple[Fix, ...]:
        """The fixes of what is told now."""
        return fixes_of(self.checked.told, self.texts)


def _corrected(state: _State, report: Report, check: _Check) -> _State:
    """The state after all fixes that make no other problem; the same one where there is none."""
    best = state
    good: list[Fix] = []
    pending = [state.possible] if state.possible else []
    while pending:
        some = pending.pop(0)
        tried = _tried(state, [*good, *some], check)
        if tried is not None:
            best, good = tried, [*good, *some]
        elif len(some) > 1:
            pending[:0] = [some[: len(some) // 2], some[len(some) // 2 :]]
    return best


def _tried(state: _State, fixes: Sequence[Fix], check: _Check) -> _State | None:
    """The state after some fixes, and the fixes of what these bring to light; nothing where a problem is made."""
    before, after, further = state.checked.found, state, tuple(fixes)
    for _ in range(_ROUNDS):
        edits = [each.edit for each in further]
        texts = {
            file: applied(text, [each for each in edits if each.file == file]) for file, text in after.texts.items()
        }
        after = _State(checked=check(texts), texts=texts, fixes=(*after.fixes, *further))
        done = after.fixes[len(state.fixes) :]
        if not made_problems(before, after.checked.found, done):
            return after
        further = fixes_of(made_problems(before, after.checked.told, done), texts)
        if not further:
            return None
    return None


def _encoded(file: str, before: str, after: str, given: bytes) -> bytes | None:
    """What to write for a text, encoded as the one before; nothing where that cannot be kept byte for byte.

    It has byte order marks within, or is of no regular file.
    """
    if file != _STDIN and not os.path.isfile(file):
        return None
    raw = given if file == _STDIN else Path(file).read_bytes()
    mark = next((each for each in _MARKS if raw.startswith(each)), b"")
    codec = _MARKS.get(mark, "utf-8")
    return mark + after.encode(codec) if mark + before.encode(codec) == raw else None


def _write(start: _State, state: _State, arguments: Namespace, report: Report, given: bytes) -> None:
    """Write what changed into the files, or print it as differences; print the text of standard input in any case."""
    changed = {file: text for file, text in state.texts.items() if text != start.texts[file]}
    if arguments.diff:
        for file, text in changed.items():
            lines = _differences(file, start.texts[file], text)
            sys.stdout.writelines(map(_painted, lines) if is_styled(sys.stdout) else lines)
        return
    # a file that was given by two names is written once
    once = {os.path.realpath(file): (file, text) for file, text in changed.items()}
    for file, text in once.values():
        content = _encoded(file, start.texts[file], text, given)
        if content is None:
            raise OSError(f"'{file}' was changed in the meantime, and is left alone")
        if file != _STDIN:
            replace(file, content)
    if "-" in arguments.files:
        corrected = _encoded(_STDIN, start.texts[_STDIN], changed[_STDIN], given) if _STDIN in changed else None
        sys.stdout.buffer.write(given if corrected is None else corrected)


def _differences(file: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff, which ``patch`` applies; the two texts have as many lines.

    What the standard library has for this compares every line with many others.
    """
    old, new = _lines(before), _lines(after)
    yield from (f"--- {file}\n", f"+++ {file}\n")
    for first, end in _hunks([n for n, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]):
        start, stop = max(first - _AROUND, 0), min(end + _AROUND, len(old))
        span = f"{start + 1}" if stop - start == 1 else f"{start + 1},{stop - start}"
        yield f"@@ -{span} +{span} @@\n"
        for is_same, group in groupby(range(start, stop), lambda n: old[n] == new[n]):
            numbers = [*group]
            signed = [(" ", old)] if is_same else [("-", old), ("+", new)]
            yield from (_whole(sign + lines[n]) for sign, lines in signed for n in numbers)


def _hunks(changed: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first line and the end of each part of a diff, which has other lines around it."""
    breaks = [n for n, (one, other) in enumerate(pairwise(changed), 1) if other - one > 2 * _AROUND + 1]
    for first, end in pairwise([0, *breaks, len(changed)]):
        yield changed[first], changed[end - 1] + 1


def _whole(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _painted(line: str) -> str:
    """A line of a unified diff as a terminal shows it."""
    style = "1" if line.startswith(("---", "+++")) else _STYLES.get(line[0], "")
    return f"\033[{style}m{line[:-1]}\033[0m\n" if style else line


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    return [*lines[:-1], *([lines[-1][:-1]] if lines[-1] != "\n" else [])]


def _counts(state: _State, word: str) -> str:
    fixed = len(state.fixes)
    if not fixed:
        return ""
    files = len({each.edit.file for each in state.fixes})
    return f"{word} {fixed} of {counted(fixed + len(state.checked.told), 'problem')} in {counted(files, 'file')}"
