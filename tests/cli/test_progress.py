"""The line that tells how far a long command is."""

from __future__ import annotations

from io import StringIO

import pytest

from kvnet.cli import bulk
from kvnet.cli.bulk import Amount, Progress, line


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_tells_the_rate_and_the_time_left() -> None:
    told = line(Amount(150, 20_000), Amount(100, 10_000), 5.0, 1000)
    assert told == "30,000 machines, 2,000 a second, 25 %, 0:38 left"
    assert line(Amount(0, 0), Amount(1, 100), 10.0, 1000) == "100 machines, 10 a second, 0 %, 2:46:30 left"


def test_no_time_is_told_where_the_size_is_not_known() -> None:
    assert line(Amount(0, 20_000), Amount(0, 10_000), 5.0, None) == "30,000 machines, 2,000 a second"


def test_the_line_is_shown_on_a_terminal_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_SECONDS", 0)
    stream = Terminal()
    with Progress(stream, 100) as shown:
        shown.show(10, 7)
    assert "\r7 machines, " in stream.getvalue()
    assert stream.getvalue().endswith("\r\033[K")


@pytest.mark.parametrize(("stream", "quiet"), [(StringIO(), False), (Terminal(), True)], ids=["pipe", "quiet"])
def test_nothing_is_shown_in_a_pipe_or_when_quiet(
    monkeypatch: pytest.MonkeyPatch, stream: StringIO, quiet: bool
) -> None:
    monkeypatch.setattr(bulk, "_SECONDS", 0)
    with Progress(stream, 100, quiet=quiet) as shown:
        shown.show(10, 7)
    assert not stream.getvalue()
