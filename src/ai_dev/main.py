"""The run as a sentence, its exit code, and the post step that ends what the main step could not."""

from __future__ import annotations

import contextlib
import queue
import re
import tempfile
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from pathlib import Path
from typing import Any, TypeVar

from . import access
from .agent import Agent, Budget
from .conversation import Conversation
from .errors import AiDevError, Cancelled, SandboxGone, ServiceError, Status, ToolError
from .event import Trigger
from .model import Model
from .pull_request import Branch, Line, Origin, Rehearsal
from .redaction import Redactor, one_line, plain
from .report import Ending, Log, Report, StatusComment
from .repository import Account, Pull, Repository
from .runner import Note, Runner, Step, Warned, mask, signals, trust
from .settings import SECRETS, Settings, input_name
from .snapshot import Snapshot, Start
from .task import Task, read_prompt
from .tools import TOOLS, Desk
from .workspace import REPOSITORY, Workspace

_FAREWELL = 5.0
"""Seconds that a cancelled run has to say so: the runner ends us 7.5 s after its first signal."""
_AGENTS_LIMIT = 32 << 10
_DIFF_LIMIT = 100_000
_CANCELLED = "GitHub ended the run: somebody cancelled it, or its time was up."
_ACTIONS_BOT = "github-actions[bot]"

_T = TypeVar("_T")


def main(environ: Mapping[str, str]) -> int:
    """Run the action as these variables of the runner say; give the exit code."""
    secrets = tuple(value for name in SECRETS if (value := environ.get(input_name(name), "").strip()))
    log = Log(Redactor.of(secrets))
    try:
        runner = Runner.of(environ)
    except AiDevError as e:
        log.close(str(e), failed=True)
        return e.status.exit_code
    if runner.in_actions:
        mask(secrets)
    report = Report(runner, log.redactor, log, Budget(0, 0))
    if runner.state:
        ending = _guard(lambda: finish(environ, runner, report), report)
        return Status.BUG.exit_code if ending and report.close(ending) is Status.BUG else 0
    runner.save_state(began="yes")
    return _supervise(lambda: run(environ, runner, report), report).exit_code


def _supervise(step: Callable[[], Ending], report: Report) -> Status:
    """Run the step in a thread and wait for its ending or for a signal: the SDKs block, this thread never does."""
    endings: queue.SimpleQueue[Ending] = queue.SimpleQueue()
    cancelled = Ending.of(Cancelled(_CANCELLED))
    with signals(lambda: endings.put(cancelled)):
        _start(lambda: endings.put(_guard(step, report)))
        ending = endings.get()
        farewell = _start(lambda: report.close(ending))
        with contextlib.suppress(TimeoutError):
            farewell.result(_FAREWELL if ending is cancelled else None)
    cut_off = ending.status in (Status.CANCELLED, Status.BUG)  # then the post step delivers what is in the sandbox
    report.runner.save_state(**{"cut_off" if cut_off else "ended": ending.status})
    return ending.status


def _guard(step: Callable[[], _T], report: Report) -> _T | Ending:
    """The step's ending, whatever it raises."""
    try:
        return step()
    except AiDevError as e:
        return Ending.of(e)
    except Exception:  # noqa: BLE001 - the last one: whatever gets here is a bug of ours
        report.tell(Note("This is a bug of AI Dev. Please report it with the lines below."))
        report.log.show(traceback.format_exc())
        return Ending(Status.BUG, what="It failed by a fault of its own; the log of the run has the details.")


def run(environ: Mapping[str, str], runner: Runner, report: Report) -> Ending:
    """The main step: from the event to the pull request."""
    report.tell(Step("Read the inputs and the event"))
    settings = Settings.load(environ)
    report.budget = Budget(settings.max_turns, settings.max_minutes * 60)
    report.go_on = f"{settings.command} continue"
    trigger = Trigger.read(runner.read_event(), settings, runner)
    with tempfile.TemporaryDirectory(prefix="ai-dev-") as folder:
        certificates = trust(settings.ca_certificates, Path(folder))
        repository = _open_repository(settings, runner, certificates)
        access.check(trigger, runner, repository)
        report.tell(Note(_describe_trigger(trigger)))
        with _open_sandbox(settings, runner, report) as sandbox:
            prepared = _prepare(settings, runner, report, trigger, repository, sandbox, Path(folder), certificates)
            return _work(settings, runner, report, *prepared)


