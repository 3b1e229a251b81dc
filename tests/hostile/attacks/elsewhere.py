"""Services that send the run elsewhere, or let it wait: it connects to those that it was given, and gives up in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standins.openai import Page, call
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, calls, commit, nothing_pushed, said
from tests.hostile.canaries import CANARIES
from tests.hostile.scene import Attack, By, Outcome, Scene

REFS = "/octo/demo.git/info/refs?service=git-upload-pack"
FETCH = "/git-upload-pack$"
RUN = "/process.Process/Start$"
ISSUE = "/repositories/1/issues/1/comments"


def github(method: str, path: str, **answer: Any) -> Callable[[Scene], Job]:
    """GitHub answers so to requests of this kind, for ever; the model delivers a change."""

    def act(scene: Scene) -> Job:
        scene.github.fail(method, path, **{"times": None, **answer})
        return calls(PATCH, commit())(scene)

    return act


def sent_on(method: str, path: str, status: int, to: str, host: str = "127.0.0.1") -> Callable[[Scene], Job]:
    """GitHub sends requests of this kind on to a server that is not the run's."""

    def act(scene: Scene) -> Job:
        address = scene.elsewhere.url.replace("127.0.0.1", host)
        return github(method, path, status=status, headers={"Location": address + to})(scene)

    return act


def sent_round(scene: Scene) -> Job:
    """GitHub sends one address on to the next, and that back to the first."""
    for path, to in (("/issues/1/comments$", ISSUE), (f"^{ISSUE}$", "/repos/octo/demo/issues/1/comments")):
        scene.github.fail("GET", path, status=301, headers={"Location": scene.github.api_url + to}, times=None)
    return calls(PATCH, commit())(scene)


def sandbox_sent_on(path: str, status: int) -> Callable[[Scene], Job]:
    """E2B, or the sandbox, sends requests of this kind on to a server that is not the run's."""

    def act(scene: Scene) -> Job:
        scene.e2b.fail("", path, status=status, headers={"Location": f"{scene.elsewhere.url}/x"}, times=None)
        return calls(PATCH, commit())(scene)

    return act


def model_sent_on(status: int) -> Callable[[Scene], Job]:
    """OpenAI sends the request on to a server that is not the run's."""

    def act(scene: Scene) -> Job:
        scene.play(Page(status, "", headers={"Location": f"{scene.elsewhere.url}/v1/responses"}))
        return scene.label(1)

    return act


def packet(text: str) -> bytes:
    """A line of git's protocol."""
    return b"%04x%b" % (len(text) + 4, text.encode())


def listed(line: str, times: int | None = None) -> Callable[[Scene], Job]:
    """GitHub lists one branch in this line; ``{main}`` in it is the base's id."""

    def act(scene: Scene) -> Job:
        sha = scene.repository.git("rev-parse", "main").strip()
        body = packet(line.format(main=sha)) + b"0000"
        kind = {"Content-Type": "application/x-git-upload-pack-result"}
        return github("POST", FETCH, status=200, body=body, headers=kind, times=times)(scene)

    return act


def asked_once(outcome: Outcome) -> None:
    """Nothing was pushed, and the discussion was asked for once."""
    nothing_pushed(outcome)
    assert 1 == len(outcome.scene.github.requests("GET", "/comments$"))


def forged_commit(scene: Scene) -> Job:
    """GitHub answers with its own token where the ids of the commit and of the branch's tip would be."""
    sha = {"sha": CANARIES["github-token"]}
    scene.github.fail("POST", "/git/refs$", status=201, body={"object": sha}, times=None)
    return github("POST", "/git/commits$", status=201, body=sha)(scene)


def forged_pull(scene: Scene) -> Job:
    """GitHub answers with its own token, and a workflow command, in the pull request's address."""
    address = f"https://x.example/{CANARIES['github-token']}\n::add-path::/x"
    pull = {"number": 7, "html_url": address, "head": {"ref": "x", "sha": "y"}}
    scene.github.fail("POST", "/pulls$", status=201, body=pull, times=None)
    scene.use(PATCH, commit(), call("make_pull_request", title="Add", body="It adds."))
    return scene.label(1)


ATTACKS = (
    *[
        Attack(f"A fetch is not sent on by {status}", By.GITHUB, f"answers {status} with another server to the list of branches",
               sent_on("GET", "/info/refs$", status, REFS), "failed", nothing_pushed)
        for status in (301, 302, 303, 307, 308)
    ],
    Attack("A fetch of the pack is not sent on", By.GITHUB, "answers 307 with another server to the fetch itself",
           sent_on("POST", FETCH, 307, "/octo/demo.git/git-upload-pack"), "failed", nothing_pushed),
    *[
        Attack(f"A request to read is not sent on by {status}", By.GITHUB, f"answers {status} with another server to the discussion",
               sent_on("GET", "/comments$", status, "/x"), "failed", asked_once)
        for status in (301, 302, 303, 307, 308)
    ],
    Attack("A request to write is not sent on", By.GITHUB, "answers 301 with another server to the tree",
           sent_on("POST", "/git/trees$", 301, "/x"), "failed", nothing_pushed),
    Attack("Another name for the server is another server", By.GITHUB, "answers 301 with its own address by another name",
           sent_on("GET", "/comments$", 301, "/x", "localhost"), "failed", asked_once),
    Attack("Redirects in a circle end", By.GITHUB, "sends the discussion on to an address that is sent back", sent_round,
           "failed", said("renamed or moved")),
    Attack("An answer for later is not waited for", By.GITHUB, "answers 202 to the discussion for ever",
           github("GET", "/comments$", status=202, body={}), "failed", asked_once),
    Attack("A fetch waits no day", By.GITHUB, "answers 503 to the fetch and asks to wait for a day",
           github("GET", "/info/refs$", status=503, headers={"Retry-After": "86400"}, times=2), "opened"),
    Attack("A limit without end is none", By.GITHUB, "says that its limit ends in infinity",
           github("GET", "/comments$", status=200, body={}, headers={"X-RateLimit-Reset": "inf"}), "failed", asked_once),
    Attack("An id of a branch is an id", By.GITHUB, "lists the base branch with a command in place of its id",
           listed("$(touch${{IFS}}/tmp/x) refs/heads/main"), "failed", said("main")),
    Attack("What a package says is not printed", By.GITHUB, "lists the base branch with a workflow command behind it",
           listed("{main} refs/heads/main ##[add-path]/x", times=1), "opened"),
    Attack("A commit's id holds no token", By.GITHUB, "answers with the token for the ids of commit and branch", forged_commit,
           "failed", said("has not the form")),
    Attack("An address holds no token", By.GITHUB, "answers with the token in the pull request's address", forged_pull, "failed"),
    *[
        Attack(f"OpenAI's {status} takes the key nowhere", By.OPENAI, f"answers {status} with another server", model_sent_on(status), "failed")
        for status in (301, 302, 303)
    ],
    *[
        Attack(f"E2B's {status} creates no sandbox elsewhere", By.E2B, f"answers {status} with another server to the sandbox's creation",
               sandbox_sent_on("^/v2/sandboxes$", status), "failed")
        for status in (301, 302, 308)
    ],
    Attack("A command is not sent on", By.SANDBOX, "answers 307 with another server to a command", sandbox_sent_on(RUN, 307), "failed"),
    Attack("A file is not sent on", By.SANDBOX, "answers 302 with another server to the repository's files",
           sandbox_sent_on("^/files$", 302), "failed"),
)  # fmt: skip
