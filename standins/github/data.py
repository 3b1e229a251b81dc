"""The git data API's blobs, trees and commits, made as real git objects."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from . import commits
from .api import Api, route
from .call import Call, Refused, answer
from .git import GitError
from .objects import Commit, Entry, Item, Person
from .views import JSON

READ, WRITE = "contents=read", "contents=write"
BLOB_LIMIT = 40 << 20


class GitData(Api):
    """The routes of objects."""

    @route("POST", "/git/blobs", WRITE)
    def create_blob(self, call: Call) -> Response:
        """Store a blob."""
        sha = call.repository.objects.write_blob(_decoded(call.fields("content")))
        return answer({"sha": sha, "url": _url(call, "blobs", sha)}, 201)

    @route("GET", "/git/trees/<path:revision>", READ)
    def get_tree(self, call: Call, revision: str) -> Response:
        """A tree, by its own id or by what names a commit; with ``recursive`` all that is under it."""
        tree = call.repository.objects.tree_of(revision)
        if tree is None:
            raise Refused(404, "Not Found")
        flags = ("-r", "-t") if "recursive" in call.request.args else ()
        return answer(_tree(call, tree, *flags))

    @route("POST", "/git/trees", WRITE)
    def create_tree(self, call: Call) -> Response:
        """Store a tree: the base tree with these entries."""
        new, objects = call.fields("tree"), call.repository.objects
        base = None if new.get("base_tree") is None else objects.tree_of(str(new["base_tree"]))
        if base is None and new.get("base_tree") is not None:
            raise Refused(422, "base_tree is not a valid tree oid")
        if not isinstance(new["tree"], list) or not new["tree"]:
            raise Refused(422, "Invalid tree info")
        known = {item.path for item in objects.items(base, flags=["-r"])} if base else set()
        entries = [_entry(call, item, known) for item in new["tree"]]
        try:
            tree = objects.write_tree(base, entries)
        except GitError as e:
            raise Refused(422, "tree.path contains a malformed path component") from e
        return answer(_tree(call, tree), 201)

    @route("POST", "/git/commits", WRITE)
    def create_commit(self, call: Call) -> Response:
        """Store a commit; one that leaves author and committer to the server is signed if a bot made it."""
        new, repository = call.fields("message", "tree"), call.repository
        if repository.objects.kind(str(new["tree"])) != "tree":
            raise Refused(422, "Tree SHA does not exist")
        parents = tuple(str(parent) for parent in new.get("parents", ()))
        if any(repository.objects.kind(parent) != "commit" for parent in parents):
            raise Refused(422, "Parent SHA does not exist or is not a commit object")
        message = str(new["message"])
        if "\0" in message:
            raise Refused(422, "message contains a null byte")
        author, committer = _people(call, new)
        if signed := call.user.type == "Bot" and not new.keys() & {"author", "committer"}:
            committer = replace(committer, name="GitHub", email="noreply@github.com")
        commit = Commit(new["tree"], parents, author, committer, message)
        try:
            sha = repository.objects.write_commit(commit)
        except GitError as e:
            raise Refused(422, "Invalid commit info") from e
        if signed:
            repository.verified.add(sha)
        return answer(commits.git_commit(repository, sha, commit), 201)


def _url(call: Call, kind: str, name: str) -> str:
    return f"{call.repository.url}/git/{kind}/{name}"


def _decoded(new: JSON) -> bytes:
    content, encoding = new["content"], new.get("encoding", "utf-8")
    if not isinstance(content, str) or encoding not in ("utf-8", "base64"):
        raise Refused(422, "Invalid request.\n\ncontent must be a string, encoding utf-8 or base64.")
    try:
        data = base64.b64decode("".join(content.split()), validate=True) if encoding == "base64" else content.encode()
    except binascii.Error as e:
        raise Refused(422, "content is not valid Base64") from e
    if len(data) > BLOB_LIMIT:
        raise Refused(422, "Sorry, your input was too large to process.")
    return data


def _tree(call: Call, tree: str, *flags: str) -> JSON:
    items = [_item(call, item) for item in call.repository.objects.items(tree, flags=flags)]
    return {"sha": tree, "url": _url(call, "trees", tree), "tree": items, "truncated": False}


def _item(call: Call, item: Item) -> JSON:
    shown: JSON = {"path": item.path, "mode": item.mode, "type": item.kind, "sha": item.sha}
    shown["url"] = _url(call, f"{item.kind}s", item.sha)
    return shown if item.size is None else shown | {"size": item.size}


def _entry(call: Call, item: JSON, known: set[str]) -> Entry:
    """One entry of a new tree. Whole trees cannot be put in: no client of this project does."""
    path, mode = str(item.get("path") or ""), item.get("mode")
    if path.startswith("/"):
        raise Refused(422, "tree.path cannot start with a slash")
    if not path or "\0" in path:
        raise Refused(422, "tree.path contains a malformed path component")
    if mode not in ("100644", "100755", "120000", "160000"):
        raise Refused(422, "Must supply a valid tree.mode")
    if "content" in item and item.get("sha"):
        raise Refused(422, "Must supply either tree.sha or tree.content")
    if "content" in item:
        return Entry(path, call.repository.objects.write_blob(_decoded({"content": item["content"]})), mode)
    if "sha" not in item:
        raise Refused(422, "Must supply either tree.sha or tree.content")
    return _referring(call, path, mode, item["sha"], known)


def _referring(call: Call, path: str, mode: str, sha: object, known: set[str]) -> Entry:
    if sha is None:
        if path not in known:
            raise Refused(422, "GitRPC::BadObjectState")
        return Entry(path, None)
    if not isinstance(sha, str) or (mode != "160000" and call.repository.objects.kind(sha) != "blob"):
        raise Refused(422, f"tree.sha {sha} is not a valid blob")
    return Entry(path, sha, mode)


def _people(call: Call, new: JSON) -> tuple[Person, Person]:
    now = call.repository.site.stamp()
    author = _person(new["author"], now) if "author" in new else Person(call.user.login, call.user.email, now)
    return author, _person(new["committer"], now) if "committer" in new else author


def _person(given: Any, now: str) -> Person:
    if not isinstance(given, dict) or not given.get("name") or not given.get("email"):
        raise Refused(422, "Invalid request.\n\nauthor and committer need a name and an email.")
    name, email = (re.sub("[<>\n\0]", "", str(given[field])) for field in ("name", "email"))
    date = str(given.get("date") or now)
    try:
        datetime.fromisoformat(date)
    except ValueError as e:
        raise Refused(422, f"Invalid request.\n\n{date} is not a valid date-time.") from e
    return Person(name, email, date)