def _prepare(
    settings: Settings,
    runner: Runner,
    report: Report,
    trigger: Trigger,
    repository: Repository,
    sandbox: Future[Workspace],
    folder: Path,
    certificates: str | None,
) -> tuple[Desk, Task]:
    """Read the issue and fetch the repository while the sandbox starts; then bring them together."""
    base = settings.base_branch or (trigger.about or repository.read_about()).default_branch
    line = Line(settings.branch_prefix, f"issue-{trigger.number}" if trigger.number else f"run-{runner.run_id}")
    pulls: list[Pull] = []

    def choose(branches: dict[str, str]) -> Start:
        start, pull = line.choose(branches, base, task.result(), repository)
        pulls.extend([pull] if pull else [])
        return start

    task = _start(lambda: Task.gather(trigger, repository, greet=not settings.dry_run))
    snapshot = _start(
        lambda: Snapshot.fetch(
            (runner.server_url, runner.repository),
            settings.github_token.get_secret_value(),
            prefixes=(base, line.listed),
            choose=choose,
            depth=settings.fetch_depth,
            pack=folder / "base.pack",
            certificates=certificates,
        )
    )
    writable = _start(lambda: None if settings.dry_run else repository.check_writable())
    us = task.result().us
    if trigger.number and not settings.dry_run:
        report.status = StatusComment(repository, runner, report.redactor, trigger.number, trigger.key, report.tell)
    greeted = _start(lambda: report.status.begin(task.result().status) if report.status else None)
    _wait_for_all(writable, sandbox, snapshot)
    branch = (Rehearsal if settings.dry_run else Branch)(
        repository,
        snapshot.result().start,
        sandbox.result().load(snapshot.result()),
        Origin(trigger.number, trigger.sender, runner.run_url, settings.model, us.login == _ACTIONS_BOT),
        us=us,
        draft=settings.draft,
        on_change=lambda changed: _remember(runner, changed),
        pull=pulls[0] if pulls else None,
    )
    _remember(runner, branch)
    report.branch = branch
    greeted.result()
    return Desk(sandbox.result(), branch, report.tell, report.budget.describe), task.result()


def _work(settings: Settings, runner: Runner, report: Report, desk: Desk, task: Task) -> Ending:
    """Let the model work, and deliver what comes of it however it ends."""
    start = desk.branch.start
    report.tell(Step(f"Work on {start.branch}, from {start.base} at {start.base_sha[:12]}"))
    conversation = Conversation()
    if agents := _read_agents(desk.workspace, start.base_sha):
        conversation.ask(read_prompt("agents.md", text=agents))
    conversation.ask(task.describe())
    model = Model(settings, _instruct(settings, runner, start), TOOLS, uuid.uuid4().hex)
    try:
        text = Agent(model, TOOLS, desk, report.budget, report.tell).work(conversation)
    except SandboxGone:
        raise
    except AiDevError as e:
        return Ending.of(e, _deliver(report, desk, task.heading, f"The run did not end by itself. {e.what}", "Refs"))
    kept = _deliver(report, desk, task.heading, text, "Fixes")
    if isinstance(desk.branch, Rehearsal):
        report.extra = _show_rehearsal(desk.workspace, desk.branch)
        return Ending(Status.UNCHANGED, text, "A rehearsal (dry-run): nothing was written to GitHub.", kept=kept)
    return _conclude(runner, desk.branch, text, kept)


def _instruct(settings: Settings, runner: Runner, start: Start) -> str:
    depth = settings.fetch_depth
    history = {
        0: "`git log` shows the whole history.",
        1: "`git log` shows this one commit; older history is not here.",
    }
    return read_prompt(
        "instructions.md",
        repository=runner.repository,
        folder=REPOSITORY,
        branch=start.branch,
        sha=start.sha[:12],
        base=start.base,
        history=history.get(depth, f"`git log` shows the last {depth} commits; older history is not here."),
    )


