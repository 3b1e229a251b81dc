"""Forty random runs under random faults, the same each time; ``make soak`` plays more, drawn anew."""

import pytest

from standins.e2b.machine import isolation
from tests.soak.__main__ import AT_ONCE, describe, draw_scenes, play_all
from tests.soak.play import forks

SEED, RUNS = "ci", 40


def test_soak():
    """Whatever fails and whoever meddles: nothing is lost or doubled, endings are documented, sandboxes die."""
    if isolation() != "namespaces":
        pytest.skip("this machine gives ordinary users no namespaces, which the E2B stand-in needs for its paths")

    with forks(AT_ONCE) as launch:
        played = list(play_all(draw_scenes(SEED, RUNS), launch))

    assert RUNS <= sum(len(outcome.played) for _, outcome, _ in played)
    broken = [describe(SEED, number, outcome, faults) for number, outcome, faults in played if faults]
    assert not broken, "\n\n".join(broken)
    assert "opened" in {run.status for _, outcome, _ in played for run in outcome.played}
