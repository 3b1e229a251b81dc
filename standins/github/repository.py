"""A repository as tests and the demo use it: put things in, look at what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import EVENTS
from .objects import ABSENT, Commit, Entry, Person
from .state import Comment, Issue, Pull, RepositoryState, User
from .views import JSON


@dataclass
class Repository(RepositoryState):
    """One repository of the stand-in; what it holds is changed as people would, past the API's rules."""

    @property
    def git_dir(self) -> Path:
        """The bare git repository."""
        return self.objects.directory

    def git(self, *args: str) -> str:
        """Run git in the bare repository; what it printed, bytes that are no text replaced."""
        return self.objects.run(*args).decode(errors="replace")

    def add_issue(
        self,
        title: str,
        body: str | None,
        *,
        user: User | str,
        labels: Iterable[str] = (),
        state: str = "open",
        locked: bool = False,
    ) -> Issue:
        """Let somebody open an issue."""
        now = self.site.stamp()
        issue = Issue(*self._next(), title, body, self.site.account(user), now, now, state)
        issue.locked, issue.labels = locked, list(labels)
        self.issues[issue.number] = issue
        return issue

    def add_comment(
        self, number: int, body: str, *, user: User | str, created_at: str | None = None, updated_at: str | None = None
    ) -> Comment:
        """Let somebody comment; the times can be given."""
        created = created_at or self.site.stamp()
        comment = Comment(next(self.site.ids), body, self.site.account(user), created, updated_at or created)
        self.issues[number].comments.append(comment)
        return comment

    def add_pull(
        self,
        title: str,
        body: str | None,
        *,
        user: User | str,
        head: str,
        base: str | None = None,
        draft: bool = False,
        labels: Iterable[str] = (),
        source: RepositoryState | None = None,
    ) -> Pull:
        """Let somebody open a pull request from a branch, of this repository or of another one (a fork)."""
        now, source = self.site.stamp(), source or self
        pull = Pull(*self._next(), title, body, self.site.account(user), now, now, draft=draft)
        pull.labels = list(labels)
        pull.head, pull.base, pull.head_repository = head, base or self.default_branch, source.full_name
        if source is not self:
            refs = f"refs/heads/{head}:refs/pull/{pull.number}/head"
            self.objects.run("fetch", "--quiet", str(source.objects.directory), refs)
        self.issues[pull.number] = self.pulls[pull.number] = pull
        self.follow_branches()
        return pull

    def push(
        self, branch: str, files: Mapping[str, bytes | None], *, message: str, author: User | str | None = None
    ) -> str:
        """Let a person (by default the owner) commit to a branch; None deletes a file. The commit's id.

        A branch that does not exist starts from the default branch.
        """
        tip = self.objects.ref(f"refs/heads/{branch}")
        parent = tip or self.objects.ref(f"refs/heads/{self.default_branch}")
        entries = [Entry(path, None if data is None else self.objects.write_blob(data)) for path, data in files.items()]
        tree = self.objects.write_tree(parent, entries)
        who = self.site.account(author or self.owner)
        person = Person(who.login, who.email, self.site.stamp())
        sha = self.objects.write_commit(Commit(tree, (parent,) if parent else (), person, person, message))
        self.objects.move(f"refs/heads/{branch}", sha, tip or ABSENT)
        self.follow_branches()
        return sha

    def event(self, kind: str, **details: Any) -> JSON:
        """The payload of an event: one of ``EVENTS``, with the arguments of its function."""
        payload: JSON = EVENTS[kind](self, **details)
        return payload

    def _next(self) -> tuple[int, int]:
        return max(self.issues, default=0) + 1, next(self.site.ids)
