"""The run as a sentence, its exit codes, and what happens when GitHub ends it."""

from __future__ import annotations

import contextlib
import logging
import queue
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from .agent import Agent
from .answers import Pull
from .background import begin
from .bench import DEATHS
from .budget import Budget
from .claim import Contested
from .conversation import Conversation
from .delivery import conclude, deliver, keep_back
from .errors import AiDevError, Blocked, Cancelled, Refused, SandboxFull, ServiceError, Status, Stopped, ToolError
from .log import Log
from .model import Model
from .origin import UNFINISHED
from .post_step import CANCELLED, FAULT, FAULT_CURE, OVERDUE, OVERDUE_CURE, finish
from .preparation import Ground
from .pull_request import Branch
from .redaction import Redactor, plain
from .report import Ending, Report
from .runner import Note, Runner, Step, mask, signals
from .session import DELIVERY, Session
from .settings import SECRETS, input_name
from .survey import survey
from .task import Task, check_issue, read_prompt
from .tools import TOOLS, Desk
from .visible import drop_invisible
from .workspace import REPOSITORY, Workspace

_FAREWELL = 3.0
"""Seconds that a cancelled run has to say so: the runner ends us 7.5 s after its first signal."""
_AGENTS_LIMIT = 32 << 10
_BEGINS = (
    "An earlier run left work on it, which you go on with{pull}. Its tip is {sha}; `git diff {base}` shows all of that "
    "work. Call make_pull_request again only if the title or the text should change."
)
_LOOK = 5.0
"""Seconds between two looks at the clock while a run goes on."""

_Found = TypeVar("_Found")


def main(environ: Mapping[str, str]) -> int:
    """Run the action as these variables of the runner say; give the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # else what packages say of what they are sent is printed
    secrets = tuple(value for name in SECRETS if (value := environ.get(input_name(name), "").strip()))
    log = Log(Redactor.of(secrets))
    try:
        runner = Runner.of(environ)
    except AiDevError as e:
        log.close(str(e), "error")
        return e.status.exit_code
    if runner.in_actions:
        mask(secrets)
    report = Report(runner, log.redactor, log, Budget(0, 0))
    with contextlib.ExitStack() as closing:  # behind the report, which still needs GitHub
        if runner.in_post_step:
            return _finish(environ, runner, report, closing)
        return _supervise(lambda: run(environ, runner, report, closing), report).exit_code


def run(environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> Ending:
    """The main step: from the event to the pull request."""
    report.tell(Step("Read the inputs and the event"))
    session = Session.open(environ, runner, report, closing)
    session.access.check()
    if session.trigger.issue:
        check_issue(session.trigger.issue, session.trigger)
    report.tell(Note(session.trigger.describe()))
    anew = False
    while True:
        try:
            with session.sandboxes.start() as sandbox:
                desk, task, ground = session.prepare(sandbox, anew=anew)
                return work(session, desk, task, ground)
        except Contested as e:
            anew = session.await_turn(e)


def work(session: Session, desk: Desk, task: Task, ground: Ground) -> Ending:
    """Let the model work, and deliver what comes of it, however it ends."""
    report, start = session.report, desk.branch.start
    report.tell(Step(f"{'Go on with' if start.branch_sha else 'Work on'} {start.branch}, for {start.base}"))
    conversation = Conversation(secrets=report.redactor.secrets)
    agents, special = _look(desk)
    if agents:
        conversation.ask(read_prompt("agents.md", text=agents))
    if special:
        conversation.ask(read_prompt("survey.md", text=special))
    if failures := ground.report_failures():
        conversation.ask(failures)
    brief = task.describe()
    report.given = brief.describe()
    report.tell(Note(report.given))
    conversation.ask(brief.text)
    instructions = _instruct(session, desk.branch, ground)
    try:
        with contextlib.closing(Model(session.settings, instructions, TOOLS)) as model:
            text = Agent(model, TOOLS, desk, report.tell).work(conversation)
    except Refused as e:  # it may not write any more
        return Ending.of(e, keep_back(report, desk))
    except (Blocked, Cancelled):
        raise  # nothing of it may be shown, or the post step delivers
    except AiDevError as e:
        said = f"{UNFINISHED} {e.what}\n\n{e.said}".strip()
        with _last_words(e.said):
            return Ending.of(e, deliver(report, desk, task.heading, said, "Refs"))
    with _last_words(text):
        return conclude(report, desk, text, deliver(report, desk, task.heading, text, "Fixes"))


@contextlib.contextmanager
def _last_words(text: str) -> Iterator[None]:
    """Let what the model said last be in the ending too when its work cannot be delivered."""
    try:
        yield
    except Blocked:
        raise  # there may be a secret in it
    except AiDevError as e:
        e.said = e.said or text
        raise


def _finish(environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> int:
    """Run the post step; its exit code says only whether it did its own work."""
    ending = _guard(lambda: finish(environ, runner, report, closing), report)
    if ending:
        _guard(lambda: report.close(ending), report)
    return Status.BUG.exit_code if ending and ending.status is Status.BUG else 0


def _supervise(step: Callable[[], Ending], report: Report) -> Status:
    """Run the step in a thread and wait for its ending or for a signal: the SDKs block, this thread never does."""
    endings: queue.SimpleQueue[Ending] = queue.SimpleQueue()
    overdue = replace(Ending.of(Stopped(OVERDUE, cure=OVERDUE_CURE)), cut_off=True)

    def cancel() -> None:
        ending = Ending.of(Cancelled(CANCELLED.format(report.describe_moment())))
        endings.put(replace(ending, cut_off=True))
        report.budget.cancelled = True  # only now: what ends by it must come second, for it is not cut off

    with signals(cancel):
        begin(lambda: endings.put(_guard(step, report)))
        ending = own = _wait(endings, report, overdue)
        farewell = begin(lambda: _guard(lambda: report.close(own), report))
        if not own.cut_off or own.status is Status.BUG:
            farewell.add_done_callback(lambda _: endings.put(own))
            ending = endings.get()  # GitHub may end the run while it says how it ended
        with contextlib.suppress(TimeoutError):
            farewell.result(_FAREWELL)
    if farewell.done():
        ending = own
    else:
        report.break_off(ending)
    told = "cut_off" if ending.cut_off else "ended"
    report.runner.save_state(**{told: ending.status, "moment": report.describe_moment()})
    return ending.status


def _wait(endings: queue.SimpleQueue[Ending], report: Report, overdue: Ending) -> Ending:
    """The first ending; ``overdue`` when the run's time is long up, whatever still holds it."""
    while True:
        with contextlib.suppress(queue.Empty):
            return endings.get(timeout=_LOOK)
        if report.budget.seconds and report.budget.seconds_left < -DELIVERY:
            return overdue


