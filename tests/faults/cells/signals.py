"""The runner ends the main step: by SIGINT, by SIGTERM, or by SIGKILL, which may as well be the machine's memory."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from standins.openai import Step, reply
from tests.faults import story
from tests.faults.moments import MOMENTS, Moment, moment
from tests.faults.scene import Cell, Main, Scene

_CUT_OFF = "The run was cut off"
_ENDED = "GitHub ended the run"
_BEFORE = {
    "claim: asked for",
    "comment: asked for",
    "commit: the tree is asked for",
    "commit: the commit is asked for",
    "commit: the branch is asked for",
    "report: the comment is to be edited",
}
"""Moments of which nothing is left that another signal, or the moment behind them, does not show for SIGKILL."""
_BY_INTERRUPT = (
    "start: Python imports",
    "comment: made, not answered",
    "fetch",
    "sandbox: made, not answered",
    "first request",
    "mid-stream, more is written",
    "a silent command",
    "commit: the tree is asked for",
    "commit: the branch is made, not answered",
    "pull request: made, not answered",
    "report: the sandbox is to end",
    "report: the comment is to be edited",
)
_BY_TERMINATION = (
    "start: GitHub is asked for the permission",
    "sandbox: asked for",
    "mid-stream, nothing is committed",
    "commit: the branch is asked for",
    "commit: the branch has moved, not answered",
    "report: the comment is edited, not answered",
)


def stopped(number: int, at: Moment) -> Callable[[Scene], None]:
    """A main step that gets a signal at a moment; then the post step."""

    def act(scene: Scene) -> None:
        arrive = at.arrange(scene)
        job = scene.label(1)
        scene.stop(job, number, arrive)
        scene.close(job)

    return act


def going_on(*steps: Step, last: Step) -> Callable[[Scene], None]:
    """A main step that is cancelled while it waits for the model, and whose model goes on while it says so."""

    def act(scene: Scene) -> None:
        asked, answered = threading.Event(), threading.Event()

        def hold(_: Any) -> Step:
            asked.set()
            answered.wait(30)
            return last

        scene.play(*steps, hold)
        saying = scene.github.fail("PATCH", "/issues/comments/", hold=scene.released)

        def arrive(main: Main) -> None:
            assert asked.wait(30)
            main.process.send_signal(signal.SIGINT)
            assert saying.reached.wait(30)
            answered.set()

        job = scene.label(1)
        scene.stop(job, signal.SIGTERM, arrive)
        scene.close(job)

    return act


CELLS = (
    *(Cell("SIGKILL", at.name, stopped(signal.SIGKILL, at), "failed", _CUT_OFF) for at in MOMENTS if at.name not in _BEFORE),
    *(Cell("SIGINT", name, stopped(signal.SIGINT, moment(name)), "cancelled", _ENDED) for name in _BY_INTERRUPT),
    *(Cell("SIGTERM", name, stopped(signal.SIGTERM, moment(name)), "cancelled", _ENDED) for name in _BY_TERMINATION),
    Cell("SIGINT, then the model answers with calls", "mid-stream, nothing is committed",
         going_on(*story.WORK, last=reply(story.NEVER)), "cancelled", _ENDED),
    Cell("SIGINT, then the model is done", "mid-stream, more is written",
         going_on(*story.MORE_WORK, last=story.DONE), "cancelled", _ENDED),
)  # fmt: skip
