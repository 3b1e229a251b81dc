"""A scene -> what came of it: its runs on the stand-ins, those of different issues at the same time."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from standins.git import make_repository
from standins.runner import Job, Launch, Result, spawn
from standins.stage import Stage
from tests.forks import forking
from tests.projects import CALCULATOR
from tests.soak.draws import E2B, GITHUB, Cut, IssuePlan, Scene
from tests.soak.model import Talk, Worker

_LONGEST = 400
"""Seconds that a main step may take: its three minutes, and what it has to deliver what was done."""
_MINUTES = "3"


@dataclass
class Played:
    """One job: its main step and, unless its machine died, its post step."""

    job: Job
    issue: int
    main: Result
    post: Result | None
    signal: str = ""
    """What was sent to the main step."""

    @property
    def status(self) -> str:
        """How the main step said that it ended, else the post step."""
        told = self.post.outputs.get("status", "") if self.post else ""
        return self.main.outputs.get("status", "") or told

    @property
    def text(self) -> str:
        """All that the job said: its logs and summaries."""
        return "\n".join(part for step in (self.main, self.post) if step for part in (step.log, step.summary))


@dataclass
class Outcome:
    """What came of a scene."""

    scene: Scene
    stage: Stage
    worker: Worker
    played: list[Played] = field(default_factory=list)
    meddled: dict[int, list[str]] = field(default_factory=dict)
    """Issue -> what happened to it, and took effect."""
    alive: list[str] = field(default_factory=list)
    """Sandboxes that lived when the last run had ended."""


class Forks:
    """Forks of a few workers: as many runs at the same time."""

    def __init__(self, launches: list[Launch]) -> None:
        self._free: SimpleQueue[Launch] = SimpleQueue()
        for launch in launches:
            self._free.put(launch)

    def __call__(self, environ: Mapping[str, str], log: Path) -> tuple[int, int]:
        """Run the action with these variables."""
        launch = self._free.get()
        try:
            return launch(environ, log)
        finally:
            self._free.put(launch)


@contextlib.contextmanager
def forks(count: int) -> Iterator[Forks]:
    """So many workers."""
    with contextlib.ExitStack() as stack:
        yield Forks([stack.enter_context(forking()) for _ in range(count)])


class Player:
    """Plays a scene on a stage."""

    def __init__(self, scene: Scene, stage: Stage, launch: Launch) -> None:
        self.scene, self.stage, self.launch = scene, stage, launch
        self.worker = Worker(stage, scene.seed, scene.faultiness, self._act)
        self.outcome = Outcome(scene, stage, self.worker)
        self._plans = {plan.number: plan for plan in scene.issues}
        self._reached: dict[int, threading.Event] = {plan.number: threading.Event() for plan in scene.issues}
        self._released: dict[int, threading.Event] = {plan.number: threading.Event() for plan in scene.issues}
        self._run_ids: dict[str, int] = {}
        """Run -> its issue."""
        self._lock = threading.Lock()

    def play(self) -> Outcome:
        """Play it, all issues at the same time."""
        for plan in self.scene.issues:
            self.stage.repository.add_issue(f"Task {plan.number}", "Please work on this.", user="octo")
        for fault in self.scene.faults:
            known = GITHUB if fault.service == "github" else E2B
            service = self.stage.github if fault.service == "github" else self.stage.e2b
            service.fail(**{**known[fault.name], "skip": fault.skip})
        self.stage.openai.play(*[self.worker.take] * 2000)
        try:
            with ThreadPoolExecutor(len(self.scene.issues)) as pool:
                for done in [pool.submit(self._play_issue, plan) for plan in self.scene.issues]:
                    done.result()
        finally:
            for event in self._released.values():
                event.set()
        self.outcome.alive += [sandbox.id for sandbox in self.stage.e2b.sandboxes.values() if sandbox.alive]
        return self.outcome

    def _play_issue(self, plan: IssuePlan) -> None:
        match plan.pattern:
            case "one":
                self._run(plan, self._label(plan), plan.cut)
            case "go on":
                self._run(plan, self._label(plan), plan.cut)
                self._run(plan, self._comment(plan))
            case "label again":
                self._run(plan, self._label(plan))
                self._run(plan, self._label(plan))
            case "run again" | "killed":
                job = self._label(plan)
                self._run(plan, job, plan.cut, post=plan.pattern != "killed")
                self._run(plan, self._again(job, attempt="2"))
            case "meet":
                self._run_both(plan, self._label(plan), self._comment(plan))
            case "twice":
                job = self._comment(plan)
                self._run_both(plan, job, self._again(job))

    def _label(self, plan: IssuePlan) -> Job:
        with self._lock:
            return self.stage.label(plan.number, inputs={"max-minutes": _MINUTES})

    def _comment(self, plan: IssuePlan) -> Job:
        with self._lock:
            return self.stage.comment(plan.number, "/ai-dev go on", inputs={"max-minutes": _MINUTES})

    def _again(self, job: Job, attempt: str = "") -> Job:
        """A job for the same event: another attempt of the same run, or another run."""
        same = {"GITHUB_RUN_ID": job.variables["GITHUB_RUN_ID"], "GITHUB_RUN_ATTEMPT": attempt} if attempt else {}
        variables = {**same, "GITHUB_TRIGGERING_ACTOR": "octo"}
        with self._lock:
            return self.stage.job(job.event_name, job.event, {"max-minutes": _MINUTES}, variables)

    def _run_both(self, plan: IssuePlan, one: Job, other: Job) -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self._run, plan, job) for job in (one, other)]:
                done.result()

    def _run(self, plan: IssuePlan, job: Job, cut: Cut | None = None, *, post: bool = True) -> None:
        self._run_ids[job.variables["GITHUB_RUN_ID"]] = plan.number
        main = self._cut_off(plan, job, cut) if cut else job.run(self.launch)
        self._released[plan.number].set()
        ended = job.run(self.launch) if post else None
        self.outcome.played.append(Played(job, plan.number, main, ended, cut.signal if cut else ""))

    def _cut_off(self, plan: IssuePlan, job: Job, cut: Cut) -> Result:
        """Run the main step as a process and send it the signal at its moment, if it comes."""
        environ = job.environ()
        log = Path(environ["GITHUB_STATE"]).parent / "log"
        with log.open("wb") as file:
            process = spawn(environ, file)
        try:
            if cut.step is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(cut.seconds)
            else:
                while process.poll() is None and not self._reached[plan.number].wait(0.1):
                    pass
            process.send_signal(getattr(signal, cut.signal))
            return job.collect(process.wait(_LONGEST), log)
        finally:
            process.kill()
            process.wait()

    def _act(self, talk: Talk) -> threading.Event | None:
        """Let happen what is to happen at this step; the event for which the model waits in the middle of its answer."""
        plan = self._plans[talk.issue]
        if what := plan.events.pop((talk.number, talk.reached), None):
            self._happen(talk, what)
        if plan.cut and plan.cut.step == talk.reached and talk.number == 0 and not self._reached[plan.number].is_set():
            self._reached[plan.number].set()
            return self._released[plan.number]
        return None

    def _happen(self, talk: Talk, what: str) -> None:
        repository, branch = self.stage.repository, f"ai-dev/issue-{talk.issue}"
        issue = repository.issues[talk.issue]
        there = branch in repository.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()
        self.outcome.meddled.setdefault(talk.issue, []).append(what)
        pull = next((p for p in repository.pulls.values() if p.head == branch and p.state == "open"), None)
        if what == "sandbox vanishes":
            for sandbox in list(self.stage.e2b.sandboxes.values()):
                if sandbox.alive and self._run_ids.get(sandbox.metadata.get("run-id", "")) == talk.issue:
                    self.stage.e2b.vanish(sandbox.id)
        elif what == "push beside" and there:
            repository.push(branch, {"by-hand.txt": b"x\n"}, message="By hand", author="octo")
        elif what == "push across" and there:
            repository.push(branch, {"calculator.py": b"x = 1\n"}, message="By hand", author="octo")
        elif what == "branch deleted" and there:
            repository.git("update-ref", "-d", f"refs/heads/{branch}")
            repository.follow_branches()
            for other in (other for other in self.worker.talks if other.issue == talk.issue):
                other.excused |= other.committed
        elif what == "label removed":
            issue.labels.clear()
        elif what == "issue closed":
            issue.state = "closed"
        elif what in ("pull closed", "pull merged") and pull:
            pull.state = "closed"


def play(scene: Scene, folder: Path, launch: Launch) -> Outcome:
    """Play a scene in a folder; the stage's services have ended then, its repository is there."""
    source = make_repository(folder / "source", CALCULATOR)
    with Stage(folder / "stage", source=source) as stage:
        return Player(scene, stage, launch).play()