def _read_agents(workspace: Workspace, sha: str) -> str:
    """The AGENTS.md at the root of the base commit; empty where there is none."""
    script = f"git cat-file -e {sha}:AGENTS.md 2>/dev/null || exit 0\ngit cat-file blob {sha}:AGENTS.md"
    return plain(workspace.git(f"({script}) | head -c {_AGENTS_LIMIT}\n")).strip()


def _deliver(report: Report, desk: Desk, heading: str, text: str, link: str) -> str:
    """Commit what the model left and see to the pull request; give why something could not be committed."""
    report.tell(Step("Deliver"))
    branch, kept, idle = desk.branch, "", desk.branch.idle
    try:
        branch.commit(desk.workspace, f"{heading}\n\nThe assistant left this uncommitted.")
    except ToolError as e:
        kept = str(e)
    branch.idle = idle
    if branch.exists and not branch.forbidden and (branch.commits or not branch.pull):
        title, said = branch.proposal or (heading, text)
        if branch.proposal or not branch.pull:
            branch.propose(title, said, desk.spent(), link)
    return kept


def _conclude(runner: Runner, branch: Branch, text: str, kept: str) -> Ending:
    """The ending of a run that ended by itself."""
    if kept and not branch.commits:
        return Ending(Status.FAILED, text, "The change could not be committed.", kept=kept)
    if branch.forbidden and branch.exists:
        title = branch.proposal[0] if branch.proposal else ""
        return Ending(Status.BRANCH, text, kept=kept, link=branch.compare_url(runner.server_url, title))
    if branch.opened:
        return Ending(Status.OPENED, text, kept=kept)
    if branch.commits:
        return Ending(Status.UPDATED, text, kept=kept)
    return Ending(Status.UNCHANGED if branch.idle or not text else Status.ANSWERED, text)


def _show_rehearsal(workspace: Workspace, branch: Rehearsal) -> str:
    """What would have been written, in Markdown."""
    if not branch.commits:
        return ""
    diff = workspace.git(
        f"git diff --no-color --no-ext-diff --no-textconv {branch.start.sha} {branch.tree} | head -c {_DIFF_LIMIT}\n"
    )
    shown = [("Commit", message) for message in branch.messages]
    if branch.proposal:
        title = f"Pull request from {branch.name} to {branch.start.base}"
        shown.append((title, f"{branch.proposal[0]}\n\n{branch.body}"))
    shown.append(("Diff", diff))
    return "\n\n".join(f"### {title}\n\n{_fence(text)}" for title, text in shown)


