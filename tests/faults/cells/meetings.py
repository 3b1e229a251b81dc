"""Runs meet: the same event twice, a job that runs again, a run after one that was stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable

from standins.openai import reply, say
from standins.runner import Job
from tests.faults import story
from tests.faults.moments import moment
from tests.faults.scene import Cell, Scene

AGAIN = {"GITHUB_RUN_ID": "9001", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "octo"}
Then = Callable[[Scene, Job], Job]


def run_again(scene: Scene, job: Job) -> Job:
    """Another attempt of the same run."""
    return scene.job(job.event_name, job.event, variables=AGAIN)


def deliver_again(scene: Scene, job: Job) -> Job:
    """Another run for the same event."""
    return scene.job(job.event_name, job.event)


def label_again(scene: Scene, _: Job) -> Job:
    """The label is put on again."""
    return scene.label(1)


def go_on(scene: Scene, _: Job) -> Job:
    """Somebody says to go on."""
    return scene.comment(1, "/ai-dev continue")


def finished(then: Then, *steps: object) -> Callable[[Scene], None]:
    """A job that ends by itself, then another one."""

    def act(scene: Scene) -> None:
        scene.play(*(steps or story.STORY), *story.SEQUEL)  # type: ignore[arg-type]
        job = scene.comment(1, "/ai-dev Mend it.")
        scene.run(job)
        scene.close(job)
        second = then(scene, job)
        scene.run(second)
        scene.close(second)

    return act


def ended(number: int, at: str, then: Then, *, closed: bool) -> Callable[[Scene], None]:
    """A job that gets a signal, whose post step runs or does not; then another one."""

    def act(scene: Scene) -> None:
        arrive = moment(at).arrange(scene)
        job = scene.label(1)
        scene.stop(job, number, arrive)
        if closed:
            scene.close(job)
        scene.openai._script.clear()
        scene.play(*story.SEQUEL)
        second = then(scene, job)
        scene.run(second)
        scene.close(second)

    return act


LIMIT = (*story.SAVED, *[reply(say("half"), status="incomplete")] * 3)
MID = "mid-stream, more is written"
LOST = frozenset({"call_notes", "call_two"})

CELLS = (
    Cell("the event is delivered again", "after a finished run", finished(deliver_again), "skipped", "has ended well already"),
    Cell("the job runs again", "after a finished run", finished(lambda s, j: s.job(j.event_name, j.event, variables=AGAIN)), "skipped", "has ended well already"),
    Cell("the label is put on again", "after a finished run", finished(label_again), "updated"),
    Cell("the event is delivered again", "after a stopped run", finished(deliver_again, *LIMIT), "updated"),
    Cell("the job runs again", "after a stopped run", finished(run_again, *LIMIT), "updated"),
    Cell("somebody says to go on", "after a stopped run", finished(go_on, *LIMIT), "updated"),
    Cell("the job runs again", "after a cancelled run", ended(signal.SIGINT, MID, run_again, closed=True), "updated"),
    Cell("the job runs again", "after a killed run", ended(signal.SIGKILL, MID, run_again, closed=True), "updated"),
    Cell("the job runs again", "after a killed run that nobody closed", ended(signal.SIGKILL, MID, run_again, closed=False), "opened", loses=LOST),
    Cell("the job runs again", "after a run killed at its claim", ended(signal.SIGKILL, "claim: made, not answered", run_again, closed=True), "opened"),
    Cell("the job runs again", "after a run killed at its pull request",
         ended(signal.SIGKILL, "pull request: made, not answered", run_again, closed=False), "updated"),
    Cell("the label is put on again", "after a killed run", ended(signal.SIGKILL, MID, label_again, closed=True), "updated"),
)  # fmt: skip
