"""State -> the JSON that GitHub's REST API and webhooks show of it; of repositories the fields that clients read."""

from __future__ import annotations

from typing import Any

from .state import Comment, Issue, Label, Pull, Reaction, RepositoryState, Site, User

JSON = dict[str, Any]

PERMISSION = {"maintain": "write", "triage": "read"}
"""How the permission API's older field names the roles that it does not know."""


LISTS_OF_A_USER = (
    "events",
    "followers",
    "following",
    "gists",
    "organizations",
    "received_events",
    "repos",
    "starred",
    "subscriptions",
)


def user(site: Site, account: User) -> JSON:
    """An account, in the short form."""
    url = f"{site.api_url}/users/{account.login}"
    path = f"apps/{account.login.removesuffix('[bot]')}" if account.type == "Bot" else account.login
    return {
        "login": account.login,
        "id": account.id,
        "node_id": f"U_{account.id}",
        "avatar_url": f"{site.server_url}/avatars/u/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{site.server_url}/{path}",
        **{f"{name}_url": f"{url}/{name}" for name in LISTS_OF_A_USER},
        "type": account.type,
        "site_admin": False,
    }


def repository(state: RepositoryState) -> JSON:
    """A repository, without what depends on who asks."""
    return {
        "id": state.id,
        "node_id": f"R_{state.id}",
        "name": state.name,
        "full_name": state.full_name,
        "private": state.private,
        "visibility": "private" if state.private else "public",
        "owner": user(state.site, state.owner),
        "html_url": state.html_url,
        "description": None,
        "fork": False,
        "url": state.url,
        "clone_url": f"{state.html_url}.git",
        "default_branch": state.default_branch,
        "archived": state.archived,
        "disabled": False,
        "has_issues": True,
        "open_issues_count": sum(issue.state == "open" for issue in state.issues.values()),
        "language": None,
        "topics": [],
    }


def permissions(role: str) -> JSON:
    """A role as the five flags of older answers."""
    order = ("read", "triage", "write", "maintain", "admin")
    names = ("pull", "triage", "push", "maintain", "admin")
    rank = order.index(role) if role in order else -1
    return {name: rank >= place for place, name in enumerate(names)}


def collaborator(state: RepositoryState, account: User) -> JSON:
    """What the permission API tells of an account."""
    role = state.role(account)
    shown = user(state.site, account) | {"permissions": permissions(role), "role_name": role}
    return {"permission": PERMISSION.get(role, role), "role_name": role, "user": shown}


def association(state: RepositoryState, account: User) -> str:
    """How the author of a text stands to the repository."""
    if account == state.owner:
        return "OWNER"
    return "COLLABORATOR" if state.permissions.get(account.login, "none") != "none" else "NONE"


def label(state: RepositoryState, shown: Label) -> JSON:
    """A label."""
    return {
        "id": shown.id,
        "node_id": f"LA_{shown.id}",
        "url": f"{state.url}/labels/{shown.name}",
        "name": shown.name,
        "color": shown.color,
        "default": False,
        "description": shown.description,
    }


def labels(state: RepositoryState, shown: Issue) -> list[JSON]:
    """The labels of an issue or pull request."""
    return [label(state, state.label(name)) for name in shown.labels]


def reaction(state: RepositoryState, shown: Reaction) -> JSON:
    """One reaction."""
    return {
        "id": shown.id,
        "node_id": f"REA_{shown.id}",
        "user": user(state.site, shown.user),
        "content": shown.content,
        "created_at": shown.created_at,
    }


def reactions(url: str, shown: list[Reaction]) -> JSON:
    """How often each reaction was given."""
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    counts = {kind: sum(one.content == kind for one in shown) for kind in kinds}
    return {"url": f"{url}/reactions", "total_count": len(shown), **counts}


def comment(state: RepositoryState, on: Issue, shown: Comment) -> JSON:
    """A comment of an issue's or pull request's discussion."""
    url = f"{state.url}/issues/comments/{shown.id}"
    page = "pull" if isinstance(on, Pull) else "issues"
    return {
        "id": shown.id,
        "node_id": f"IC_{shown.id}",
        "url": url,
        "html_url": f"{state.html_url}/{page}/{on.number}#issuecomment-{shown.id}",
        "issue_url": f"{state.url}/issues/{on.number}",
        "user": user(state.site, shown.user),
        "created_at": shown.created_at,
        "updated_at": shown.updated_at,
        "author_association": association(state, shown.user),
        "body": shown.body,
        "reactions": reactions(url, shown.reactions),
        "performed_via_github_app": None,
    }


