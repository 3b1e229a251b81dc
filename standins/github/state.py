"""What a GitHub server knows: users, tokens, issues, pull requests and who may do what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .git import Git

LEVELS = ("none", "read", "comment", "write", "admin")
"""What a permission allows, each more than the one before; every reader may comment."""
READER = {"contents": "read", "issues": "comment", "pull_requests": "comment"}
"""What everybody with an account may do in a public repository."""
WRITER = dict.fromkeys(("contents", "issues", "pull_requests", "workflows"), "write") | {"metadata": "read"}
ROLES = {
    "admin": WRITER | {"administration": "write"},
    "maintain": WRITER,
    "write": WRITER,
    "triage": {"contents": "read", "issues": "write", "pull_requests": "write", "metadata": "read"},
    "read": READER | {"metadata": "read"},
    "none": {},
}
"""What a person's role in a repository allows."""


@dataclass(frozen=True)
class User:
    """An account; a ``Bot`` belongs to an app."""

    login: str
    id: int
    type: str = "User"

    @property
    def email(self) -> str:
        """The address that GitHub gives to commits made for the account."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass
class Token:
    """A credential: whose it is, of which kind (actions, app, user, anonymous) and what it allows."""

    value: str
    user: User
    kind: str
    permissions: dict[str, str]
    repositories: frozenset[str] | None = None
    """Full names of the repositories that it was issued for; None is all."""


@dataclass(frozen=True)
class Label:
    """A label that a repository has."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(frozen=True)
class Reaction:
    """An emoji under an issue or a comment."""

    id: int
    user: User
    content: str
    created_at: str


@dataclass
class Comment:
    """A comment of an issue's or pull request's discussion."""

    id: int
    body: str
    user: User
    created_at: str
    updated_at: str
    reactions: list[Reaction] = field(default_factory=list)


@dataclass
class Issue:
    """An issue, or what a pull request shares with one."""

    number: int
    id: int
    title: str
    body: str | None
    user: User
    created_at: str
    updated_at: str
    state: str = "open"
    state_reason: str | None = None
    closed_at: str | None = None
    locked: bool = False
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)


@dataclass
class Pull(Issue):
    """A pull request; ``head`` and ``base`` are names of branches."""

    head: str = ""
    base: str = ""
    head_repository: str = ""
    """The full name of the repository that has the head."""
    draft: bool = False
    merged: bool = False
    maintainer_can_modify: bool = False
    requested_reviewers: list[User] = field(default_factory=list)


@dataclass
class Site:
    """What all repositories of one server share: its addresses, accounts, ids and clock."""

    api_url: str
    server_url: str
    users: dict[str, User] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)
    """The clock; every look at it moves it by a second, so no two things happen at once."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(100_001))

    def stamp(self) -> str:
        """The time now, as GitHub writes it."""
        self.now += timedelta(seconds=1)
        return f"{self.now:%Y-%m-%dT%H:%M:%SZ}"

    def account(self, who: User | str) -> User:
        """An account, by its login too; KeyError if there is none."""
        return self.users[who] if isinstance(who, str) else who

    def find_user(self, login: str) -> User | None:
        """The account of that name; case does not matter."""
        return next((user for user in self.users.values() if user.login.lower() == login.lower()), None)


@dataclass
class RepositoryState:
    """One repository: its settings and what it holds."""

    full_name: str
    id: int
    site: Site
    objects: Git
    private: bool = False
    default_branch: str = "main"
    archived: bool = False
    allow_actions_to_create_pull_requests: bool = True
    allow_drafts: bool = True
    permissions: dict[str, str] = field(default_factory=dict)
    """Login -> admin, maintain, write, triage, read or none."""
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    """By number; pull requests are here too."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    """Commits that the server made and signed for a bot."""

    @property
    def owner(self) -> User:
        """The account that owns it."""
        return self.site.users[self.full_name.partition("/")[0]]

    @property
    def name(self) -> str:
        """The name without its owner."""
        return self.full_name.partition("/")[2]

    @property
    def url(self) -> str:
        """Its address in the REST API."""
        return f"{self.site.api_url}/repos/{self.full_name}"

    @property
    def html_url(self) -> str:
        """Its address for people."""
        return f"{self.site.server_url}/{self.full_name}"

    def role(self, user: User) -> str:
        """A person's role: what was granted, else what the repository's visibility gives."""
        return self.permissions.get(user.login, "none" if self.private else "read")

    def level(self, token: Token, area: str) -> int:
        """What a token allows in one area (contents, issues, …), as an index of LEVELS."""
        public = READER.get(area, "none") if not self.private else "none"
        if token.kind == "anonymous":
            return min(LEVELS.index(public), LEVELS.index("read"))
        granted = LEVELS.index(token.permissions.get(area, "none"))
        if token.repositories is not None and self.full_name not in token.repositories:
            granted = 0
        if token.kind == "user":
            granted = min(granted, LEVELS.index(ROLES[self.role(token.user)].get(area, "none")))
        return max(granted, min(LEVELS.index(public), LEVELS.index("read")))

    def is_visible(self, token: Token) -> bool:
        """Whether the token's holder may know that the repository exists."""
        if not self.private:
            return True
        areas = {*token.permissions, "metadata"}
        return any(self.level(token, area) > 0 for area in areas)

    def find_comment(self, comment_id: int) -> tuple[Issue, Comment] | None:
        """A comment and the issue that it belongs to."""
        pairs = ((issue, comment) for issue in self.issues.values() for comment in issue.comments)
        return next((pair for pair in pairs if pair[1].id == comment_id), None)

    def label(self, name: str) -> Label:
        """The label of that name; it is made if there is none."""
        return self.labels.setdefault(name, Label(next(self.site.ids), name))

    def head_sha(self, pull: Pull) -> str:
        """The commit that a pull request proposes."""
        return self.objects.ref(f"refs/pull/{pull.number}/head") or ""

    def base_sha(self, pull: Pull) -> str:
        """The tip of the branch that a pull request goes to."""
        return self.objects.ref(f"refs/heads/{pull.base}") or ""

    def follow_branches(self) -> None:
        """Let open pull requests follow their branches; one whose branch is gone is closed, as GitHub does."""
        for pull in self.pulls.values():
            if pull.state != "open" or pull.head_repository != self.full_name:
                continue
            tip = self.objects.ref(f"refs/heads/{pull.head}")
            if tip is None:
                pull.state, pull.closed_at = "closed", self.site.stamp()
            else:
                self.objects.run("update-ref", f"refs/pull/{pull.number}/head", tip)
