"""What happened in a repository -> the payload that GitHub gives to a workflow that it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import views
from .objects import ABSENT
from .state import RepositoryState, User
from .views import JSON


def labeled(state: RepositoryState, number: int, label: str, sender: User | str) -> JSON:
    """``issues``: somebody put a label on an issue."""
    issue = state.issues[number]
    if label not in issue.labels:
        issue.labels.append(label)
        issue.updated_at = state.site.stamp()
    shown = {"issue": views.issue(state, issue), "label": views.label(state, state.label(label))}
    return {"action": "labeled", **shown, **_common(state, sender)}


def comment(state: RepositoryState, comment: int, sender: User | str | None = None) -> JSON:
    """``issue_comment``: somebody wrote a comment; the sender is its author unless another one is named."""
    found = state.find_comment(comment)
    if found is None:
        raise LookupError(f"no comment {comment}")
    shown = {"issue": views.issue(state, found[0]), "comment": views.comment(state, *found)}
    return {"action": "created", **shown, **_common(state, sender or found[1].user)}


def dispatch(state: RepositoryState, sender: User | str, inputs: Mapping[str, str | None] | None = None) -> JSON:
    """``workflow_dispatch``: somebody ran the workflow by hand."""
    workflow = {"ref": f"refs/heads/{state.default_branch}", "workflow": ".github/workflows/ai-dev.yml"}
    return {"inputs": None if inputs is None else dict(inputs), **workflow, **_common(state, sender)}


def schedule(state: RepositoryState, schedule: str = "0 6 * * 1") -> JSON:
    """``schedule``: the clock ran it; nobody is the sender."""
    workflow = {"schedule": schedule, "workflow": ".github/workflows/ai-dev.yml"}
    return {**workflow, "repository": views.repository(state)}


def push(state: RepositoryState, sender: User | str, branch: str = "main") -> JSON:
    """``push``: a branch got its newest commit."""
    ref = f"refs/heads/{branch}"
    after = state.objects.ref(ref) or ABSENT
    parents = state.objects.commit(after).parents if after != ABSENT else ()
    before = parents[0] if parents else ABSENT
    commits = [_pushed(state, after)] if after != ABSENT else []
    account = state.site.account(sender)
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "base_ref": None,
        "created": before == ABSENT,
        "deleted": after == ABSENT,
        "forced": False,
        "compare": f"{state.html_url}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": {"name": account.login, "email": account.email},
        **_common(state, sender),
    }


def _common(state: RepositoryState, sender: User | str) -> JSON:
    return {"repository": views.repository(state), "sender": views.user(state.site, state.site.account(sender))}


def _pushed(state: RepositoryState, sha: str) -> JSON:
    shown = state.objects.commit(sha)
    changes = state.objects.changed(shown.parents[0], sha) if shown.parents else []
    paths = {word: [path for letter, path in changes if letter == letters] for word, letters in _LISTS}
    people = {
        role: {"name": person.name, "email": person.email}
        for role, person in (("author", shown.author), ("committer", shown.committer))
    }
    page = {"url": f"{state.html_url}/commit/{sha}", "timestamp": shown.committer.date, "distinct": True}
    return {"id": sha, "tree_id": shown.tree, "message": shown.message, **page, **people, **paths}


_LISTS = (("added", "A"), ("removed", "D"), ("modified", "M"))

EVENTS: dict[str, Any] = {
    "labeled": labeled,
    "comment": comment,
    "dispatch": dispatch,
    "schedule": schedule,
    "push": push,
}
"""Each kind of event and what makes its payload."""
