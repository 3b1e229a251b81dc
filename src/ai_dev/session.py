"""Environment -> Session -> Desk: what all parts of a run share, and its start, in which all runs at once that can."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from .access import Access
from .answers import Account, Pull
from .background import begin
from .bench import DEATHS, Bench
from .branch_name import Line
from .budget import Budget
from .claim import Contested, check_free, take_claim
from .errors import SandboxGone, Service, ServiceError, passing, persist
from .event import Trigger
from .flags import load_flags, read_flags, save_flags
from .leaks import Leaks
from .marker import Marker, find_ours
from .network import Network
from .origin import Origin
from .policy import Policy
from .preparation import Ground
from .probe import Boundary, Target
from .pull_request import Branch
from .rehearsal import Rehearsal
from .report import Report
from .repository import Repository
from .runner import Note, Runner, Step, Warned, trust
from .sandboxes import Sandboxes
from .settings import SECRETS, Settings
from .snapshot import Snapshot, Start
from .status_comment import StatusComment
from .task import Task
from .tools import Desk
from .workspace import Workspace

_ACTIONS_BOT = "github-actions[bot]"
_OPENAI = "https://api.openai.com"
DELIVERY = 480
"""Seconds behind the run's limit in which what was done can be delivered: less than the sandbox lives on."""
_POST_STEP = 300
"""Seconds that GitHub gives the post step."""
_POST_STEP_WAITS = 180
"""Seconds of them in which GitHub is asked again: the rest is for what is kept and told when it does not answer."""
_PATIENCE = 15
"""Seconds in which a run that has claimed an issue says so there."""


