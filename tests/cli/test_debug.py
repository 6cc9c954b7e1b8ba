"""``kvnet debug``, as a process."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[bytes]"]


def test_the_generated_source_of_a_class_is_printed(run: Run) -> None:
    ended = run("debug", "source", "Interface")
    assert ended.returncode == 0
    for name in (
        b"# read kvnet.device.",
        b"# write kvnet.device.",
        b".Interface with acpi address alias ",
    ):
        assert name in ended.stdout
    compile(ended.stdout, "<printed>", "exec")


def test_a_class_that_is_none_is_refused_with_the_nearest(run: Run) -> None:
    ended = run("debug", "source", "Interfac")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"no element class is named 'Interfac'; did you mean Interface?" in ended.stderr