def _fence(text: str) -> str:
    """The text as a block of code that nothing in it can end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}\n{plain(text).rstrip()}\n{ticks}"


def finish(environ: Mapping[str, str], runner: Runner, report: Report) -> Ending | None:
    """The post step: see that the sandbox is gone; first deliver what a main step that was cut off has left in it.

    Gives no ending where the main step has told its own.
    """
    state = runner.state
    sandbox_id = state.get("sandbox-id", "")
    if "ended" in state:
        if sandbox_id:
            Workspace.end(Settings.load(environ), sandbox_id)
        return None
    report.tell(Step("End a run that was cut off"))
    settings = Settings.load(environ)
    report.go_on = f"{settings.command} continue"
    trigger = Trigger.read(runner.read_event(), settings, runner)
    with tempfile.TemporaryDirectory(prefix="ai-dev-") as folder:
        repository = _open_repository(settings, runner, trust(settings.ca_certificates, Path(folder)))
        told = state.get("cut-off", "")
        if trigger.number and "comment" in state:
            report.status = StatusComment(
                repository, runner, report.redactor, trigger.number, trigger.key, report.tell,
                comment=int(state["comment"]), notified=bool(told),
            )
        kept = _rescue(settings, runner, report, trigger, repository, sandbox_id) if sandbox_id else ""
    if told == Status.CANCELLED:
        return Ending(Status.CANCELLED, what=_CANCELLED, kept=kept)
    return Ending(Status.FAILED, what="The run was cut off: it was killed, or ran out of memory or time.", kept=kept)


def _rescue(
    settings: Settings, runner: Runner, report: Report, trigger: Trigger, repository: Repository, sandbox_id: str
) -> str:
    """Deliver what is in the sandbox, and end it; give why something could not be delivered."""
    state = runner.state
    try:
        workspace = Workspace.connect(settings, sandbox_id)
        if "tree" not in state:
            workspace.close()
            return ""
        us = Account(login=state["us"], id=int(state["us-id"]))
        start = Start(state["base"], state["base-sha"], state["branch"], state["branch-sha"] or None)
        pulls = repository.find_pulls(start.branch) if start.branch_sha else []
        report.branch = Branch(
            repository,
            start,
            state["tree"],
            Origin(trigger.number, trigger.sender, runner.run_url, settings.model, us.login == _ACTIONS_BOT),
            us=us,
            draft=settings.draft,
            on_change=lambda _: None,
            pull=next((pull for pull in pulls if pull.state == "open"), None),
        )
        desk = Desk(workspace, report.branch, report.tell, report.budget.describe)
        heading = trigger.issue.title if trigger.issue else trigger.request
        kept = _deliver(report, desk, one_line(heading, 80), "The run was cut off before it was done.", "Refs")
        workspace.close()
    except SandboxGone:
        return "The sandbox is gone; what was not committed is lost."
    return kept


def _remember(runner: Runner, branch: Branch) -> None:
    """Keep what the post step needs should this step be cut off."""
    runner.save_state(
        base=branch.start.base,
        base_sha=branch.start.base_sha,
        branch=branch.name,
        branch_sha=branch.head if branch.exists else "",
        tree=branch.tree,
        us=branch.us.login,
        us_id=branch.us.id,
    )


def _open_repository(settings: Settings, runner: Runner, certificates: str | None) -> Repository:
    return Repository(runner.api_url, runner.repository, settings.github_token.get_secret_value(), certificates)


@contextlib.contextmanager
def _open_sandbox(settings: Settings, runner: Runner, report: Report) -> Iterator[Future[Workspace]]:
    """A sandbox that is starting; it is ended when this is left, but for a bug of ours: then the post step does it."""

    def create() -> Workspace:
        metadata = {"repository": runner.repository, "run-id": runner.run_id, "run-attempt": runner.run_attempt}
        workspace = Workspace.create(settings, metadata, settings.max_minutes * 60, report.tell)
        runner.save_state(sandbox_id=workspace.id)
        return workspace

    report.tell(Step("Start the sandbox, fetch the repository, read the issue"))
    sandbox = _start(create)
    try:
        yield sandbox
    except AiDevError:
        _end(sandbox, report)
        raise
    else:
        _end(sandbox, report)


def _end(sandbox: Future[Workspace], report: Report) -> None:
    if sandbox.exception() is None:
        try:
            sandbox.result().close()
        except ServiceError as e:
            report.tell(Warned(f"The sandbox may live on until its time is up: {e}"))


def _describe_trigger(trigger: Trigger) -> str:
    who = f"@{trigger.sender.login}" if trigger.sender else "the schedule"
    return f"Asked by {who} with a {trigger.kind}" + (f" on issue #{trigger.number}." if trigger.number else ".")


def _start(work: Callable[[], _T]) -> Future[_T]:
    """Begin this now, in a thread that no exit waits for."""
    future: Future[_T] = Future()

    def carry_out() -> None:
        try:
            future.set_result(work())
        except BaseException as e:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(e)

    threading.Thread(target=carry_out, daemon=True).start()
    return future


def _wait_for_all(*futures: Future[Any]) -> None:
    """Wait for all, or until one has failed; raise its fault."""
    for future in wait(futures, return_when=FIRST_EXCEPTION).done:
        future.result()
