"""The runner ends the main step: by SIGINT, by SIGTERM, or by SIGKILL, which may as well be the machine's memory."""

from __future__ import annotations

import signal
from collections.abc import Callable

from tests.faults.moments import MOMENTS, Moment
from tests.faults.scene import Cell, Scene


def stopped(number: int, moment: Moment) -> Callable[[Scene], None]:
    """A main step that gets a signal at a moment; then the post step."""

    def act(scene: Scene) -> None:
        arrive = moment.arrange(scene)
        job = scene.label(1)
        scene.stop(job, number, arrive)
        scene.close(job)

    return act


CELLS = tuple(
    Cell("SIGKILL", moment.name, stopped(signal.SIGKILL, moment), "failed", "The run was cut off") for moment in MOMENTS
)
