"""The table that ``make faults`` prints: fault, moment, status, what was kept where."""

from __future__ import annotations

from collections import Counter

import pytest

_WIDTHS = (52, 46, 10, 40)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a row for each cell that was run, when only they were run."""
    if not any("faults" in str(arg) for arg in config.invocation_params.args):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    rows = [row for report in reports if (row := dict(report.user_properties).get("cell"))]
    if not rows:
        return
    terminalreporter.section("faults")
    for row in [("FAULT", "MOMENT", "STATUS", "WHAT WAS WRITTEN"), *sorted(rows)]:
        columns = (f"{text:{width}}" for text, width in zip(row, _WIDTHS, strict=True))
        terminalreporter.write_line("  ".join(columns).rstrip())
    counted = Counter(row[2] for row in rows)
    terminalreporter.write_line(
        f"{len(rows)} cells: " + ", ".join(f"{n} {status}" for status, n in sorted(counted.items()))
    )
