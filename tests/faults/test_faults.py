"""Every cell of the table of faults and moments, and what must be true after all of them.

The table is ``tests/faults/cells``, a module for each kind of fault. To add a cell, add one entry there::

    Cell(
        "503 once",                       # the fault
        "commit: the tree is asked for",  # the moment
        meets(...),                       # sets it up, runs the main step and the post step
        "opened",                         # how the run ends; the exit code follows
        r"asked again",                   # optional: what is told; what may be lost; …
    )

The model does the same in all of them (``story.py``): it writes two files, commits, writes two more, commits, proposes.
``moments.py`` has the moments that a signal can meet. ``invariants.py`` says what must be true afterwards, whatever
happened: nothing lost, nothing doubled, all that people are told true. ``make faults`` prints all of it.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from standins.git import make_repository
from tests.faults.cells import CELLS
from tests.faults.invariants import find_faults, find_kept
from tests.faults.scene import Cell, Scene, Seen
from tests.projects import CALCULATOR


def carry_out(cell: Cell, directory, act) -> tuple[Scene, Seen]:
    """Let the fault happen, to the end of the job; asserts what must be true then."""
    with Scene(directory, source=make_repository(directory / "source", CALCULATOR), launch=act) as scene:
        if scene.e2b.isolation != "namespaces":
            pytest.skip("this machine gives ordinary users no namespaces, which the E2B stand-in needs for its paths")
        try:
            cell.act(scene)
        finally:
            scene.released.set()
        seen = Seen.look(scene)
        problems = [problem for problem in scene.problems if not re.search(cell.problems, problem)]
        assert [] == problems + find_faults(cell, scene, seen), scene.told
        return scene, seen


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cell(cell, directory, act, record_property):
    """Whatever fails, whenever: nothing is lost, nothing is doubled, and what people are told is true."""
    scene, seen = carry_out(cell, directory, act)

    kept = Counter(find_kept(scene, seen).values())
    record_property("cell", (cell.fault, cell.moment, cell.status, ", ".join(f"{n} {k}" for k, n in kept.items())))
    assert cell.status == scene.status, scene.told
    assert re.search(cell.tells, scene.told), scene.told


def test_names_are_unique():
    """No two cells have one name, so that each row of the table can be found."""
    names = [cell.name for cell in CELLS]

    assert len(names) == len(set(names))
