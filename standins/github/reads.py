"""What is read of a repository and its commits: settings, permissions, branches, comparisons, files."""

from __future__ import annotations

import base64

from werkzeug.wrappers import Response

from . import commits, views
from .api import Api, route
from .call import Call, Refused, answer
from .objects import Item
from .views import JSON

READ = "contents=read"
INLINE_LIMIT = 1 << 20
"""Bytes of a file that the contents API still shows."""


class Reads(Api):
    """The routes that change nothing."""

    @route("GET", "")
    def get_repository(self, call: Call) -> Response:
        """The repository."""
        role = call.repository.role(call.user) if call.token.kind == "user" else "read"
        return answer(views.repository(call.repository) | {"permissions": views.permissions(role)})

    @route("GET", "/collaborators/<login>/permission", "metadata=read")
    def get_permission(self, call: Call, login: str) -> Response:
        """What somebody may do; 404 for apps, as they are not people."""
        account = self.site.find_user(login)
        if account is None or account.type != "User":
            raise Refused(404, f"{login} is not a user")
        return answer(views.collaborator(call.repository, account))

    @route("GET", "/commits/<path:revision>", READ)
    def get_commit_of(self, call: Call, revision: str) -> Response:
        """The commit that a branch, tag or id names, with what it changed."""
        objects, sha = call.repository.objects, _commit(call, revision)
        parents = objects.commit(sha).parents
        changed = commits.files(call.repository, parents[0], sha) if parents else []
        return answer(commits.commit(call.repository, sha) | {"files": changed})

    @route("GET", "/branches/<path:branch>", READ)
    def get_branch(self, call: Call, branch: str) -> Response:
        """A branch and its newest commit."""
        sha = call.repository.objects.ref(f"refs/heads/{branch}")
        if sha is None:
            raise Refused(404, "Branch not found")
        url = f"{call.repository.url}/branches/{branch}"
        links = {"self": url, "html": f"{call.repository.html_url}/tree/{branch}"}
        protection = {"protected": False, "protection": {"enabled": False}, "protection_url": f"{url}/protection"}
        commit = commits.commit(call.repository, sha)
        return answer({"name": branch, "commit": commit, "_links": links, **protection})

    @route("GET", "/compare/<path:pair>", READ)
    def compare(self, call: Call, pair: str) -> Response:
        """How one branch stands to another: ``BASE...HEAD``."""
        base, dots, head = pair.partition("...")
        if not dots:
            raise Refused(404, "Not Found")
        old, new = (_commit(call, side.rpartition(":")[2], status=404) for side in (base, head))
        start = call.repository.objects.ask("merge-base", old, new)
        if start is None:
            raise Refused(404, f"No common ancestor between {base} and {head}.")
        return answer(_comparison(call, old, new, start) | {"url": f"{call.repository.url}/compare/{pair}"})

    @route("GET", "/contents/", READ)
    def get_root(self, call: Call) -> Response:
        """What is at the top."""
        return _contents(call, "")

    @route("GET", "/contents/<path:path>", READ)
    def get_contents(self, call: Call, path: str) -> Response:
        """A file, or what is in a folder."""
        return _contents(call, path.rstrip("/"))


def _commit(call: Call, revision: str, status: int = 422) -> str:
    sha = call.repository.objects.commit_of(revision)
    if sha is None:
        raise Refused(status, "Not Found" if status == 404 else f"No commit found for SHA: {revision}")
    return sha


def _comparison(call: Call, old: str, new: str, start: str) -> JSON:
    repository = call.repository
    ahead, behind = repository.objects.commits(old, new), repository.objects.count(new, old)
    status = {(True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    return {
        "html_url": f"{repository.html_url}/compare/{old}...{new}",
        "base_commit": commits.commit(repository, old),
        "merge_base_commit": commits.commit(repository, start),
        "status": status.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [commits.commit(repository, sha) for sha in ahead[-250:]],
        "files": commits.files(repository, start, new),
    }


def _contents(call: Call, path: str) -> Response:
    ref = call.request.args.get("ref") or call.repository.default_branch
    sha = call.repository.objects.commit_of(ref)
    if sha is None:
        raise Refused(404, f"No commit found for the ref {ref}")
    tree = sha
    if path:
        found = call.repository.objects.items(sha, path)
        if not found:
            raise Refused(404, "Not Found")
        if found[0].kind != "tree":
            return answer(_shown(call, found[0], path, ref) | _text(call, found[0]))
        tree = found[0].sha
    items = call.repository.objects.items(tree)
    return answer([_shown(call, item, f"{path}/{item.path}".lstrip("/"), ref) for item in items])


def _shown(call: Call, item: Item, path: str, ref: str) -> JSON:
    repository, kind = call.repository, {"tree": "dir", "commit": "submodule"}.get(item.kind, "file")
    url, page = f"{repository.url}/contents/{path}?ref={ref}", f"{repository.html_url}/blob/{ref}/{path}"
    links = {"url": url, "git_url": f"{repository.url}/git/{item.kind}s/{item.sha}", "html_url": page}
    return {
        "type": "symlink" if item.mode == "120000" else kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": item.sha,
        "size": item.size or 0,
        **links,
        "download_url": f"{repository.html_url}/raw/{ref}/{path}" if kind == "file" else None,
        "_links": {"self": links["url"], "git": links["git_url"], "html": links["html_url"]},
    }


def _text(call: Call, item: Item) -> JSON:
    if item.kind != "blob":
        return {}
    if (item.size or 0) > INLINE_LIMIT:
        return {"content": "", "encoding": "none"}
    data = call.repository.objects.blob(item.sha)
    return {"content": base64.encodebytes(data).decode(), "encoding": "base64"}