def _guard(step: Callable[[], _Found], report: Report) -> _Found | Ending:
    """What the step gives, or the ending that its error makes, whatever it raises."""
    try:
        return step()
    except AiDevError as e:
        return Ending.of(e)
    except Exception:  # noqa: BLE001 - the last one: whatever gets here is a bug of ours
        report.tell(Note("This is a bug of AI Dev. Please report it with the lines below."))
        report.log.show(traceback.format_exc())
        return Ending(Status.BUG, what=FAULT, cure=FAULT_CURE, cut_off=True)


def _instruct(session: Session, branch: Branch, ground: Ground) -> str:
    depth, start = session.settings.fetch_depth, branch.start
    history = {
        0: "`git log` shows the whole history.",
        1: "`git log` shows this one commit; older history is not here.",
    }
    return read_prompt(
        "instructions.md",
        repository=session.runner.repository,
        folder=REPOSITORY,
        branch=start.branch,
        base=start.base,
        begins=_BEGINS.format(base=start.base, sha=start.sha[:12], pull=_describe_open(branch.pull))
        if start.branch_sha
        else f"It starts at the commit {start.sha[:12]} of {start.base}.",
        network=ground.describe_network(),
        history=history.get(depth, f"`git log` shows the last {depth} commits; older history is not here."),
    )


def _describe_open(pull: Pull | None) -> str:
    return f"; pull request #{pull.number} is open for it" if pull else "; there is no open pull request for it"


def _look(desk: Desk) -> tuple[str, str]:
    """The repository's AGENTS.md and what is special about its files, looked up again when the sandbox fails."""
    while True:
        try:
            agents = _read_agents(desk.workspace, desk.branch.start.base_sha)
            return agents, survey(desk.workspace, desk.branch.tree)
        except ServiceError as e:
            if isinstance(e, SandboxFull) and desk.bench.deaths >= DEATHS:
                raise  # the model could make room, but it is not asked yet
            desk.bench.recover(e)


def _read_agents(workspace: Workspace, sha: str) -> str:
    """The AGENTS.md at the root of the base commit; empty where there is none."""
    script = f"git cat-file -e {sha}:AGENTS.md 2>/dev/null || exit 0\ngit cat-file blob {sha}:AGENTS.md"
    try:
        text, _ = drop_invisible(workspace.git(f"({script}) | head -c {_AGENTS_LIMIT}\n"))
        return plain(text).strip()
    except ToolError as e:
        raise AiDevError("The repository cannot be read in the sandbox.", str(e)) from None
