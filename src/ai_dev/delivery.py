"""Desk -> Ending: what the model left is committed and proposed, however its work ended."""

from __future__ import annotations

import contextlib
import re

from .change import Change
from .errors import Refused, ServiceError, Status, ToolError
from .origin import EARLIER, UNFINISHED
from .pull_request import Branch
from .redaction import plain
from .rehearsal import Rehearsal
from .report import Ending, Report
from .runner import Note, Step
from .tools import Desk

_DIFF_LIMIT = 100_000
_ALLOW = "For the next time: Settings → Actions → General → Allow GitHub Actions to create and approve pull requests."
_PERMIT = "For the next time: give the job the permission `pull-requests: write`."


def deliver(report: Report, desk: Desk, heading: str, text: str, link: str) -> str:
    """Commit what is not committed and see to the pull request; give why something could not be committed.

    ``heading`` and ``text`` are the title and the body where the model gave none; ``link`` names the issue in the body,
    "Fixes" or "Refs". What GitHub does not take is kept as a patch. Raises ServiceError, Refused, Blocked.
    """
    report.tell(Step("Deliver"))
    branch = desk.branch
    branch.policy.guard(text)  # it is published as the model's last words, whether or not there is a pull request
    change, kept = _save(desk)
    try:
        branch.keep(change, f"{heading}\n\nThe assistant left this uncommitted.")
        told = f"Committed what the assistant had left uncommitted, files: {len(change.files)}."
        report.tell(Note(told if change.files else "Nothing was left uncommitted."))
    except ToolError as e:
        kept = "\n".join(filter(None, [str(e), kept]))
        report.keep_patch(change, branch.head)
    except (ServiceError, Refused):
        if change.files:
            report.keep_patch(change, branch.head)
        raise
    report.runner.save_state(kept=kept)
    propose(report, branch, heading, text, "Refs" if kept else link)
    if isinstance(branch, Rehearsal):
        with contextlib.suppress(ToolError, ServiceError):
            report.extra = _show(desk, branch)
    return kept


def keep_back(report: Report, desk: Desk) -> str:
    """Keep as a patch what may not be written to GitHub any more; give why something could not be kept."""
    change, lost = _save(desk)
    if change.files:
        report.keep_patch(change, desk.branch.head)
    return lost


def _save(desk: Desk) -> tuple[Change, str]:
    try:
        return desk.bench.save()
    except ToolError as e:
        return Change((), desk.branch.tree, ()), str(e)


def propose(report: Report, branch: Branch, heading: str, text: str, link: str) -> None:
    """See to the pull request for what is committed; the arguments are those of ``deliver``."""
    if branch.forbidden or not branch.exists or not (branch.commits or branch.earlier or branch.proposal):
        return
    title, given = branch.proposal or (heading, "")
    if branch.pull and not branch.proposal:
        said = branch.origin.read_text(branch.pull.body)
        if said is None:
            branch.flag()  # a person has rewritten it
            return
        title, given = branch.pull.title, said.partition(EARLIER)[2].strip() if said.startswith(UNFINISHED) else said
    if given and text.startswith(UNFINISHED):
        text, given = f"{text}\n\n{EARLIER}\n\n{given}", ""
    branch.propose(title, given or text, report.budget.describe(), link)


def conclude(report: Report, desk: Desk, text: str, kept: str) -> Ending:
    """The ending of a run that ended by itself with the model's last words ``text``."""
    branch = desk.branch
    if isinstance(branch, Rehearsal):
        return Ending(Status.UNCHANGED, text, "A rehearsal (dry-run): nothing was written to GitHub.", kept=kept)
    if kept and not branch.commits:
        return Ending(Status.FAILED, text, "The change could not be committed.", kept=kept)
    if branch.forbidden and branch.exists:
        return Ending(
            Status.BRANCH,
            text,
            "The work is done, but GitHub does not let this workflow open a pull request.",
            branch.forbidden,
            _ALLOW if "Actions" in branch.forbidden else _PERMIT,
            kept,
            branch.compare_url(report.runner.server_url),
        )
    return Ending(_find_status(branch, text), text, kept=kept)


def _find_status(branch: Branch, text: str) -> Status:
    if branch.opened:
        return Status.OPENED
    if branch.commits or branch.proposal:
        return Status.UPDATED
    return Status.UNCHANGED if branch.idle or not text else Status.ANSWERED


def _show(desk: Desk, branch: Rehearsal) -> str:
    """What would have been written to GitHub, in Markdown."""
    if not branch.commits:
        return ""
    shown = [("Commit", message) for message in branch.messages]
    if branch.proposal:
        title = f"Pull request from {branch.name} to {branch.start.base}"
        shown.append((title, f"{branch.proposal[0]}\n\n{branch.body}"))
    diff = f"git diff --no-color --no-ext-diff --no-textconv {branch.start.sha} {branch.tree} | head -c {_DIFF_LIMIT}\n"
    shown.append(("Diff", desk.workspace.git(diff)))
    parts = [f"### {title}\n\n{_fence(text)}" for title, text in shown]
    return "\n\n".join(["Without `dry-run` GitHub would have got:", *parts])


def _fence(text: str) -> str:
    """The text as a block of code that nothing in it can end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}\n{plain(text).rstrip()}\n{ticks}"
