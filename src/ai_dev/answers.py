"""What GitHub answers, as far as we read it; times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

Id = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
"""An object's name in git: it is published, and kept for the post step, so it may be nothing else."""


class Account(BaseModel):
    """A user, bot or app on GitHub."""

    login: str
    id: int
    type: str = ""
    """``User``, ``Bot``, ``Organization``; empty where it is not said, which makes it none of them."""


class Comment(BaseModel):
    """A comment on an issue or pull request; times are ISO 8601 in UTC."""

    id: int
    body: str | None = ""
    user: Account | None = None
    created_at: str = ""
    updated_at: str = ""


class About(BaseModel):
    """What the repository is, as far as a run needs to know."""

    default_branch: str
    private: bool = True


class Label(BaseModel):
    """A label of an issue."""

    name: str


class Issue(BaseModel):
    """An issue; a pull request where ``pull_request`` is there."""

    number: int
    title: str = ""
    body: str | None = ""
    state: str = ""
    user: Account | None = None
    labels: list[Label] = []
    pull_request: dict[str, Any] | None = None
    updated_at: str = ""
    comments: int = 0
    """How many there are."""


class Head(BaseModel):
    """Where a pull request comes from."""

    ref: str
    sha: str


class Pull(BaseModel):
    """A pull request."""

    number: int
    html_url: str
    state: str = "open"
    title: str = ""
    body: str | None = ""
    user: Account | None = None
    head: Head


class Permission(BaseModel):
    """What an account may do: ``admin``, ``write``, ``read`` or ``none``."""

    permission: str
    user: Account | None = None


class Commit(BaseModel):
    """A commit as GitHub made it."""

    sha: Id


class Sha(BaseModel):
    """An object of git."""

    sha: Id


class Ref(BaseModel):
    """A branch, or another name: the object that it stands for."""

    object: Sha


class Committed(BaseModel):
    """What a commit holds."""

    message: str = ""
    tree: Sha


class StoredCommit(BaseModel):
    """A commit with what it holds."""

    sha: str
    commit: Committed


class ComparedFile(BaseModel):
    """A file that two commits differ in."""

    filename: str
    previous_filename: str | None = None


class Comparison(BaseModel):
    """How two commits stand to each other: ``ahead``, ``behind``, ``identical`` or ``diverged``."""

    status: str
    commits: list[StoredCommit] = []
    """Oldest first, at most 250."""
    files: list[ComparedFile] = []
    """At most 300."""


class Viewer(BaseModel):
    """The account behind a token."""

    login: str
    databaseId: int | None = None  # noqa: N815 - GraphQL's name


class Data(BaseModel):
    """What GraphQL found."""

    viewer: Viewer


class Answer(BaseModel):
    """GraphQL's answer."""

    data: Data
