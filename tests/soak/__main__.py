"""``python -m tests.soak``: play scenes drawn from SEED until RUNS runs are played, or the one scene SCENE."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import pytest_configure
from tests.soak.checks import find_faults
from tests.soak.draws import Scene, draw
from tests.soak.play import Forks, Outcome, forks, play

_TAIL = 40
"""Lines of a log that are shown of a run in whose scene something does not hold."""
AT_ONCE = 3
"""Scenes that are played at the same time."""


def draw_scenes(seed: str, runs: int) -> Iterator[tuple[int, Scene]]:
    """Scenes with so many runs in all, numbered."""
    number = 0
    while runs > 0:
        number += 1
        scene = draw(f"{seed}/{number}")
        runs -= scene.runs
        yield number, scene


def play_all(scenes: Iterable[tuple[int, Scene]], launch: Forks) -> Iterator[tuple[int, Outcome, list[str]]]:
    """Play the scenes, a few at a time; give what came of each, and what does not hold."""

    def one(numbered: tuple[int, Scene]) -> tuple[int, Outcome, list[str]]:
        number, scene = numbered
        folder = Path(tempfile.mkdtemp(prefix="soak-"))
        try:
            outcome = play(scene, folder, launch)
            faults = find_faults(outcome)
            if outcome.stage.repository.git("for-each-ref"):
                outcome.stage.repository.git("fsck", "--strict")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return number, outcome, faults

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, scenes)


def describe(seed: str, number: int, outcome: Outcome, faults: list[str]) -> str:
    """What does not hold in a scene, what was drawn for it, and the ends of its logs."""
    lines = [f"Scene {number} of seed {seed}. Alone: make soak SEED={seed} SCENE={number}", *faults]
    lines.append(outcome.scene.describe())
    for run in outcome.played:
        steps = [("main", run.main)] + ([("post", run.post)] if run.post else [])
        for name, step in steps:
            lines.append(f"--- run {run.job.variables['GITHUB_RUN_ID']}, issue {run.issue}, {name}: {step.exit_code}")
            lines += step.log.rstrip().split("\n")[-_TAIL:]
    return "\n".join(lines)


def main() -> None:
    """Play and print; the exit code says whether all held."""
    pytest_configure()
    seed = os.environ.get("SEED") or secrets.token_hex(4)
    scene, runs = os.environ.get("SCENE"), int(os.environ.get("RUNS") or 200)
    print(f"seed {seed}: make soak SEED={seed}", flush=True)
    scenes = [(int(scene), draw(f"{seed}/{scene}"))] if scene else list(draw_scenes(seed, runs))
    began, statuses, bad = time.monotonic(), Counter[str](), 0
    with forks(AT_ONCE + 1) as launch:
        for number, outcome, faults in play_all(scenes, launch):
            told = [f"{run.signal and run.signal + ' → '}{run.status or 'killed'}" for run in outcome.played]
            statuses.update(told)
            print(f"scene {number:3}: {', '.join(told)}{'' if not faults else ' ✗'}", flush=True)
            bad += bool(faults)
            if faults or scene:
                print(describe(seed, number, outcome, faults), flush=True)
    times = os.times()
    print(f"{statuses.total()} runs in {len(scenes)} scenes, {bad} of them with faults; seed {seed}")
    print(", ".join(f"{status} {count}" for status, count in statuses.most_common()))
    cpu = times.user + times.system + times.children_user + times.children_system
    print(f"{time.monotonic() - began:.0f} s, {cpu:.0f} s of CPU")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
