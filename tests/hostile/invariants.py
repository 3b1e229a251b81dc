"""The eight invariants: what must be true after every attack, whatever it was. Each gives its faults in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ai_dev.errors import Status
from standins.service import Sent, Service
from tests.hostile import commands
from tests.hostile.canaries import CANARIES, find
from tests.hostile.scene import BASE, Outcome

_MEMORY = 400_000
"""KiB that a run may have at its peak, with the worker's own that it is a fork of."""
_POST_SECONDS = 10.0
_HEADERS = {
    "github": ("authorization", "github-token"),
    "openai": ("authorization", "openai-api-key"),
    "e2b": ("x-api-key", "e2b-api-key"),
}
"""Service -> the header that may hold a secret, and which."""
_OUR_REF = re.compile(r"refs/(heads/(ai-dev/.+|ai-dev-(issue-\d+|run-\d+)(-\d+)?)|ai-dev/.+|pull/\d+/head)")
"""Refs that may change; those of pull requests are moved by GitHub."""
_TRAILERS = re.compile(r".*\n\nAI-Dev-Run: \S+(\nCo-authored-by: [^\n]+)?\n*", re.DOTALL)
_REPOSITORY = "/repos/octo/demo"
_EXPECTED = re.compile(
    "|".join((
        r"GET /octo/demo\.git/info/refs",
        r"POST /octo/demo\.git/git-upload-pack",
        r"POST /graphql",
        rf"GET {_REPOSITORY}",
        rf"GET {_REPOSITORY}/collaborators/[^/]+/permission",
        rf"GET {_REPOSITORY}/issues/\d+(/comments)?",
        rf"POST {_REPOSITORY}/issues/\d+/(comments|reactions)",
        rf"(PATCH|DELETE) {_REPOSITORY}/issues/comments/\d+",
        rf"POST {_REPOSITORY}/issues/comments/\d+/reactions",
        rf"POST {_REPOSITORY}/git/(blobs|trees|commits|refs)",
        rf"GET {_REPOSITORY}/git/ref/(heads/ai-dev[/-][\w/-]+|ai-dev/[\w/-]+)",
        rf"PATCH {_REPOSITORY}/git/refs/(heads/ai-dev[/-][\w/-]+|ai-dev/[\w/-]+)",
        rf"GET {_REPOSITORY}/(commits/[0-9a-f]{{40}}|compare/[0-9a-f]{{40}}\.\.\.[0-9a-f]{{40}})",
        rf"(GET|POST) {_REPOSITORY}/pulls",
        rf"PATCH {_REPOSITORY}/pulls/\d+",
    ))
)  # fmt: skip
"""All that the action ever asks of GitHub."""


def find_faults(outcome: Outcome) -> list[str]:
    """What of the invariants does not hold, each with its number."""
    invariants = (
        secrets_stay, only_expected_requests, no_foreign_command, nothing_outside, sandboxes_end, documented_ending,
        commits_are_ours, only_configured_services,
    )  # fmt: skip
    return [f"I{i}: {fault}" for i, check in enumerate(invariants, 1) for fault in check(outcome)]


def secrets_stay(outcome: Outcome) -> Iterator[str]:
    """I1: each secret is in its own header and its mask, and in no form anywhere else."""
    scene = outcome.scene
    for step in (outcome.main, outcome.post):
        yield from _masks(step.log)
        yield from (f"{leak} is in the log" for leak in find(_unmasked(step.log)))
    for folder in sorted(outcome.job.directory.glob("step-*")):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            if file.name not in ("event.json", "log", "log.audit"):
                yield from (f"{leak} is in {file.name}" for leak in find(file.read_bytes()))
    for name, service in (("github", scene.github), ("openai", scene.openai), ("e2b", scene.e2b)):
        known = outcome.attack.planted if name != "github" else frozenset()
        yield from _sent(name, service, known)
    objects = scene.repository.objects.run("cat-file", "--batch-all-objects", "--batch")
    yield from (f"{leak} is in a pushed object" for leak in find(objects))


def _masks(log: str) -> Iterator[str]:
    """Every secret is masked once, before anything else is printed."""
    first = commands.lines(log)[: len(CANARIES)]
    if sorted(first) != sorted(f"::add-mask::{secret}" for secret in CANARIES.values()):
        yield f"the log does not begin with the masks alone: {[line[:14] for line in first]}"
    if sum(name == "add-mask" for name, _ in commands.commands(log)) != len(CANARIES):
        yield "there are other masks"


def _unmasked(log: str) -> str:
    masks = {f"::add-mask::{secret}" for secret in CANARIES.values()}
    return "\n".join(line for line in commands.lines(log) if line not in masks)


def _sent(name: str, service: Service, known: Iterable[str]) -> Iterator[str]:
    header, own = _HEADERS[name]
    for sent in service.journal:
        where = f"sent to {name}: {sent.method} {sent.path}"
        for leak in find(f"{sent.path} {json.dumps(sent.query)}"):
            yield f"{leak} is in the address {where}"
        for key, value in sent.headers.items():
            yield from (
                f"{leak} is in the header {key} {where}"
                for leak in find(value)
                if not (key.lower() == header and leak.startswith(own))
            )
        yield from (
            f"{leak} is in the body {where}" for leak in find(bytes(sent.body)) if leak.split(" ")[0] not in known
        )


