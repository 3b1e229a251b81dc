"""OpenAI and GitHub misbehave: what they say is shown without keys, what they claim is checked, what they send is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standins.openai import (
    Page,
    Step,
    call,
    error,
    error_event,
    failed,
    nested_error_event,
    refuse,
    reply,
    say,
    unknown_item,
)  # fmt: skip
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, bomb, calls, commit, nothing_pushed
from tests.hostile.attacks.services import github, model_says
from tests.hostile.canaries import CANARIES
from tests.hostile.scene import Attack, By, Outcome, Scene

KEY = CANARIES["openai-api-key"]
HOSTILE = f"{KEY}\n::add-path::/x\r##[stop-commands]y\x1b[2J"
LEAK = f"{CANARIES['github-token']}\n::add-path::/x\r##[stop-commands]y"
ELSEWHERE = {"Location": "http://127.0.0.1:9/"}
AT_ONCE = {"Retry-After": "0"}
BOMB = {"body": bomb(100, b"["), "headers": {"Content-Encoding": "gzip"}}
ZERO = "0" * 40


def openai(name: str, tries: str, *steps: Step, status: str | tuple[str, ...] = "failed", **more: Any) -> Attack:
    """OpenAI answers so; nothing is pushed."""
    return Attack(name, By.OPENAI, tries, model_says(*steps), status, nothing_pushed, **more)


def hub(  # noqa: PLR0917 - a row of the table
    name: str, tries: str, method: str, path: str, ends: str | tuple[str, ...] = "failed",
    check: Callable[[Outcome], None] = nothing_pushed, **fault: Any,
) -> Attack:  # fmt: skip
    """GitHub answers so to requests of this kind."""
    return Attack(name, By.GITHUB, tries, github(method, path, **fault), ends, check)


def seen_in_time(outcome: Outcome) -> None:
    """A single sandbox was made, and the model was asked no more than three times."""
    assert len(outcome.scene.e2b.sandboxes) <= 1
    assert len(outcome.scene.openai.journal) <= 3


def unpublished(outcome: Outcome) -> None:
    """There is no pull request, and no address of elsewhere in what we published."""
    assert {} == outcome.scene.repository.pulls
    for comment in outcome.scene.repository.issues[1].comments:
        assert "evil.example" not in comment.body


def with_usage(usage: dict[str, Any]) -> Callable[[Scene], Job]:
    """OpenAI counts so."""
    return model_says(reply(PATCH, usage=usage), reply(say("Done."), usage=usage))


def second_commit(scene: Scene) -> Job:
    """A second commit meets a branch that has moved."""
    scene.github.fail("PATCH", "/git/refs/", status=422, body={"message": "Update is not a fast forward"}, times=None)
    more = call("save_content_to_file", path="b.txt", content="b\n")
    return calls(PATCH, commit(), more, commit("Add b"))(scene)


ATTACKS = (
    openai("An error with a key is shown without", "quotes the key in 401", error(401, "invalid_api_key", f"Incorrect key: {HOSTILE}")),
    openai("An error's code is text", "gives a hostile code and parameter", error(400, HOSTILE, HOSTILE, param=HOSTILE)),
    openai("An error in the stream is shown without the key", "quotes the key in an error event", error_event("invalid_api_key", HOSTILE)),
    openai("An error in another form is shown without the key", "quotes the key in a nested error",
           nested_error_event("invalid_api_key", HOSTILE)),
    openai("A failed answer is shown without the key", "quotes the key in response.failed", failed("invalid_api_key", HOSTILE)),
    openai("A key in disguise is not shown either", "quotes the key reversed and in hex",
           error(403, None, f"{KEY[::-1]} {KEY.encode().hex()}")),
    openai("A page of an error is cut", "answers 403 with 8 MB of HTML", Page(403, "::error::x\n" * 700_000, "text/html")),
    openai("A long wait is not waited", "asks for an hour's wait", error(429, None, "Slow down", {"Retry-After": "3600"}), status="stopped"),
    openai("Waits are bounded in number", "answers 429 for ever", *[error(429, None, HOSTILE, AT_ONCE)] * 8, status="stopped"),
    openai("A refusal ends the run", "lets the model refuse, quoting the key", reply(refuse(f"No. {HOSTILE}")), status="stopped"),
    openai("A quota that is used up ends the run", "answers insufficient_quota", error(429, "insufficient_quota", HOSTILE), status="stopped"),
    openai("308 takes the key nowhere", "answers 308 to another host",
           Page(308, "", headers={"Location": "http://169.254.169.254/v1/responses"})),
    openai("Tools of the provider do nothing", "sends mcp, shell, search and code calls",
           reply(unknown_item("mcp_call", name="x", arguments="{}", server_label="evil"), unknown_item("shell_call", action={"commands": ["id"]}),
                 unknown_item("web_search_call", action={"type": "search", "query": KEY}), unknown_item("local_shell_call", action={}),
                 unknown_item("code_interpreter_call", code="1", container_id="c"), say("Done.")), reply(say("Done.")),
           status="answered"),
    openai("An answer of nothing is none", "sends no item, twice", reply(), reply(), reply(), status=("failed", "answered", "unchanged")),
    openai("Cut answers end in words", "says that every answer was cut", *[reply(say("x"), status="incomplete")] * 4,
           status=("failed", "answered", "stopped")),
    openai("Last words are cut", "says 300 kB as its last words", reply(say("::error::x @octo " * 18_000)), status="answered"),
    Attack(
        "What is counted is a number", By.OPENAI, "counts tokens in negative and huge numbers",
        with_usage({"input_tokens": -1, "output_tokens": 10**30, "total_tokens": 0}), ("opened", "failed"),
    ),
    hub("A refused branch is told", "answers 403 to the branch, quoting the token", "POST", "/git/refs$", status=403, body={"message": LEAK}),
    hub("A rejected branch is told", "answers 422 to the branch", "POST", "/git/refs$", status=422, body={"message": "Rule violation. " + LEAK}),
    hub("A name that is always taken is given up", "says that every branch exists", "POST", "/git/refs$", status=422,
        body={"message": "Reference already exists"}),
    hub("A refused commit is told", "answers 403 to the commit", "POST", "/git/commits$", status=403, body={"message": LEAK}),
    hub("Another tree's id is found out", "answers with another tree", "POST", "/git/trees$", status=201,
        body={"sha": ZERO, "url": "x", "tree": []}),
    hub("A commit's id is an id", "answers with a path in place of the commit's id", "POST", "/git/commits$", status=201,
        body={"sha": "../../../user", "url": "x"}),
    hub("HTML is no tree", "answers HTML to the tree", "POST", "/git/trees$", status=201, body="<html>" + LEAK),
    hub("A redirect of the branch goes nowhere", "answers 307 to another host", "POST", "/git/refs$", status=307, headers=ELSEWHERE),
    hub("A fetch that is refused is told", "answers 403 to the fetch, quoting the token", "GET", "/info/refs$", status=403, body=LEAK),
    hub("A bomb of gzip is cut", "sends 100 MB of comments as 100 kB", "GET", "/issues/1/comments$", status=200, **BOMB),
    hub("A pull request that is refused leaves the branch", "answers 422 to the pull request", "POST", "/pulls$", check=unpublished,
        status=422, body={"message": "Validation Failed " + LEAK}),
    hub("A pull request's address is GitHub's", "answers with HTML to the pull request", "POST", "/pulls$", check=unpublished,
        status=201, body="<html>" + LEAK),
    hub("A pull request of half an answer is none", "answers {} to the pull request", "POST", "/pulls$", check=unpublished, status=201, body={}),
    Attack(
        "A comment that may not be written stops nothing", By.GITHUB, "answers 403 to our comment, quoting the token",
        github("POST", "/issues/1/(comments|reactions)$", status=403, body={"message": LEAK}), ("opened", "failed"),
    ),
    Attack(
        "The token's limits are told", By.GITHUB, "answers that the rate limit is used up for an hour",
        github("POST", "/git/trees$", status=403, body={"message": "API rate limit exceeded " + LEAK},
               headers={"X-RateLimit-Remaining": "0", "Retry-After": "3600"}), "failed", nothing_pushed,
    ),
    Attack(
        "A moved branch is not forced", By.GITHUB, "rejects the second commit as no fast-forward",
        second_commit, ("opened", "failed"), seen_in_time,
    ),
)  # fmt: skip
