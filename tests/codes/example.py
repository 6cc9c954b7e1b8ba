"""The example of a page: files, and the commands or the program that read them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

from attrs import frozen

from kvnet.cli import main
from kvnet.errors import KvnetError, Severity

__all__ = ["Example", "told"]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
_NAME = re.compile(r"(?:# |<!-- )([\w-]+\.(?:yaml|xml))(?: -->)?\n")
_FILES = {"yaml": "vm.yaml", "xml": "domain.xml", "json": "vms.ndjson", "toml": ".kvnet.toml"}
"""What a file is called that does not say its name in its first line, by its language."""

_TOLD = re.compile(r"(error|warning|note) (KN\d{3}) ")
_COUNTED = re.compile(r"^kvnet: (KN\d{3}): \d+ of them", re.MULTILINE)
"""How ``kvnet bulk`` says for what machines were refused."""


@frozen(kw_only=True)
class Example:
    """Files by their names, and what is run beside them: lines of a shell, or a program in Python.

    ``not_run`` is the reason why nothing is run, and empty where it is.
    """

    files: dict[str, str]
    commands: tuple[str, ...]
    program: str
    not_run: str

    @staticmethod
    def parse(section: str) -> Example:
        """The example in a section of a page; without commands and program, ``kvnet check`` reads it."""
        blocks = _BLOCK.findall(section)
        reason = _NOT_RUN.search(section)
        program = "".join(text for language, text in blocks if language == "python")
        lines = [line for language, text in blocks if language == "sh" for line in text.splitlines()]
        return Example(
            files={_file_name(language, text): text for language, text in blocks if language in _FILES},
            commands=tuple(lines) if lines or program else ("kvnet check vm.yaml",),
            program=program,
            not_run=reason[1] if reason else "",
        )

    def run(self, folder: Path) -> str:
        """What is printed when the example runs in a folder, on either stream; problems that are raised, too."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        printed = io.BytesIO()
        stream = io.TextIOWrapper(printed, encoding="utf-8", write_through=True)
        with contextlib.chdir(folder), contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            for line in self.commands:
                _run_command(line)
            try:
                exec(self.program, {})
            except KvnetError as error:
                print(error)
        return printed.getvalue().decode()


def told(output: str) -> list[tuple[Severity, str]]:
    """Severity and code of each problem in what was printed."""
    found = [(Severity(severity), code) for severity, code in _TOLD.findall(output)]
    return [*found, *((Severity.ERROR, code) for code in _COUNTED.findall(output))]


def _file_name(language: str, text: str) -> str:
    named = _NAME.match(text)
    return named[1] if named else _FILES[language]


def _run_command(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "kvnet", line
    main(arguments)
