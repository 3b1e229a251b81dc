"""Every attack of the table, one run each, and what must be true after all of them.

The table is ``tests/hostile/attacks``, a module for each kind of attacker. To add an attack, add one entry there::

    Attack(
        "An unknown label starts nothing",           # the promise that it shows
        By.STARTER,                                  # who plays the attacker
        "labels the issue ai-dev-please",            # what he tries
        lambda scene: scene.label(1, label="ai-dev-please"),
        "skipped",                                   # the status that must come out; the exit code follows
        untouched,                                   # optional: more that must be true (see ``attacks.checks``)
    )

``act`` sets the stage and gives the job; it is called before the run. The ``Scene`` is a ``standins.stage.Stage`` whose
secrets are canaries: ``scene.use(call, …)`` lets the model make calls and keeps what it was told in ``scene.answers``,
``scene.play(step, …)`` scripts whole replies (a step may be a function of the request, and so act during the run),
``scene.github.fail(…)`` and its like make services misbehave, ``scene.plant(branch, files)`` is somebody else's push.
``files`` is the repository's content; ``planted`` names the canaries that the attacker himself brings.

The main step and the post step run as forks of one process, as the runner would start them. Then ``invariants`` asserts
the eight of them, and the test that the ending is the attack's and that its check holds. ``make hostile`` prints all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from standins.git import make_repository
from standins.runner import Job, Result
from tests.hostile.attacks import ATTACKS
from tests.hostile.invariants import find_faults
from tests.hostile.scene import Attack, Outcome, Scene, read_refs


def carry_out(attack: Attack, directory: Path, act: Callable[[Job], Result]) -> Outcome:
    """Let the attack happen, to the end of the job; asserts what the stand-ins found."""
    with Scene(directory, source=make_repository(directory / "source", attack.files), private=attack.private) as scene:
        job = attack.act(scene)
        refs = read_refs(scene)
        outcome = Outcome(attack, scene, job, act(job), act(job), refs)
        problems = [problem for problem in scene.problems if not re.search(attack.problems, problem)]
        assert [] == problems + find_faults(outcome), outcome.log
        attack.check(outcome)
        return outcome


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.by}: {attack.name}")
def test_attack(attack, directory, act, record_property):
    """The attack comes to nothing: the invariants hold and the run ends as it should."""
    outcome = carry_out(attack, directory, act)

    record_property("attack", (attack.name, str(attack.by), attack.tries, outcome.happened))
    expected = (attack.status,) if isinstance(attack.status, str) else attack.status
    assert outcome.status in expected, outcome.log


def test_names_are_unique():
    """No two attacks have one name, so that each row of the table can be found."""
    names = [attack.name for attack in ATTACKS]

    assert len(names) == len(set(names))
