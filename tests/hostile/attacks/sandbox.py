"""The sandbox and E2B: typed errors and bounds, whatever they do."""

from __future__ import annotations

from standins.openai import Step, reply, say
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, said
from tests.hostile.canaries import CANARIES
from tests.hostile.scene import Attack, By, Scene


def gone(scene: Scene) -> Job:
    """The sandbox vanishes while the model thinks, as do those in its place."""

    def vanish(_: dict[str, object]) -> Step:
        for sandbox in list(scene.e2b.sandboxes):
            scene.e2b.vanish(sandbox)
        return reply(PATCH)

    scene.play(*[vanish] * 3)
    return scene.label(1)


def unkillable(scene: Scene) -> Job:
    """E2B ends no sandbox."""
    scene.e2b.fail("DELETE", "^/sandboxes/", status=500, body={"message": "no"}, times=None)
    scene.play(reply(say("Nothing to do.")))
    return scene.label(1)


def echoed(scene: Scene) -> Job:
    """E2B's refusal quotes the key."""
    body = {"code": 400, "message": f"Bad key {CANARIES['e2b-api-key']}\n::add-path::/x"}
    scene.e2b.fail("POST", "^/v2/sandboxes", status=400, body=body, times=None)
    return scene.label(1)


ATTACKS = (
    Attack(
        "A sandbox that is gone ends the run with the reason",
        By.SANDBOX, "vanishes in the middle", gone, "failed", said("sandbox"),
    ),
    Attack(
        "A sandbox that cannot be ended is told",
        By.E2B, "answers 500 to every kill", unkillable, "answered", outlives=True,
    ),
    Attack(
        "E2B's words are shown without the key",
        By.E2B, "quotes the key and a workflow command in a refusal", echoed, "failed", said("***"),
    ),
)  # fmt: skip
