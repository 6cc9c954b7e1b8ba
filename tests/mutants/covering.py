"""Find out once which test runs which lines of a package, and remember it as long as the test module stays as it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, frozen
from mutants.mutations import Mutant
from mutants.overlay import ROOT, Overlay
from mutants.trial import in_child

if TYPE_CHECKING:
    import coverage

__all__ = ["Covering", "measured", "test_modules"]

_ELSEWHERE = {
    "cni": ("compiler", "node", "manifest"),
    "xml": ("xml", "device"),
    "spec": ("manifest", "rules", "instancetypes", "compiler", "pod"),
    "testing": ("device",),
    "rules": ("rules", "report"),
    "kvnet": ("compiler", "domain", "facts", "manifest", "instancetypes", "hotplug"),
}
"""The folders with a package's tests, where they are not the one of its name alone.

Elements are declared in ``device``, and what a rule would write instead is tried in ``report``.
"""

_CPU_SECONDS = 900.0
_SITE = """import os
from pathlib import Path

import coverage

coverage.process_startup()


def tell():
    test = Path({folder!r}, "test").read_text()
    Path({folder!r}, "processes", str(os.getpid())).write_text(test)


tell()
os.register_at_fork(after_in_child=tell)
"""
"""What each process does that a test starts: it measures itself, and tells during which test it was started.

An environment variable does not tell: it is the one of the test that started the process that others are forks of.
"""
_RC = """[run]
branch = false
include = {folder}/kvnet/{package}
data_file = {folder}/coverage/data
parallel = true
"""


@frozen(kw_only=True)
class Covering:
    """The tests of a package by the lines that they run, and the seconds that each takes."""

    tests: dict[str, float] = field(repr=False)
    lines: dict[str, dict[int, list[str]]] = field(repr=False)

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that run the lines of a mutant, module by module, the quickest first."""
        if mutant.runs_at_import:
            return self.in_order(self.tests)
        lines = self.lines.get(mutant.module, {})
        names = {name for line in range(mutant.first, mutant.last + 1) for name in lines.get(line, ())}
        return self.in_order(names & self.tests.keys())

    def in_order(self, names: Iterable[str]) -> list[str]:
        modules: dict[str, list[str]] = {}
        for name in sorted(names, key=lambda each: (self.tests[each], each)):
            modules.setdefault(name.partition("::")[0], []).append(name)
        return [name for module in modules.values() for name in module]


def test_modules(package: str) -> list[str]:
    """The test modules of a package: those in its folder, and those beside the folders that name it."""
    folders = _ELSEWHERE.get(package, (package,))
    own = [path for folder in folders for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    names = re.compile(rf"\bkvnet[./]{package}\b|\bfrom kvnet import .*\b{package}\b")
    beside = [
        path
        for path in sorted((ROOT / "tests").glob("test_*.py"))
        if package in ("kvnet", "spec", "testing", "cni") or names.search(path.read_text())
    ]
    return [str(path.relative_to(ROOT)) for path in (*own, *beside)]


def measured(package: str, where: Overlay, cache: Path) -> Covering:
    """Run the tests of a package under coverage, those alone that have changed since they were run last."""
    cache = cache / package
    cache.mkdir(parents=True, exist_ok=True)
    code = _digest(package)
    found: dict[str, dict[str, Any]] = {}
    for module in test_modules(package):
        kept = cache / f"{module.replace('/', '-')}.json"
        key = f"{code} {sha256((ROOT / module).read_bytes()).hexdigest()}"
        if not kept.exists() or json.loads(kept.read_text())["key"] != key:
            kept.write_text(json.dumps({"key": key, **_measure(module, where, package)}))
        found[module] = json.loads(kept.read_text())
    lines: dict[str, dict[int, list[str]]] = {}
    for each in found.values():
        for module, by_line in each["lines"].items():
            for line, names in by_line.items():
                lines.setdefault(module, {}).setdefault(int(line), []).extend(each["names"][place] for place in names)
    return Covering(tests={name: took for each in found.values() for name, took in each["took"].items()}, lines=lines)


def _digest(package: str) -> str:
    paths = (ROOT / "kvnet").glob("*.py") if package == "kvnet" else (ROOT / "kvnet" / package).rglob("*.py")
    digest = sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Contexts:
    """Tells coverage which test runs."""

    def __init__(self, measuring: coverage.Coverage, current: Path) -> None:
        self._measuring = measuring
        self._current = current
        self.took: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self._measuring.switch_context(item.nodeid)
        self._current.write_text(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.took[item.nodeid] = round(time.process_time() - began, 4)


def _measure(module: str, where: Overlay, package: str) -> dict[str, Any]:
    folders = where.folder / "coverage", where.folder / "processes"
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (where.folder / "sitecustomize.py").write_text(_SITE.format(folder=str(where.folder)))
    rc = where.folder / "coverage.rc"
    rc.write_text(_RC.format(folder=where.folder, package=_pattern(package)))
    current = where.folder / "test"
    current.write_text("")
    took = where.folder / "took.json"
    took.write_text("{}")

    def child() -> int:
        import coverage  # noqa: PLC0415 - only who measures needs it

        os.environ["COVERAGE_PROCESS_START"] = str(rc)
        # the tests as pytest rewrites them are kept for all the trials to come
        sys.dont_write_bytecode = False
        measuring = coverage.Coverage(config_file=str(rc))
        measuring.start()
        contexts = _Contexts(measuring, current)
        options = ["-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"]
        marked = ["-m", "not slow and not guest and not fuzz and not mutants"]
        status = pytest.main([*options, *marked, module], plugins=[contexts])
        measuring.stop()
        measuring.save()
        took.write_text(json.dumps(contexts.took))
        return int(status)

    status, output = in_child(where, child, _CPU_SECONDS)
    (where.folder / "sitecustomize.py").unlink()
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"{module} fails without any mutant:\n{output[-4000:]}")
    return {**_lines(*folders, where.folder), "took": json.loads(took.read_text())}


def _pattern(package: str) -> str:
    return "*.py" if package == "kvnet" else f"{package}/*"


def _lines(folder: Path, processes: Path, root: Path) -> dict[str, Any]:
    """The tests that ran each line, in the process of the tests or in one that they started."""
    import coverage  # noqa: PLC0415 - only who measures needs it

    tests_of = {each.name: each.read_text() for each in processes.iterdir()}
    places: dict[str, int] = {}
    found: dict[str, dict[int, set[int]]] = {}
    for path in sorted(folder.iterdir()):
        data = coverage.CoverageData(basename=str(path))
        data.read()
        # data.HOST.PID.RANDOM
        started_by = tests_of.get(path.name.split(".")[-2], "")
        for file in data.measured_files():
            module = os.path.relpath(file, root)
            for line, contexts in data.contexts_by_lineno(file).items():
                for name in filter(None, (context or started_by for context in contexts)):
                    found.setdefault(module, {}).setdefault(line, set()).add(places.setdefault(name, len(places)))
    lines = {module: {line: sorted(names) for line, names in each.items()} for module, each in found.items()}
    return {"names": list(places), "lines": lines}
