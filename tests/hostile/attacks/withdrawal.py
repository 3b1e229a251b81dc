"""What changes while the run goes on: it may not write any more, or somebody cancels it. Nothing is left half done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from standins.openai import Step, reply, say
from standins.runner import Job
from standins.service import Service
from tests.hostile.attacks.checks import PATCH, commit, nothing_pushed
from tests.hostile.attacks.words import pull
from tests.hostile.running import find_step
from tests.hostile.scene import Attack, By, Outcome, Scene

CREATION = "^/v2/sandboxes$"
PERMISSION = "/collaborators/[^/]+/permission$"
Change = Callable[[Scene], object]


def meanwhile(change: Change, *before: dict[str, Any]) -> Callable[[Scene], Job]:
    """The model makes calls; then this changes, and it tries to write."""

    def act(scene: Scene) -> Job:
        def then(_: dict[str, Any]) -> Step:
            change(scene)
            return reply(commit(), pull())

        scene.play(reply(PATCH, *before), then, reply(say("Done.")))
        return scene.label(1)

    return act


def left(change: Change) -> Callable[[Scene], Job]:
    """This changes, and the model ends without a commit: we would make one."""

    def act(scene: Scene) -> Job:
        def then(_: dict[str, Any]) -> Step:
            change(scene)
            return reply(say("Done."))

        scene.play(reply(PATCH), then)
        return scene.label(1)

    return act


def revoke(scene: Scene) -> None:
    """The owner may only read from now on."""
    scene.repository.permissions["octo"] = "read"


def unlabel(scene: Scene) -> None:
    """Somebody takes the label off."""
    scene.repository.issues[1].labels.clear()


def close(scene: Scene) -> None:
    """Somebody closes the issue."""
    scene.repository.issues[1].state = "closed"


def answer(path: str, **fault: Any) -> Change:
    """GitHub answers so from now on."""
    return lambda scene: scene.github.fail("GET", path, times=None, **fault)


def no_pull(outcome: Outcome) -> None:
    """There is no pull request."""
    assert {} == outcome.scene.repository.pulls


def withdrawn(name: str, tries: str, change: Change) -> Attack:
    """After this change nothing is pushed."""
    return Attack(name, By.STARTER, tries, meanwhile(change), "refused", nothing_pushed)


def cancelled(
    service: Callable[[Scene], Service], method: str, path: str, *calls: dict[str, Any]
) -> Callable[[Scene], Job]:
    """The run is cancelled while it waits for the answer to its first such request."""

    def act(scene: Scene) -> Job:
        released = threading.Event()
        asked = service(scene)
        asked.fail(method, path, hold=released)

        def cancel() -> None:
            asked.wait_for(method, path)
            while path == CREATION and not scene.e2b.sandboxes:
                released.wait(0.02)
            step = find_step()
            os.kill(int(step.name), signal.SIGINT)
            while step.exists() and not released.wait(0.02):
                pass
            released.set()

        threading.Thread(target=cancel, daemon=True).start()
        scene.play(reply(*(calls or [PATCH, commit(), pull()])), reply(say("Done.")))
        return scene.label(1)

    return act


def comment_is_true(outcome: Outcome) -> None:
    """No comment of ours says that the run is still at work."""
    for comment in outcome.scene.repository.issues[1].comments:
        assert "at work" not in comment.body


def github(scene: Scene) -> Service:
    """GitHub."""
    return scene.github


def openai(scene: Scene) -> Service:
    """OpenAI."""
    return scene.openai


def e2b(scene: Scene) -> Service:
    """E2B."""
    return scene.e2b


STAGES: dict[str, tuple[Callable[[Scene], Service], str, str]] = {
    "GitHub is asked for the permission": (github, "GET", PERMISSION),
    "the repository is fetched": (github, "POST", "/git-upload-pack$"),
    "the comment is posted": (github, "POST", "/issues/1/comments$"),
    "the sandbox is created": (e2b, "POST", CREATION),
    "a command of ours runs": (e2b, "POST", "^/process.Process/Start$"),
    "the model is asked": (openai, "POST", "/responses$"),
    "a tree is made": (github, "POST", "/git/trees$"),
    "the branch is made": (github, "POST", "/git/refs$"),
    "the pull request is opened": (github, "POST", "/pulls$"),
    "the sandbox is ended": (e2b, "DELETE", "^/sandboxes/"),
}

ATTACKS = (
    withdrawn("Without permission nothing is pushed", "loses write access during the run", revoke),
    withdrawn("Without the label nothing is pushed", "the label is taken off during the run", unlabel),
    withdrawn("For a closed issue nothing is pushed", "the issue is closed during the run", close),
    withdrawn("Without an answer nothing is pushed", "GitHub answers HTML to the second question",
              answer(PERMISSION, status=200, body="<html>admin</html>")),
    withdrawn("Another account's permission is none", "GitHub answers for another account the second time",
              answer(PERMISSION, status=200, body={"permission": "admin", "user": {"login": "octo", "id": 1, "type": "User"}})),
    withdrawn("Another issue's state is none", "GitHub answers with another issue",
              answer("/issues/1$", status=200, body={"number": 2, "state": "open", "labels": [{"name": "ai-dev"}]})),
    withdrawn("An issue that is gone is not open", "GitHub answers 404 for the issue", answer("/issues/1$", status=404)),
    Attack(
        "Leftovers are not pushed without permission", By.STARTER, "loses write access, the model commits nothing",
        left(revoke), "refused", nothing_pushed,
    ),
    Attack(
        "No pull request for a closed issue", By.STARTER, "closes the issue between commit and pull request",
        meanwhile(close, commit()), "refused", no_pull,
    ),
    *(
        Attack(f"A run that is cancelled while {when} ends clean", By.STARTER, f"cancels while {when}", cancelled(*request),
               "cancelled", comment_is_true)
        for when, request in STAGES.items()
    ),
)  # fmt: skip