def only_expected_requests(outcome: Outcome) -> Iterator[str]:
    """I2: GitHub saw only the requests that the action is made of, and only our refs changed."""
    yield from (
        f"unexpected: {s.method} {s.path}" for s in outcome.scene.github.journal if not _EXPECTED.fullmatch(_line(s))
    )
    now = outcome.refs_now()
    for ref in sorted(now.keys() | outcome.refs.keys()):
        if (
            now.get(ref) != outcome.refs.get(ref)
            and now.get(ref) not in outcome.scene.planted
            and not _OUR_REF.fullmatch(ref)
        ):
            yield f"{ref} changed"


def _line(sent: Sent) -> str:
    return f"{sent.method} {sent.path}"


def no_foreign_command(outcome: Outcome) -> Iterator[str]:
    """I3: whatever the runner takes for a command is ours."""
    for name, value in commands.commands(outcome.log):
        if name not in commands.OURS:
            yield f"the runner would do: {name} {value[:60]}"


_NOT_OF_THE_RUN = re.compile(r"/dev/null|.*/\.coverage\.[^/]*")
"""The null device, and what measures the coverage of the tests."""


def nothing_outside(outcome: Outcome) -> Iterator[str]:
    """I4: nothing is written but the runner's files and the run's own temporary folder, which is gone at the end."""
    own = re.compile(r"/tmp/(ai-dev-\w{8}(/.*)?|\w{8})")  # the second is how Python finds out where it can write
    for step in _steps(outcome):
        for path in {path for kind, *paths in _audit(step) if kind == "write" for path in paths}:
            if own.fullmatch(path):
                if Path(path).exists():
                    yield f"{path} is left behind"
            elif not Path(path).is_relative_to(step) and not _NOT_OF_THE_RUN.fullmatch(path):
                yield f"{path} was written"


def sandboxes_end(outcome: Outcome) -> Iterator[str]:
    """I5: every sandbox that was created was killed."""
    if not outcome.attack.outlives:
        yield from (f"sandbox {s.id} lives" for s in outcome.scene.e2b.sandboxes.values() if s.alive)


def documented_ending(outcome: Outcome) -> Iterator[str]:
    """I6: exit code and status are documented ones and belong together; time and memory are bounded."""
    main, post = outcome.main, outcome.post
    known = {str(status): status.exit_code for status in Status}
    if outcome.status not in known:
        yield f"the status is {outcome.status!r}"
    elif known[outcome.status] != main.exit_code:
        yield f"{outcome.status} ended with exit code {main.exit_code}"
    if Status.BUG in (outcome.status, post.outputs.get("status")) or "Traceback" in outcome.log or post.exit_code:
        yield f"a bug of ours showed itself (exit codes {main.exit_code} and {post.exit_code})"
    if main.seconds > outcome.attack.seconds or post.seconds > _POST_SECONDS:
        yield f"it took {main.seconds:.1f} s and {post.seconds:.1f} s"
    if max(main.peak_memory, post.peak_memory) > _MEMORY:
        yield f"it took {max(main.peak_memory, post.peak_memory) >> 10} MiB"


def commits_are_ours(outcome: Outcome) -> Iterator[str]:
    """I7: every pushed commit stands on our base, is the token's, and ends with our trailers."""
    before = outcome.refs.values()
    listed = outcome.git("rev-list", "--all", "--not", *sorted(before)).split() if before else []
    for sha in sorted(set(listed) - outcome.scene.planted):
        if outcome.git("merge-base", outcome.refs[BASE], sha).strip() != outcome.refs[BASE]:
            yield f"{sha} does not stand on the base"
        author, parents, message = outcome.git("show", "-s", "--format=%an%n%P%n%B", sha).split("\n", 2)
        if author != "github-actions[bot]" or len(parents.split()) != 1 or not _TRAILERS.fullmatch(message):
            yield f"{sha} by {author} has not our form: {message[-200:]!r}"


def only_configured_services(outcome: Outcome) -> Iterator[str]:
    """I8: no connection but to the services that the run was given, and no other process.

    Seen are Python's own sockets, all but those of e2b's transport; and whatever reaches the server that attacks name.
    """
    scene = outcome.scene
    yield from (f"sent elsewhere: {sent.method} {sent.path}" for sent in scene.elsewhere.journal)
    ports = {service.url.rpartition(":")[2] for service in (scene.github, scene.openai, scene.e2b)}
    for step in _steps(outcome):
        for kind, *what in _audit(step):
            if kind == "connect" and (what[0] not in ("127.0.0.1", "localhost") or what[1] not in ports):
                yield f"a connection to {':'.join(what)}"
            elif kind == "process":
                yield f"a process was started: {' '.join(what)}"


def _steps(outcome: Outcome) -> list[Path]:
    return sorted(outcome.job.directory.glob("step-*"))


def _audit(step: Path) -> list[list[str]]:
    """What the step wrote, connected to and started, as the worker saw it."""
    return [json.loads(line) for line in (step / "log.audit").read_text(encoding="utf-8").splitlines()]
