"""State of a main step -> Ending: the post step, which ends what the main step could not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from .answers import Account, Comment
from .bench import Bench
from .delivery import deliver, keep_back, propose
from .errors import SandboxGone, ServiceError, Status
from .marker import WORKING, Marker, is_ours
from .origin import UNFINISHED
from .pull_request import Branch
from .report import Ending, Report
from .runner import Runner, Step, Warned
from .session import Session
from .settings import Settings
from .snapshot import Start
from .task import write_heading
from .tools import Desk
from .workspace import Workspace

CANCELLED = "GitHub ended the run at {}: somebody cancelled it, or its time was up."
_CUT_OFF = "The run was cut off: it was killed, or ran out of memory or time."
_CUT_OFF_CURE = "See at the end of its log what ended it, and run it again; where time ran out, raise timeout-minutes."
OVERDUE = "A service held the run long after its time was up."
OVERDUE_CURE = "Run it again: what a service does not answer is most likely a passing fault."
_LOST = "The sandbox is gone; what was not committed is lost."
FAULT = "It failed by a fault of its own; the log of the run has the details."
FAULT_CURE = "Please report it to the authors of AI Dev, with the last lines of the log."
_LEFT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "": (_CUT_OFF, _CUT_OFF_CURE),
        Status.CANCELLED: (CANCELLED, ""),
        Status.STOPPED: (OVERDUE, OVERDUE_CURE),
        Status.BUG: (FAULT, FAULT_CURE),
    }
)
"""What happened to a main step that ended so and left its work to the post step, and what to do."""


def finish(environ: Mapping[str, str], runner: Runner, report: Report, closing: contextlib.ExitStack) -> Ending | None:
    """The post step: see that the sandbox is gone; first rescue what a main step that was cut off has left in it.

    Gives no ending where the main step has told its own.
    """
    state = runner.state
    if "ended" in state:
        for sandbox_id in f"{state.get('sandbox-id', '')} {state.get('replaced', '')}".split():
            _end_sandbox(Settings.load(environ), sandbox_id, report)
        return None
    report.tell(Step("End a run that was cut off"))
    told = state.get("cut-off", "")
    what, cure = _LEFT.get(told, _LEFT[""])
    what = what.format(state.get("moment", "the start"))
    session = Session.open(environ, runner, report, closing)
    kept = ""
    sandboxes = session.sandboxes.find()
    try:
        _listen(session, notified=bool(told))
        if sandboxes:
            kept = _rescue(session, sandboxes[0], what)
    finally:
        for sandbox_id in sandboxes:
            _end_sandbox(session.settings, sandbox_id, report)
    status = Status(told) if told in (Status.CANCELLED, Status.STOPPED) else Status.FAILED
    return Ending(status, what=what, cure=cure, kept=kept)


def _rescue(session: Session, sandbox_id: str, what: str) -> str:
    """Deliver what a run that was cut off left in its sandbox; give why something is not delivered.

    ``what`` happened to the run is the text of the pull request where the model gave none.
    """
    state, trigger, report = session.runner.state, session.trigger, session.report
    if "tree" not in state:
        return ""
    branch, unread = _take_branch(session)
    said, heading = f"{UNFINISHED} {what}", write_heading(trigger, trigger.issue)
    try:
        workspace = Workspace.connect(session.settings, sandbox_id)
    except ServiceError as e:
        if not unread:
            propose(report, branch, heading, said, "Refs")
        lost = _LOST if isinstance(e, SandboxGone) else f"{e} What was not committed is lost."
        return state.get("kept", lost)  # a main step that had delivered has ended the sandbox itself
    bench = Bench(workspace, branch, report.tell, lambda: session.rebuild(branch))
    desk = Desk(bench, branch, report.tell, report.budget)
    if unread:
        return "\n".join(filter(None, [unread, keep_back(report, desk)]))
    return deliver(report, desk, heading, said, "Refs")


def _take_branch(session: Session) -> tuple[Branch, str]:
    """The branch as the main step left it, and why GitHub does not say what is on it: then nothing can be delivered."""
    state, unread = session.runner.state, ""
    us = Account(login=state["us"], id=int(state["us-id"]))
    try:
        start, tree, grafted = _find_start(session)
        pull = session.repository.find_open_pull(start.branch) if start.branch_sha else None
    except ServiceError as e:
        start, tree, grafted, pull, unread = _read_start(state), state["tree"], state["grafted"], None, str(e)
    branch = session.take_branch(start, tree, us, pull)
    branch.grafted = grafted
    branch.earlier = int(state["pushed"]) + (start.branch_sha not in (None, state["branch-sha"]))
    return branch, unread


def _read_start(state: Mapping[str, str]) -> Start:
    """Where the main step knew our branch to be."""
    return Start(state["base"], state["base-sha"], state["branch"], state["branch-sha"] or None)


def _find_start(session: Session) -> tuple[Start, str, str]:
    """Where the main step left our branch, the id of its tree in the sandbox, and on GitHub where that is another.

    A commit that was on its way when the step was cut off may have arrived: then that is where.
    """
    state = session.runner.state
    start = _read_start(state)
    if sha := state["pushing"]:
        tip = session.repository.read_ref(f"heads/{start.branch}")
        if tip and tip.object.sha == sha:
            return replace(start, branch_sha=sha), state["pushing-tree"], state["pushing-grafted"]
    return start, state["tree"], state["grafted"]


def _listen(session: Session, *, notified: bool) -> None:
    """Let the comment of the main step hear of the ending; what was done is rescued also where it cannot be found."""
    try:
        comment = _find_comment(session)
    except ServiceError as e:
        session.report.tell(Warned(f"The status comment is not up to date: {e}"))
        return
    if comment:
        session.listen(Marker.read(comment.body) or Marker(), comment.id, notified=notified)


def _find_comment(session: Session) -> Comment | None:
    """The comment in which the main step says that it works, even when its id never reached that step."""
    state = session.runner.state
    if "comment" in state:
        return Comment(id=int(state["comment"]), body=state.get("marker"))
    if not session.trigger.number or session.settings.dry_run:
        return None
    us = session.repository.read_viewer()
    for comment in session.repository.read_comments(session.trigger.number):
        marker = Marker.read(comment.body) if is_ours(comment, us) else None
        if marker and (marker.run, marker.status) == (session.runner.run_id, WORKING):
            return comment
    return None


def _end_sandbox(settings: Settings, sandbox_id: str, report: Report) -> None:
    """End a sandbox; what the run came to is the same when that cannot be done."""
    try:
        Workspace.end(settings, sandbox_id)
    except ServiceError as e:
        report.tell(Warned(f"The sandbox may live on until its time is up: {e}"))
