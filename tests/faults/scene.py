"""What a cell of the table is, the stage that it happens on, and what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standins.openai import Reply, Step
from standins.runner import Job, Result, spawn
from standins.stage import Stage
from tests.faults.story import WRITES, find_write

BOT = "github-actions[bot]"
AUDIT = Path(__file__).resolve().parent.parent / "audit.py"
_PATIENCE = 40


class Main:
    """A main step as a process of its own."""

    def __init__(self, job: Job) -> None:
        environ = job.environ()
        self.job, self.state = job, Path(environ["GITHUB_STATE"])
        self.log = self.state.parent / "log"
        with self.log.open("wb") as file:
            self.process = spawn(environ, file, [str(AUDIT), f"{self.log}.audit"])

    def end(self, number: int) -> Result:
        """Send the signal; what the step left, and the seconds that it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.job.collect(self.process.wait(_PATIENCE), self.log, time.monotonic() - began)


@dataclass(frozen=True)
class Before:
    """A step of the model's, and what changes just before it."""

    change: Callable[[Scene], object]
    step: Step


class Scene(Stage):
    """A stage with the calculator and issue 1 about it, and the runs that meet a fault there."""

    def __init__(self, directory: Path, *, source: Path, launch: Callable[[Job], Result]) -> None:
        super().__init__(directory, source=source)
        self._launch = launch
        self.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
        self.released = threading.Event()
        """Is set when a run is over: what the stand-ins held back goes on."""
        self.issued: list[str] = []
        """Ids of the calls that the model made, in order."""
        self.mains: list[Result] = []
        self.posts: list[Result] = []
        self.audits: list[Path] = []
        """What each step wrote that ended by itself."""
        self.theirs: set[str] = set()
        """Commits that others have pushed."""
        self.refs = self.read_refs()
        """The refs before the runs."""

    def play(self, *steps: Step | Before) -> None:
        """Let the model answer so, request by request; of replies the calls that write are remembered."""
        self.openai.play(*(self._noting(step) for step in steps))

    def run(self, job: Job) -> Result:
        """The main step in a fork."""
        self.mains.append(self._finish(job, self._launch(job)))
        return self.mains[-1]

    def close(self, job: Job) -> Result:
        """The post step in a fork."""
        self.released.set()
        self.posts.append(self._finish(job, self._launch(job)))
        return self.posts[-1]

    def stop(self, job: Job, number: int, arrive: Callable[[Main], None]) -> Result:
        """The main step as a process that gets a signal when it has arrived at a moment."""
        main = Main(job)
        try:
            arrive(main)
            self.mains.append(self._finish(job, main.end(number)))
        finally:
            main.process.kill()
            main.process.wait()
        self.released.set()
        return self.mains[-1]

    def push(self, branch: str, files: Mapping[str, bytes | None]) -> None:
        """Let a person push to a branch."""
        self.theirs.add(self.repository.push(branch, files, message="By hand", author="octo"))

    def read_refs(self) -> dict[str, str]:
        """The server's refs and their commits."""
        listed = self.repository.git("for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.rsplit(" ", 1) for line in listed.splitlines())

    @property
    def comments(self) -> list[str]:
        """Our comments on the issue."""
        issue = self.repository.issues.get(1)
        return [comment.body for comment in issue.comments if comment.user.login == BOT] if issue else []

    @property
    def answers(self) -> dict[str, str]:
        """What each call of the model's was answered, by its id."""
        return {
            item["call_id"]: item["output"]
            for body in self.openai.conversations
            for item in body["input"]
            if item.get("type") == "function_call_output"
        }

    @property
    def results(self) -> list[Result]:
        """All steps of all jobs."""
        return [*self.mains, *self.posts]

    def read_file(self, branch: str, path: str) -> list[str]:
        """The lines of a file at a branch's tip; none where there is no such file."""
        return (self.repository.objects.ask("show", f"{branch}:{path}") or "").split("\n")

    @property
    def status(self) -> str:
        """How the last run ended: as its post step says, which has the last word on a main step that was cut off."""
        last = next((r for r in (*self.posts[-1:], self.mains[-1]) if r.outputs.get("status")), None)
        return last.outputs["status"] if last else ""

    @property
    def told(self) -> str:
        """Everything that people are told."""
        return "\n".join([*self.comments, *(result.log + result.summary for result in self.results)])

    def read_patches(self) -> list[str]:
        """The patches that the outputs name, from where a later step would take them."""
        named = [result.outputs["patch"] for result in self.results if result.outputs.get("patch")]
        return [path.read_text() for name in named for path in self.directory.glob(f"job-*/step-*/{name}")]

    def _finish(self, job: Job, result: Result) -> Result:
        if result.exit_code >= 0:
            self.audits.append(job.directory / f"step-{job.steps - 1}" / "log.audit")
        return result

    def _noting(self, step: Step | Before) -> Step:
        def note(body: Any) -> Step:
            if isinstance(step, Before):
                step.change(self)
            given = step.step if isinstance(step, Before) else step
            while callable(given):
                given = given(body)
            if isinstance(given, Reply):
                self.issued += [item["call_id"] for item in given.items if find_write(item.get("call_id"))]
            return given

        return note


@dataclass(frozen=True)
class Seen:
    """What is on the server afterwards."""

    refs: Mapping[str, str]
    branches: tuple[str, ...]
    """Ours."""
    commits: Mapping[str, Mapping[str, str]]
    """Branch -> its commits' ids and subjects."""
    files: Mapping[tuple[str, str], list[str]]
    """Branch and path -> lines, of the files that the model writes."""

    @classmethod
    def look(cls, scene: Scene) -> Seen:
        """Look, once and for all."""
        refs = scene.read_refs()
        prefix = "refs/heads/ai-dev/"
        branches = tuple(ref.removeprefix("refs/heads/") for ref in refs if ref.startswith(prefix))
        wanted = [(branch, write.path) for branch in branches for write in WRITES.values()]
        files = {pair: scene.read_file(*pair) for pair in dict.fromkeys(wanted)}
        logs = {b: scene.repository.git("log", "--format=%H %s", f"main..{b}").splitlines() for b in branches}
        commits = {branch: dict(line.split(" ", 1) for line in log) for branch, log in logs.items()}
        return cls(refs, branches, commits, files)


@dataclass(frozen=True)
class Cell:
    """A fault at a moment. After it all invariants are asserted; the fields say what must come out beside them."""

    fault: str
    moment: str
    act: Callable[[Scene], None]
    """Sets it up and runs the job, or the jobs, to the end of their post steps."""
    status: str
    """How the (last) run ends, by its main step's output, or by the post step's for one that was killed."""
    tells: str = ""
    """A pattern of what the issue, the log or the summary says."""
    loses: frozenset[str] = frozenset()
    """The calls whose writes are lost, which must be said."""
    branches: tuple[str, ...] = ("ai-dev/issue-1",)
    """The branches that there may be."""
    mute: bool = False
    """Whether GitHub takes no comment, so that the last one may be out of date; the log says so then."""
    claims: int = 1
    """How many claims may be left."""
    problems: str = "(?!)"
    """Pattern of what the stand-ins may find wrong with the requests, because the fault makes it so."""

    @property
    def name(self) -> str:
        """The cell's name."""
        return f"{self.fault} | {self.moment}"
