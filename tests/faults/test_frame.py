"""The frame finds what it looks for: an invariant that cannot fail would prove nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ai_dev.errors import Status
from tests.faults import story
from tests.faults.cells.acts import meets, nothing
from tests.faults.invariants import STATUSES, find_faults
from tests.faults.scene import Cell, Seen
from tests.faults.test_faults import carry_out

CELL = Cell("", "", meets(nothing, *story.STORY), "opened")


def test_every_invariant_can_fail(directory, act):
    """After a good run all seven hold; when the traces of it are made worse, each of them finds it."""
    scene, seen = carry_out(CELL, directory, act)
    scene.issued.append("call_more")
    (comment,) = scene.repository.issues[1].comments
    comment.body = re.sub('"status":"opened"', '"status":"working"', comment.body)
    lines = {pair: [*lines, "two"] * (1 + (pair[1] == "count")) for pair, lines in seen.files.items()}
    next(iter(scene.e2b.sandboxes.values())).alive = True
    scene.mains[0] = replace(scene.mains[0], log=scene.mains[0].log + "\nTraceback", exit_code=7)
    left = Path("/tmp/ai-dev-00000000")
    left.mkdir(exist_ok=True)
    with scene.audits[0].open("a", encoding="utf-8") as file:
        file.write(f'["write", "{left}/base.pack"]\n')

    refs = {**seen.refs, "refs/heads/theirs": "0" * 40}
    faults = find_faults(CELL, scene, Seen(refs, (*seen.branches,), seen.commits, lines))
    left.rmdir()

    assert {1, 2, 3, 4, 5, 6, 7} == {int(fault[1]) for fault in faults}, faults


def test_statuses_are_the_readmes():
    """The statuses and exit codes that cells are held to are all that the action has."""
    assert STATUSES == {str(status): status.exit_code for status in Status}