@dataclass(frozen=True)
class Session:
    """What every part of a run shares."""

    settings: Settings
    runner: Runner
    report: Report
    trigger: Trigger
    repository: Repository
    access: Access
    folder: Path
    """A temporary folder of the run."""
    certificates: str | None
    """The bundle of certificates to trust, where the input gives any."""

    @cached_property
    def sandboxes(self) -> Sandboxes:
        """The sandboxes of the run."""
        return Sandboxes(self.settings, self.runner, self.report.budget, self.find_network, self.report.tell)

    @classmethod
    def open(cls, environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> Self:
        """Read the inputs and the event; what is to be closed behind the report is put on the stack.

        Raises InputError, Skipped, AiDevError.
        """
        settings = Settings.load(environ)
        report.budget = Budget(settings.max_turns, settings.max_minutes * 60, settings.max_cost, settings.price)
        trigger = Trigger.read(runner.read_event(), settings, runner)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="ai-dev-", ignore_cleanup_errors=True)))
        report.go_on = trigger.describe_next(settings)
        certificates = trust(settings.ca_certificates, folder)
        token = settings.github_token.get_secret_value()
        until = report.budget.began + _POST_STEP_WAITS if runner.in_post_step else report.budget.until + DELIVERY
        repository = Repository(runner.api_url, runner.repository, token, certificates, until)
        closing.callback(repository.close)
        bots = frozenset(filter(None, settings.allowed_bots.split(", ")))
        access = Access(trigger, runner, repository, settings.label, bots)
        return cls(settings, runner, report, trigger, repository, access, folder, certificates)

    def rebuild(self, branch: Branch) -> Workspace:
        """A new sandbox in place of one that died: the branch as it is on GitHub, set up again. Raises AiDevError."""
        start = branch.last
        self.sandboxes.end_all()
        fetched = begin(lambda: self._fetch_pack((start.base, start.branch), lambda _: start))
        workspace = self.sandboxes.create()
        ground = self._prepare_ground(workspace, fetched.result())
        branch.resume(workspace, ground.tree)
        return workspace

    def _prepare_ground(self, workspace: Workspace, snapshot: Snapshot) -> Ground:
        report = self.report
        ground = Ground.prepare(workspace, snapshot, self.find_boundary(), report.budget, report.tell)
        report.sandbox = ground.describe()
        return ground

    def _settle(self, workspace: Workspace, snapshot: Snapshot) -> tuple[Workspace, Ground, int]:
        """The sandbox with the repository in it, and how many had to be replaced for that."""
        for deaths in range(DEATHS):
            try:
                return workspace, self._prepare_ground(workspace, snapshot), deaths
            except ServiceError as e:
                if e.failure.service is not Service.E2B or not (isinstance(e, SandboxGone) or passing(e.failure)):
                    raise
                self.report.tell(Warned(f"{e} A new one is started."))
                self.sandboxes.end_all()
                workspace = self.sandboxes.create()
        return workspace, self._prepare_ground(workspace, snapshot), DEATHS

    def find_network(self) -> Network:
        """What the sandbox may reach. A repository is private unless the payload or GitHub says that it is not."""
        choice = self.settings.sandbox_network
        private = choice == "auto" and (self.trigger.about or self.repository.read_about()).private
        return Network.of(choice, private=private)

    def find_boundary(self) -> Boundary:
        """What the sandbox must not hold or reach."""
        settings = self.settings
        secrets = {name.replace("_", "-"): getattr(settings, name).get_secret_value() for name in SECRETS}
        targets = Target.of(self.runner.server_url), Target.of(settings.openai_base_url or _OPENAI)
        return Boundary(secrets, self.find_network(), targets)

    def prepare(self, sandbox: Future[Workspace], *, anew: bool) -> tuple[Desk, Task, Ground]:
        """Read the issue and fetch the repository while the sandbox starts, then bring them together.

        ``anew``: whether the issue's last claim is of a run that is gone. Raises Contested when another run is at work,
        Skipped when one has done what this one is for.
        """
        self.report.tell(Step("Start the sandbox, fetch the repository, read the issue"))
        repository, rehearsal = self.repository, self.settings.dry_run
        pulls: list[Pull] = []
        chosen: Future[Start] = Future()
        gathered = begin(lambda: Task.gather(self.trigger, repository, greet=not rehearsal))
        fetched = begin(lambda: self._fetch(gathered, pulls, chosen))
        task = gathered.result()
        task.check_new()
        earlier = task.marker or Marker()
        if not rehearsal:
            check_free(earlier, self.runner.run_id)
        status = self.listen(earlier, task.status.id if task.status else None)
        claimed = begin(lambda: self._claim(earlier, chosen.result(), anew=anew))
        greeted = begin(lambda: status.begin(claimed.result()) if status else None)
        together: list[Future[Any]] = [claimed, sandbox, fetched]
        done = wait(together, return_when=FIRST_EXCEPTION).done
        for future in together:
            if future in done:
                future.result()
        snapshot = fetched.result()
        workspace, ground, deaths = self._settle(sandbox.result(), snapshot)
        branch = self.take_branch(snapshot.start, ground.tree, task.us, pulls[0] if pulls else None)
        greeted.result()
        bench = Bench(workspace, branch, self.report.tell, lambda: self.rebuild(branch), deaths)
        return Desk(bench, branch, self.report.tell, self.report.budget), task, ground

    def take_branch(self, start: Start, tree: str, us: Account, pull: Pull | None) -> Branch:
        """The branch to deliver on; what the post step needs of it is kept, now and whenever it grows."""
        origin = Origin(
            self.trigger.number,
            self.trigger.sender,
            self.runner.run_url,
            self.settings.model,
            own_token=us.login == _ACTIONS_BOT,
        )
        branch = (Rehearsal if self.settings.dry_run else Branch)(
            self.repository,
            start,
            tree,
            origin,
            us=us,
            redactor=self.report.redactor,
            policy=Policy(Leaks.of(self.report.redactor.secrets), tuple(self.settings.allow_paths.split("\n"))),
            draft=self.settings.draft,
            permit=self.access.check_again,
            on_change=self._remember,
            pull=pull,
            flags=load_flags(self.runner.state.get("flags", "")) or read_flags((pull and pull.body) or ""),
        )
        self._remember(branch)
        if not self.settings.dry_run:  # what is not on GitHub is not reported as if it were
            self.report.branch = branch
        return branch

    def listen(self, earlier: Marker, comment: int | None = None, *, notified: bool = False) -> StatusComment | None:
        """Let the issue, where there is one, hear of the run from now on; ``earlier`` is what our comment says."""
        if self.trigger.number and not self.settings.dry_run:
            self.report.status = StatusComment(
                self.repository,
                self.runner,
                self.report.redactor,
                self.trigger.number,
                self._mark(earlier),
                self.report.tell,
                comment=comment,
                notified=notified,
            )
        return self.report.status

    def _mark(self, earlier: Marker) -> Marker:
        """What the comment says of this run, behind what it said before."""
        return earlier.model_copy(update={"key": self.trigger.key, "run": self.runner.run_id})

    def _claim(self, earlier: Marker, start: Start, *, anew: bool) -> Marker:
        """Claim the issue for this run; give what its comment says from now on. Raises Contested, ServiceError."""
        number, marker = self.trigger.number, self._mark(earlier)
        if self.settings.dry_run:
            return marker
        if number is None:
            self.repository.check_writable()
            return marker
        trailer = f"AI-Dev-Run: {self.runner.run_url}"
        claim = take_claim(self.repository, number, earlier.claim, start.base_sha, trailer, anew=anew)
        until = int(time.time() + self.report.budget.seconds_left) + DELIVERY + _POST_STEP
        told = {"claim": claim, "until": until, "branch": start.branch, "sha": start.branch_sha}
        return marker.model_copy(update=told)

    def await_turn(self, contested: Contested) -> bool:
        """Wait until the run that has the issue has ended. Raises Contested when our own time is up before.

        Gives whether no comment told of that run: then it is gone.
        """
        report, known = self.report, bool(contested.run)
        report.status = None  # that run has the word
        report.tell(Step("Wait for the run that is at work on this issue"))
        report.tell(Note(contested.what))
        us, pause, patience = self.repository.read_viewer(), 1.0, time.monotonic() + _PATIENCE
        while report.budget.seconds_left > pause:
            report.budget.check_time()
            time.sleep(pause)
            ours = find_ours(self.repository.read_comments(self.trigger.number or 0), us)
            marker = Marker.read(ours.body) if ours else None
            live = marker is not None and marker.is_live()
            if not live and (known or time.monotonic() > patience):
                return not known
            known = known or live
            pause = min(2 * pause, 30.0)
        raise contested

    def _fetch(self, gathered: Future[Task], pulls: list[Pull], chosen: Future[Start]) -> Snapshot:
        """Fetch the base and our branch; which that is, is found while the server waits for what we want."""
        trigger, settings, runner = self.trigger, self.settings, self.runner
        base = settings.base_branch or (trigger.about or self.repository.read_about()).default_branch
        line = Line(settings.branch_prefix, f"issue-{trigger.number}" if trigger.number else f"run-{runner.run_id}")

        def choose(branches: dict[str, str]) -> Start:
            if not chosen.done():
                start, pull = line.choose(branches, base, gathered.result(), self.repository)
                pulls.extend([pull] if pull else [])
                chosen.set_result(start)
            return chosen.result()

        try:
            return self._fetch_pack((base, line.listed), choose)
        except Exception as e:
            if not chosen.done():
                chosen.set_exception(e)
            raise

    def _fetch_pack(self, prefixes: tuple[str, ...], choose: Callable[[dict[str, str]], Start]) -> Snapshot:
        return persist(
            lambda: Snapshot.fetch(
                (self.runner.server_url, self.runner.repository),
                self.settings.github_token.get_secret_value(),
                prefixes=prefixes,
                choose=choose,
                depth=self.settings.fetch_depth,
                pack=self.folder / "base.pack",
                certificates=self.certificates,
            ),
            self.report.budget.until,
        )

    def _remember(self, branch: Branch) -> None:
        self.runner.save_state(
            base=branch.start.base,
            base_sha=branch.start.base_sha,
            branch=branch.name,
            branch_sha=branch.head if branch.exists else "",
            tree=branch.tree,
            grafted=branch.grafted,
            pushing=branch.pushing.commit.sha if branch.pushing else "",
            pushing_tree=branch.pushing.tree if branch.pushing else "",
            pushing_grafted=branch.pushing.grafted if branch.pushing else "",
            pushed=len(branch.commits),
            flags=save_flags(branch.flags),
            us=branch.us.login,
            us_id=branch.us.id,
        )
