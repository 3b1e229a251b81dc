"""The run as a sentence, its exit code, and the post step that ends what the main step could not."""

from __future__ import annotations

import contextlib
import logging
import queue
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from .agent import Agent
from .answers import Account, Pull
from .background import begin
from .bench import Bench
from .budget import Budget
from .claim import Contested
from .conversation import Conversation
from .delivery import conclude, deliver, keep_back, propose
from .errors import AiDevError, Blocked, Cancelled, Refused, SandboxGone, ServiceError, Status, Stopped, ToolError
from .log import Log
from .marker import Marker
from .model import Model
from .preparation import Ground
from .pull_request import UNFINISHED, Branch
from .redaction import Redactor, plain
from .report import Ending, Report
from .runner import Note, Runner, Step, Warned, mask, signals
from .session import DELIVERY, Session
from .settings import SECRETS, Settings, input_name
from .survey import survey
from .task import Task, check_issue, read_prompt, write_heading
from .tools import TOOLS, Desk
from .visible import drop_invisible
from .workspace import REPOSITORY, Workspace

_FAREWELL = 3.0
"""Seconds that a cancelled run has to say so: the runner ends us 7.5 s after its first signal."""
_AGENTS_LIMIT = 32 << 10
_CANCELLED = "GitHub ended the run at {}: somebody cancelled it, or its time was up."
_CUT_OFF = "The run was cut off: it was killed, or ran out of memory or time."
_CUT_OFF_CURE = "See at the end of its log what ended it, and run it again; where time ran out, raise timeout-minutes."
_OVERDUE = "A service held the run long after its time was up."
_OVERDUE_CURE = "Run it again: what a service does not answer is most likely a passing fault."
_LOST = "The sandbox is gone; what was not committed is lost."
_FAULT = "It failed by a fault of its own; the log of the run has the details."
_FAULT_CURE = "Please report it to the authors of AI Dev, with the last lines of the log."
_LEFT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "": (_CUT_OFF, _CUT_OFF_CURE),
        Status.CANCELLED: (_CANCELLED, ""),
        Status.STOPPED: (_OVERDUE, _OVERDUE_CURE),
        Status.BUG: (_FAULT, _FAULT_CURE),
    }
)
"""What happened to a main step that ended so and left its work to the post step, and what to do."""
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
            with session.start_sandbox() as sandbox:
                desk, task, ground = session.prepare(sandbox, anew=anew)
                return work(session, desk, task, ground)
        except Contested as e:
            anew = session.await_turn(e)


def work(session: Session, desk: Desk, task: Task, ground: Ground) -> Ending:
    """Let the model work, and deliver what comes of it, however it ends."""
    report, start = session.report, desk.branch.start
    report.tell(Step(f"{'Go on with' if start.branch_sha else 'Work on'} {start.branch}, for {start.base}"))
    conversation = Conversation()
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
        return Ending.of(e, deliver(report, desk, task.heading, said, "Refs"))
    return conclude(report, desk, text, deliver(report, desk, task.heading, text, "Fixes"))


def rescue(session: Session, sandbox_id: str, what: str) -> str:
    """Deliver what a run that was cut off left in its sandbox; give why something is not delivered.

    ``what`` happened to the run is the text of the pull request where the model gave none.
    """
    state, trigger, report = session.runner.state, session.trigger, session.report
    if "tree" not in state:
        return ""
    start, tree, grafted = session.find_start()
    pulls = session.repository.find_pulls(start.branch) if start.branch_sha else []
    pull = next((pull for pull in pulls if pull.state == "open"), None)
    us = Account(login=state["us"], id=int(state["us-id"]))
    branch = session.take_branch(start, tree, us, pull)
    branch.grafted = grafted
    branch.earlier = int(state["pushed"]) + (start.branch_sha not in (None, state["branch-sha"]))
    said, heading = f"{UNFINISHED} {what}", write_heading(trigger, trigger.issue)
    try:
        workspace = Workspace.connect(session.settings, sandbox_id)
    except SandboxGone:
        propose(report, branch, heading, said, "Refs")
        return state.get("kept", _LOST)  # a main step that had delivered has ended the sandbox itself
    bench = Bench(workspace, branch, report.tell, lambda: session.rebuild(branch))
    return deliver(report, Desk(bench, branch, report.tell, report.budget), heading, said, "Refs")


def finish(environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> Ending | None:
    """The post step: see that the sandbox is gone; first rescue what a main step that was cut off has left in it.

    Gives no ending where the main step has told its own.
    """
    state = runner.state
    if "ended" in state:
        if "sandbox-id" in state:
            _end_sandbox(Settings.load(environ), state["sandbox-id"], report)
        return None
    report.tell(Step("End a run that was cut off"))
    told = state.get("cut-off", "")
    what, cure = _LEFT.get(told, _LEFT[""])
    what = what.format(state.get("moment", "the start"))
    session = Session.open(environ, runner, report, closing)
    kept = ""
    sandboxes = session.find_sandboxes()
    try:
        if comment := session.find_comment():
            session.listen(Marker.read(comment.body) or Marker(), comment.id, notified=bool(told))
        if sandboxes:
            kept = rescue(session, sandboxes[0], what)
    finally:
        for sandbox_id in sandboxes:
            _end_sandbox(session.settings, sandbox_id, report)
    status = Status(told) if told in (Status.CANCELLED, Status.STOPPED) else Status.FAILED
    return Ending(status, what=what, cure=cure, kept=kept)


def _end_sandbox(settings: Settings, sandbox_id: str, report: Report) -> None:
    """End a sandbox; what the run came to is the same when that cannot be done."""
    try:
        Workspace.end(settings, sandbox_id)
    except ServiceError as e:
        report.tell(Warned(f"The sandbox may live on until its time is up: {e}"))


def _finish(environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> int:
    """Run the post step; its exit code says only whether it did its own work."""
    ending = _guard(lambda: finish(environ, runner, report, closing), report)
    if ending:
        _guard(lambda: report.close(ending), report)
    return Status.BUG.exit_code if ending and ending.status is Status.BUG else 0


def _supervise(step: Callable[[], Ending], report: Report) -> Status:
    """Run the step in a thread and wait for its ending or for a signal: the SDKs block, this thread never does."""
    endings: queue.SimpleQueue[Ending] = queue.SimpleQueue()
    overdue = replace(Ending.of(Stopped(_OVERDUE, cure=_OVERDUE_CURE)), cut_off=True)

    def cancel() -> None:
        ending = Ending.of(Cancelled(_CANCELLED.format(report.describe_moment())))
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
        return Ending(Status.BUG, what=_FAULT, cure=_FAULT_CURE, cut_off=True)


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
            desk.bench.recover(e)


def _read_agents(workspace: Workspace, sha: str) -> str:
    """The AGENTS.md at the root of the base commit; empty where there is none."""
    script = f"git cat-file -e {sha}:AGENTS.md 2>/dev/null || exit 0\ngit cat-file blob {sha}:AGENTS.md"
    try:
        text, _ = drop_invisible(workspace.git(f"({script}) | head -c {_AGENTS_LIMIT}\n"))
        return plain(text).strip()
    except ToolError as e:
        raise AiDevError("The repository cannot be read in the sandbox.", str(e)) from None
