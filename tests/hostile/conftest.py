"""The table that ``make hostile`` prints: attack, who, what it tried, what happened."""

from __future__ import annotations

import textwrap

import pytest

_WIDTHS = (44, 13, 52, 56)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a row for each attack that was tried, when only they were run."""
    if not any("hostile" in str(arg) for arg in config.invocation_params.args):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    rows = [row for report in reports if (row := dict(report.user_properties).get("attack"))]
    if not rows:
        return
    terminalreporter.section("attacks")
    for row in [("ATTACK", "WHO", "TRIED", "WHAT HAPPENED"), *sorted(rows, key=lambda row: row[1])]:
        columns = [
            textwrap.wrap(" ".join(text.split())[:220], width) or [""] for text, width in zip(row, _WIDTHS, strict=True)
        ]
        for i in range(max(map(len, columns))):
            line = (part[i] if i < len(part) else "" for part in columns)
            terminalreporter.write_line(
                "  ".join(f"{text:{width}}" for text, width in zip(line, _WIDTHS, strict=True)).rstrip()
            )
    terminalreporter.write_line(f"{len(rows)} attacks")
