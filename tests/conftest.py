"""Tables that tests make of what they measured, printed at the end of a run."""

from __future__ import annotations

import pytest

_SECTION = "table"


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
