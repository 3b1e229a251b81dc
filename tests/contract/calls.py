"""Every request that ``Repository`` can make: each of its methods, asked of the stand-in, and what was said."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from ai_dev.repository import Repository
from standins.github import GitHub
from standins.service import Sent

_TOKEN = "ghs_contract"


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; None for a body that is not there."""

    method: str
    path: str
    query: dict[str, str]
    sent: Any
    status: int
    answer: Any


class Recorder(GitHub):
    """The stand-in, which keeps what it answers."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.exchanges: list[Exchange] = []

    def answer(self, request: Request, sent: Sent) -> Response | None:
        """Answer as the stand-in does."""
        response = super().answer(request, sent)
        if response is not None:
            bodies = [json.loads(body) if body else None for body in (bytes(sent.body), response.get_data())]
            said = Exchange(sent.method, sent.path, sent.query, bodies[0], response.status_code, bodies[1])
            self.exchanges.append(said)
        return response


@dataclass(frozen=True)
class Scene:
    """A small repository and what is in it. The calls below do not get into each other's way."""

    server: Recorder
    repository: Repository
    issue: int
    comment: int
    pull: int
    base: str
    """The tip of ``main``; the branch ``side`` is one commit ahead of it and has the pull request."""
    ahead: str

    @classmethod
    @contextlib.contextmanager
    def open(cls, directory: Path) -> Iterator[Scene]:
        """Serve it."""
        with Recorder(directory) as server:
            server.add_token(_TOKEN)
            held = server.add_repository(source=None)
            held.permissions[server.add_user("ada").login] = "write"
            base = held.push("main", {"README.md": b"# Demo\n", "old.py": b"pass\n"}, message="Begin")
            ahead = held.push("side", {"README.md": b"# Demo, better\n"}, message="Say more")
            held.push("other", {"new.py": b"pass\n"}, message="Add a file")
            issue = held.add_issue("It breaks", None, user="ada", labels=["bug"])
            comment = held.add_comment(issue.number, "Look at it.", user="ada")
            pull = held.add_pull("Say more", "Closes it.", user="github-actions[bot]", head="side")
            repository = Repository(server.api_url, held.full_name, _TOKEN)
            yield cls(server, repository, issue.number, comment.id, pull.number, base, ahead)

    def record(self, call: Call) -> list[Exchange]:
        """What is said in a call."""
        start = len(self.server.exchanges)
        call(self)
        return self.server.exchanges[start:]

    @contextlib.contextmanager
    def limited(self, *areas: str) -> Iterator[None]:
        """A token that can only read in these areas."""
        token = self.server.tokens[_TOKEN]
        allowed = dict(token.permissions)
        token.permissions.update(dict.fromkeys(areas, "read"))
        try:
            yield
        finally:
            token.permissions = allowed

    @contextlib.contextmanager
    def answering(self, method: str, path: str, status: int, body: Any) -> Iterator[None]:
        """Give this answer to such requests."""
        fault = self.server.fail(method, f"^{re.escape(path)}$", status=status, body=json.dumps(body), times=None)
        try:
            yield
        finally:
            self.server.faults.remove(fault)


Call = Callable[[Scene], object]


def _entries(blob: str) -> list[dict[str, Any]]:
    return [
        {"path": "README.md", "mode": "100755", "type": "blob", "content": "# Demo\n"},
        {"path": "new.bin", "mode": "100644", "type": "blob", "sha": blob},
        {"path": "old.py", "mode": "100644", "type": "blob", "sha": None},
    ]


def _create_tree(scene: Scene) -> str:
    return scene.repository.create_tree(scene.base, _entries(scene.repository.create_blob("AP8=")))


def _create_branch_unheard(scene: Scene) -> None:
    scene.server.fail("POST", "/git/refs$", drop=True, after=True)
    scene.repository.create_branch("ai-dev/unheard", scene.base)


def _move_ref(scene: Scene) -> None:
    scene.repository.create_branch("ai-dev/moved", scene.base)
    scene.repository.move_ref("heads/ai-dev/moved", scene.ahead)