def _shared(state: RepositoryState, shown: Issue) -> JSON:
    return {
        "id": shown.id,
        "number": shown.number,
        "title": shown.title,
        "body": shown.body,
        "user": user(state.site, shown.user),
        "labels": labels(state, shown),
        "state": shown.state,
        "locked": shown.locked,
        "active_lock_reason": None,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments_url": f"{state.url}/issues/{shown.number}/comments",
        "created_at": shown.created_at,
        "updated_at": shown.updated_at,
        "closed_at": shown.closed_at,
        "author_association": association(state, shown.user),
    }


def issue(state: RepositoryState, shown: Issue) -> JSON:
    """An issue, or a pull request as the issues API shows it."""
    url = f"{state.url}/issues/{shown.number}"
    page = "pull" if isinstance(shown, Pull) else "issues"
    data = _shared(state, shown) | {
        "node_id": f"I_{shown.id}",
        "url": url,
        "repository_url": state.url,
        "labels_url": f"{url}/labels{{/name}}",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": f"{state.html_url}/{page}/{shown.number}",
        "comments": len(shown.comments),
        "state_reason": shown.state_reason,
        "reactions": reactions(url, shown.reactions),
        "performed_via_github_app": None,
    }
    if isinstance(shown, Pull):
        html_url = data["html_url"]
        links = {"diff_url": f"{html_url}.diff", "patch_url": f"{html_url}.patch", "merged_at": None}
        data["pull_request"] = {"url": f"{state.url}/pulls/{shown.number}", "html_url": html_url} | links
        data["draft"] = shown.draft
    return data


def _side(state: RepositoryState, full_name: str, branch: str, sha: str) -> JSON:
    owner = full_name.partition("/")[0]
    account = state.site.find_user(owner)
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": account and user(state.site, account),
        "repo": repository(state) if full_name == state.full_name else _fork(state, full_name),
    }


def _fork(state: RepositoryState, full_name: str) -> JSON:
    name = full_name.partition("/")[2]
    return {"name": name, "full_name": full_name, "fork": True, "url": f"{state.site.api_url}/repos/{full_name}"}


def pull(state: RepositoryState, shown: Pull) -> JSON:
    """A pull request, as lists show it."""
    url, html_url = f"{state.url}/pulls/{shown.number}", f"{state.html_url}/pull/{shown.number}"
    links = {
        "html": html_url,
        "issue": f"{state.url}/issues/{shown.number}",
        "comments": f"{state.url}/issues/{shown.number}/comments",
        "commits": f"{url}/commits",
        "review_comments": f"{url}/comments",
        "review_comment": f"{url}/comments{{/number}}",
        "statuses": f"{state.url}/statuses/{state.head_sha(shown)}",
    }
    return _shared(state, shown) | {
        "node_id": f"PR_{shown.id}",
        "url": url,
        **{f"{name}_url": link for name, link in links.items()},
        "diff_url": f"{html_url}.diff",
        "patch_url": f"{html_url}.patch",
        "merged_at": None,
        "merge_commit_sha": None,
        "draft": shown.draft,
        "head": _side(state, shown.head_repository, shown.head, state.head_sha(shown)),
        "base": _side(state, state.full_name, shown.base, state.base_sha(shown)),
        "requested_reviewers": [user(state.site, account) for account in shown.requested_reviewers],
        "requested_teams": [],
        "auto_merge": None,
        "_links": {name: {"href": link} for name, link in {"self": url, **links}.items()},
    }


def full_pull(state: RepositoryState, shown: Pull) -> JSON:
    """A pull request, as it is shown alone."""
    base, head = state.base_sha(shown), state.head_sha(shown)
    lines = state.objects.lines(base, head).values()
    return pull(state, shown) | {
        "merged": shown.merged,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "maintainer_can_modify": shown.maintainer_can_modify,
        "comments": len(shown.comments),
        "review_comments": 0,
        "commits": state.objects.count(base, head),
        "additions": sum(added for added, _ in lines),
        "deletions": sum(removed for _, removed in lines),
        "changed_files": len(lines),
    }
