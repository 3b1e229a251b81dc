"""What cells have in common: runs in forks that meet a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from standins.openai import Step
from tests.faults import story
from tests.faults.scene import Before, Scene

Change = Callable[[Scene], object]


def nothing(_: Scene) -> None:
    """No fault from the beginning."""


def meets(change: Change, *steps: Step | Before, inputs: Mapping[str, str] | None = None) -> Callable[[Scene], None]:
    """A run that meets a fault, by default with the whole story; then the post step."""

    def act(scene: Scene) -> None:
        change(scene)
        scene.play(*(steps or story.STORY))
        job = scene.label(1, inputs=inputs or {})
        scene.run(job)
        scene.close(job)

    return act


def fails(service: str, method: str, path: str, **how: Any) -> Change:
    """Requests of this kind to a service (github, e2b or openai) fail so, by default one of them."""
    return lambda scene: getattr(scene, service).fail(method, path, **how)


def both(*changes: Change) -> Change:
    """One change and the other."""

    def act(scene: Scene) -> None:
        for change in changes:
            change(scene)

    return act
