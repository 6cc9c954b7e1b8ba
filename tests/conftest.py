"""How Hypothesis is set, the command that tests run, and the tables that they make of what they measured."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Commands
from hypothesis import HealthCheck, settings

import kvnet

_SECTION = "table"

# while tests are collected, nothing is garbage: looking for some takes a quarter of the time
gc.disable()

# CI tries as many as Hypothesis does by itself; so does --hypothesis-profile=default
if not os.environ.get("CI") and settings.default == settings.get_profile("default"):
    settings.register_profile("few", max_examples=10)
    settings.load_profile("few")

# a checkout that cannot be written to
if not os.access(Path(__file__).parents[1], os.W_OK):
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "kvnet-hypothesis"))

# no test may fail because the machine is busy; what else was set, by CI or by a trial of mutants, stays
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The kvnet under test, and nothing that colours or translates what it says."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "PYTHONPATH")}
    return inherited | {"PYTHONPATH": str(Path(kvnet.__file__).parents[1]), "TERM": "xterm", "LC_ALL": "C"}


@pytest.fixture(scope="session")
def commands(environment: dict[str, str]) -> Iterator[Commands]:
    with Commands(environment) as made:
        yield made


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave ten thousand tests out of garbage collection."""
    gc.enable()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as the property ``table``; it comes here from every worker of a parallel run."""
    tables = {
        report.nodeid: text
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, text in getattr(report, "user_properties", ())
        if name == _SECTION
    }
    for nodeid, text in sorted(tables.items()):
        terminalreporter.section(nodeid.rpartition("::")[2])
        terminalreporter.write_line(text)
