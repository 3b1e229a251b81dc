"""Commits and the files that they change -> the JSON that GitHub's REST API shows of them."""

from __future__ import annotations

from .objects import Commit, Person
from .state import RepositoryState
from .views import JSON, user


def _person(shown: Person) -> JSON:
    return {"name": shown.name, "email": shown.email, "date": shown.date}


def verification(state: RepositoryState, sha: str) -> JSON:
    """Whether the server vouches for a commit."""
    if sha not in state.verified:
        return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    signed = {"signature": "-----BEGIN PGP SIGNATURE-----", "payload": state.objects.commit(sha).text()}
    return {"verified": True, "reason": "valid", **signed, "verified_at": state.objects.commit(sha).committer.date}


def git_commit(state: RepositoryState, sha: str, shown: Commit) -> JSON:
    """A commit, as the git data API shows it."""
    page = f"{state.html_url}/commit"
    parents = [{"sha": p, "url": f"{state.url}/git/commits/{p}", "html_url": f"{page}/{p}"} for p in shown.parents]
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{state.url}/git/commits/{sha}",
        "html_url": f"{page}/{sha}",
        "author": _person(shown.author),
        "committer": _person(shown.committer),
        "tree": {"sha": shown.tree, "url": f"{state.url}/git/trees/{shown.tree}"},
        "message": shown.message,
        "parents": parents,
        "verification": verification(state, sha),
    }


def commit(state: RepositoryState, sha: str) -> JSON:
    """A commit, as the commits API lists it."""
    inner = git_commit(state, sha, state.objects.commit(sha))
    url, html_url = f"{state.url}/commits/{sha}", inner["html_url"]
    accounts = {account.email: account for account in state.site.users.values()}
    people = {
        role: user(state.site, accounts[inner[role]["email"]]) if inner[role]["email"] in accounts else None
        for role in ("author", "committer")
    }
    parents = [parent | {"url": f"{state.url}/commits/{parent['sha']}"} for parent in inner["parents"]]
    kept = {name: inner[name] for name in ("author", "committer", "message", "tree", "url", "verification")}
    return {
        "sha": sha,
        "node_id": inner["node_id"],
        "url": url,
        "html_url": html_url,
        "comments_url": f"{url}/comments",
        "commit": kept | {"comment_count": 0},
        **people,
        "parents": parents,
    }


def files(state: RepositoryState, old: str, new: str) -> list[JSON]:
    """The files that differ between two commits."""
    words = {"A": "added", "M": "modified", "D": "removed", "T": "changed"}
    shown, lines = [], state.objects.lines(old, new)
    for letter, path in state.objects.changed(old, new):
        side = old if letter == "D" else new
        blob = state.objects.ask("rev-parse", f"{side}:{path}")
        page = {kind: f"{state.html_url}/{kind}/{side}/{path}" for kind in ("blob", "raw")}
        links = {"contents_url": f"{state.url}/contents/{path}?ref={side}", **{f"{k}_url": v for k, v in page.items()}}
        added, removed = lines[path]
        counts = {"additions": added, "deletions": removed, "changes": added + removed}
        shown.append({"sha": blob, "filename": path, "status": words[letter], **counts, **links})
    return shown