def _delete_comment(scene: Scene) -> None:
    posted = scene.repository.post_comment(scene.issue, "Soon gone", "Soon")
    scene.repository.delete_comment(posted.id)


def _edit_comment(scene: Scene) -> None:
    posted = scene.repository.post_comment(scene.issue, "Working", "Working")
    scene.repository.edit_comment(posted.id, "Done")


GRANTED: dict[str, Call] = {
    "read_about": lambda s: s.repository.read_about(),
    "read_permission": lambda s: s.repository.read_permission("ada"),
    "read_issue": lambda s: s.repository.read_issue(s.issue),
    "read_issue, a pull request": lambda s: s.repository.read_issue(s.pull),
    "read_comments": lambda s: s.repository.read_comments(s.issue),
    "react": lambda s: s.repository.react(s.issue),
    "react, to a comment": lambda s: s.repository.react(s.issue, s.comment),
    "post_comment": lambda s: s.repository.post_comment(s.issue, "<!-- mark -->\nHello", "<!-- mark -->"),
    "edit_comment": _edit_comment,
    "delete_comment": _delete_comment,
    "check_writable": lambda s: s.repository.check_writable(),
    "create_blob": lambda s: s.repository.create_blob("AP8="),
    "create_tree": _create_tree,
    "create_commit": lambda s: s.repository.create_commit("Change\n\nWhy.", _create_tree(s), s.base),
    "read_commit": lambda s: s.repository.read_commit(s.base),
    "compare": lambda s: s.repository.compare(s.base, s.ahead),
    "create_ref": lambda s: s.repository.create_ref("refs/ai-dev/claims/issue-1", s.base),
    "read_ref": lambda s: s.repository.read_ref("heads/side"),
    "create_branch": lambda s: s.repository.create_branch("ai-dev/made", s.base),
    "create_branch, answer lost": _create_branch_unheard,
    "move_ref": _move_ref,
    "find_open_pull": lambda s: s.repository.find_open_pull("side"),
    "find_pulls": lambda s: s.repository.find_pulls("side"),
    "create_pull": lambda s: s.repository.create_pull("other", "main", "Add a file", "It is new.", draft=True),
    "update_pull": lambda s: s.repository.update_pull(s.pull, "Say much more", "Closes it."),
}
"""Each method's name, perhaps with the case, and a call that GitHub grants. ``read_viewer`` asks of another API."""


def _limited(area: str, call: Call) -> Call:
    def ask(scene: Scene) -> None:
        with scene.limited(area):
            call(scene)

    return ask


def _claim_twice(scene: Scene) -> None:
    scene.repository.create_ref("refs/ai-dev/claims/issue-2", scene.base)
    scene.repository.create_ref("refs/ai-dev/claims/issue-2", scene.base)


REFUSED: dict[str, Call] = {
    "no such account": lambda s: s.repository.read_permission("nobody"),
    "no such issue": lambda s: s.repository.read_issue(99),
    "comment on no issue": lambda s: s.repository.post_comment(99, "Hello", "Hello"),
    "comment too long": lambda s: s.repository.post_comment(s.issue, "x" * 65_537, "x"),
    "no base tree": lambda s: s.repository.create_tree("0" * 40, _entries("1" * 40)),
    "tree of no blob": lambda s: s.repository.create_tree(s.base, _entries("1" * 40)),
    "branch is there": lambda s: s.repository.create_branch("side", s.base),
    "claim is there": _claim_twice,
    "nothing in common": lambda s: s.repository.compare(s.base, "0" * 40),
    "branch in the way": lambda s: s.repository.create_branch("side/way", s.base),
    "no fast-forward": lambda s: s.repository.move_ref("heads/side", s.base),
    "no such branch": lambda s: s.repository.move_ref("heads/nowhere", s.base),
    "pull request is there": lambda s: s.repository.create_pull("side", "main", "Again", "", draft=True),
    "nothing to pull": lambda s: s.repository.create_pull("main", "main", "Nothing", "", draft=True),
    "contents are read-only": _limited("contents", lambda s: s.repository.check_writable()),
    "pull requests are read-only": _limited("pull_requests", lambda s: s.repository.update_pull(s.pull, "No", "No")),
}
"""Calls that GitHub refuses."""
