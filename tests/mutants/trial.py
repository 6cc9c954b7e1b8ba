"""Run tests in a forked process: pytest is imported once, and kvnet by each process for itself."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from attrs import field, frozen
from mutants.overlay import ROOT, Overlay

__all__ = ["Ran", "in_child", "run_tests", "warm_up"]

_OPTIONS = [
    *("-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin"),
    *("-m", "not slow and not guest and not fuzz and not mutants", "--hypothesis-seed=0"),
]
_STAYS = ("mutants", "__main__")
"""Modules that are not imported again: this package, also where it was started with ``python -m mutants``."""
_WAIT_FACTOR = 5
"""Seconds that may pass for a second of CPU time, on a machine that does other work as well."""


@frozen(kw_only=True)
class Ran:
    """What came of tests: ``status`` is pytest's, or the number of a signal, negative."""

    status: int
    killer: str = ""
    output: str = field(default="", repr=False)

    @property
    def has_failed(self) -> bool:
        return self.status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def warm_up() -> None:
    """Import what tests need and is not kvnet."""
    import attrs  # noqa: F401, PLC0415
    import cattrs  # noqa: F401, PLC0415
    import hypothesis.stateful  # noqa: PLC0415
    import hypothesis.strategies  # noqa: F401, PLC0415
    import lxml.etree  # noqa: F401, PLC0415
    import yaml  # noqa: F401, PLC0415


class _Chosen:
    """Runs the tests of these names alone, in this order; and notes which one fails."""

    def __init__(self, names: Sequence[str] | None, without: Collection[str]) -> None:
        self._places = None if names is None else {name: place for place, name in enumerate(names)}
        self._without = without
        self.killer = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._places is not None:
            places = self._places
            items[:] = sorted((each for each in items if each.nodeid in places), key=lambda each: places[each.nodeid])
        items[:] = [each for each in items if each.nodeid not in self._without]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.killer:
            self.killer = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.killer:
            self.killer = report.nodeid


def run_tests(
    where: Overlay,
    paths: Sequence[str],
    *,
    names: Sequence[str] | None = None,
    without: Collection[str] = (),
    cpu: float,
) -> Ran:
    """Run the fast tests of some paths until the first one fails, or ``cpu`` seconds of CPU time are used.

    ``names`` are the only tests to run, in order, and ``without`` those to leave out.
    """
    result = where.folder / "result.json"
    result.unlink(missing_ok=True)

    def child() -> int:
        chosen = _Chosen(names, without)
        status = pytest.main([*_OPTIONS, *paths], plugins=[chosen])
        result.write_text(json.dumps(chosen.killer))
        return int(status)

    status, output = in_child(where, child, cpu)
    killer = json.loads(result.read_text()) if result.exists() else ""
    return Ran(status=status, killer=killer, output=output)


def in_child(where: Overlay, work: Callable[[], int], cpu: float) -> tuple[int, str]:
    """Work in a forked process that imports kvnet from the overlay; returns its status, and what it printed.

    A process that uses more than ``cpu`` seconds, or hangs, is ended with all that it started.
    """
    log = where.folder / "output"
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            _enter(where, log, cpu)
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    return _wait(pid, time.monotonic() + cpu * _WAIT_FACTOR), log.read_text(errors="replace")


def _enter(where: Overlay, log: Path, cpu: float) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # a shell has what it starts in the background ignore Ctrl-C, and tests send it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    limit = int(cpu) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    os.chdir(where.folder)
    environment: dict[str, str] = {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(where.folder), os.environ.get("PYTHONPATH", "")))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    # a coverage that is measured around this would find modules in a folder that is gone
    sys.settrace(None)
    for name in [each for each in os.environ if each.startswith("COVERAGE_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.environ.pop("CI", None)
    sys.dont_write_bytecode = True
    here = {str(ROOT), str(ROOT / "tests")}
    sys.path[:] = [str(where.folder), *(path for path in sys.path if path not in here)]
    _forget_modules()
    phases: list[Any] = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutants", phases=phases, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")


def _forget_modules() -> None:
    """Have kvnet and the tests imported again: a process that ran other tests has them as they are."""
    ours = (f"{ROOT / 'kvnet'}{os.sep}", f"{ROOT / 'tests'}{os.sep}")
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if f"{path}{os.sep}".startswith(ours) and name.partition(".")[0] not in _STAYS:
            del sys.modules[name]


def _wait(pid: int, until: float) -> int:
    """The exit status of a process; the negative number of the signal that ended it."""
    try:
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return -signal.SIGKILL
            time.sleep(0.01)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it started and left behind
