"""What an attack is, the stage that it happens on, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from werkzeug.routing import Map

from standins.openai import Step, last_outputs, reply, say
from standins.runner import Job, Result
from standins.service import Sent, Service
from standins.stage import Stage
from tests.hostile.canaries import CANARIES, RUNNERS
from tests.projects import CALCULATOR

BASE = "refs/heads/main"


class By(StrEnum):
    """Who plays the attacker."""

    AUTHOR = "issue author"
    COMMENTER = "commenter"
    STARTER = "starter"
    REPOSITORY = "repository"
    MODEL = "model"
    SANDBOX = "sandbox"
    OPENAI = "OpenAI"
    E2B = "E2B"
    GITHUB = "GitHub"


class Elsewhere(Service):
    """A server that the run was not given: whoever sends it there must not get it to go."""

    url_map: ClassVar[Map] = Map([])


class Scene(Stage):
    """A stage whose secrets are canaries, and what attacks do on it.

    There is issue 1 of ``octo``, the owner; ``mallory`` is a user who may only read.
    """

    def __init__(self, directory: Path, *, source: Path | None, private: bool = False) -> None:
        super().__init__(directory, source=source, private=private)
        self.github.add_token(CANARIES["github-token"])
        self.openai.keys, self.e2b.keys = [CANARIES["openai-api-key"]], [CANARIES["e2b-api-key"]]
        self.mallory = self.github.add_user("mallory")
        self.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
        self.answers: list[str] = []
        """What the tools answered to the calls of ``use``."""
        self.planted: set[str] = set()
        """Commits that others made while the run went on."""
        self.elsewhere = Elsewhere()

    def __enter__(self) -> Self:
        self._services.enter_context(self.elsewhere)
        return super().__enter__()

    def job(
        self,
        event_name: str,
        event: Mapping[str, Any] | str,
        inputs: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Job:
        """A job with the canaries."""
        return super().job(event_name, event, {**CANARIES, **(inputs or {})}, {**RUNNERS, **(variables or {})})

    def play(self, *steps: Step) -> None:
        """Let the model answer so, request by request."""
        self.openai.play(*steps)

    def use(self, *calls: dict[str, Any], last: str = "Done.") -> None:
        """Let the model make these calls in one reply and then end; ``answers`` keeps what it was told."""

        def keep(body: dict[str, Any]) -> Step:
            self.answers.extend(last_outputs(body).values())
            return reply(say(last))

        self.openai.play(reply(*calls), keep)

    def issue(self, title: str, body: str | None, user: str = "mallory") -> int:
        """Let somebody open an issue; its number."""
        return self.repository.add_issue(title, body, user=user).number

    def plant(self, branch: str, files: Mapping[str, bytes | None], message: str = "Mine") -> str:
        """Let somebody push to a branch, before the run or during it."""
        sha = self.repository.push(branch, files, message=message)
        self.planted.add(sha)
        return sha


@dataclass
class Outcome:
    """What came of an attack: the scene after it, the two steps of the job, and the refs as they were before."""

    attack: Attack
    scene: Scene
    job: Job
    main: Result
    post: Result
    refs: Mapping[str, str]

    @property
    def log(self) -> str:
        """Both steps' output."""
        return self.main.log + "\n" + self.post.log

    @property
    def status(self) -> str:
        """How the run ended; empty when it could not say."""
        return self.main.outputs.get("status", "")

    @property
    def prompts(self) -> str:
        """All that the model was shown, as JSON texts."""
        return "\n".join(json.dumps(body, ensure_ascii=False) for body in self.scene.openai.conversations)

    @property
    def told(self) -> str:
        """What the tools answered, one after the other."""
        return "\n".join(self.scene.answers)

    @property
    def writes(self) -> list[Sent]:
        """The requests that wrote to GitHub."""
        reading = ("/graphql", "/git-upload-pack")
        return [s for s in self.scene.github.journal if s.method != "GET" and not s.path.endswith(reading)]

    @property
    def happened(self) -> str:
        """The ending in a line, for the table."""
        said = [
            line for line in self.main.log.splitlines() if line.startswith(("::error::", "::notice::", "::warning::"))
        ]
        return said[-1].split("::", 2)[2] if said else f"exit {self.main.exit_code}"

    def git(self, *args: str) -> str:
        """What git prints in the repository on the server."""
        return self.scene.repository.git(*args)

    def diff(self) -> str:
        """What is on our branch and not on the base."""
        return self.git("diff", "main", "ai-dev/issue-1") if "refs/heads/ai-dev/issue-1" in self.refs_now() else ""

    def refs_now(self) -> dict[str, str]:
        """The server's refs and their commits."""
        return read_refs(self.scene)


def read_refs(scene: Scene) -> dict[str, str]:
    """The server's refs and their commits."""
    listed = scene.repository.git("for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.rsplit(" ", 1) for line in listed.splitlines())


@dataclass(frozen=True)
class Attack:
    """One attack. After it all invariants are asserted; the fields say what must come out beside them."""

    name: str
    """What it shows: a promise in a few words."""
    by: By
    tries: str
    """What the attacker tries, for the table."""
    act: Callable[[Scene], Job]
    """Sets it up and gives the job that it meets."""
    status: str | tuple[str, ...]
    """How the run ends; of several that are right, each."""
    check: Callable[[Outcome], None] = lambda _: None
    """More that must be true of the outcome."""
    files: Mapping[str, str | bytes] = field(default_factory=lambda: CALCULATOR)
    """The repository's files."""
    private: bool = False
    """Whether the repository is private."""
    planted: frozenset[str] = frozenset()
    """The canaries (by input) that the attacker has and puts before the model or the sandbox himself."""
    problems: str = "(?!)"
    """Pattern of what the stand-ins may find wrong with the requests, because the attack makes it so."""
    outlives: bool = False
    """Whether the attack keeps us from ending the sandbox."""
    seconds: float = 20.0
    """The longest that the main step may take."""
