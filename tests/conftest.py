"""How Hypothesis is set, and the tables that tests make of what they measured."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_SECTION = "table"

# CI tries as many as Hypothesis does by itself; so does --hypothesis-profile=default
if not os.environ.get("CI") and settings.default == settings.get_profile("default"):
    settings.register_profile("few", max_examples=20)
    settings.load_profile("few")

# a checkout that cannot be written to
if not os.access(Path(__file__).parents[1], os.W_OK):
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "kvnet-hypothesis"))

# no test may fail because the machine is busy; what else was set, by CI or by a trial of mutants, stays
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")


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
