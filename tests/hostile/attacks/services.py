"""OpenAI and GitHub: what they say is redacted, what they send is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from standins.openai import Page, Reply, Step, error, reply, say, unknown_item
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, calls, commit, nothing_pushed, said
from tests.hostile.canaries import CANARIES
from tests.hostile.scene import Attack, By, Scene


def model_says(*steps: Step) -> Callable[[Scene], Job]:
    """The owner labels issue 1; OpenAI answers so."""

    def act(scene: Scene) -> Job:
        scene.play(*steps)
        return scene.label(1)

    return act


def endless(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that goes on and on, in events of 1 MB."""
    yield next(chunks)
    while True:
        yield b": " + b"x" * (1 << 20) + b"\n\n"


def without_a_line_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A stream whose event never ends."""
    yield next(chunks)
    while True:
        yield b"x" * (1 << 20)


def github(method: str, path: str, **answer: object) -> Callable[[Scene], Job]:
    """The model delivers a change; GitHub answers so to requests of this kind."""

    def act(scene: Scene) -> Job:
        scene.github.fail(method, path, times=None, **answer)
        return calls(PATCH, commit())(scene)

    return act


LEAK = f"{CANARIES['github-token']} \n::add-path::/x\n##[stop-commands]y"

ATTACKS = (
    Attack(
        "OpenAI's words are shown without the key",
        By.OPENAI, "quotes the key and a workflow command in an error",
        model_says(error(403, None, f"Bad key {CANARIES['openai-api-key']}\n::error::x")), "failed", said("***"),
    ),
    Attack(
        "A stream that never ends is ended", By.OPENAI, "streams for ever", model_says(Reply(ending=endless)), "stopped",
        said("more than 64 MiB"),
    ),
    Attack(
        "An event that never ends is ended", By.OPENAI, "sends one event for ever",
        model_says(Reply(ending=without_a_line_end)), "stopped", said("MiB"),
    ),
    Attack(
        "A redirect takes the key nowhere", By.OPENAI, "answers 307 to another port",
        model_says(Page(307, "", headers={"Location": "http://127.0.0.1:9/v1/responses"})), "failed",
    ),
    Attack(
        "Calls of the provider's own tools do nothing", By.OPENAI, "sends a computer_call and a web_search_call",
        model_says(reply(unknown_item("computer_call", action={"type": "screenshot"}), say("Done."))), "answered",
    ),
    Attack(
        "An answer without an end fills no memory", By.GITHUB, "sends 64 MiB of comments",
        github("GET", "/issues/1/comments", status=200, body=b"[" + b" " * (64 << 20)), "failed", nothing_pushed,
    ),
    Attack(
        "GitHub's words are shown without the token", By.GITHUB, "quotes the token and a workflow command in a refusal",
        github("POST", "/git/trees", status=422, body={"message": LEAK}), "failed", nothing_pushed,
    ),
    Attack(
        "A pull request that may not be opened leaves the branch", By.GITHUB, "answers 403 to the pull request",
        github("POST", "/pulls$", status=403, body={"message": "GitHub Actions is not permitted. " + LEAK}), "branch",
    ),
)  # fmt: skip
