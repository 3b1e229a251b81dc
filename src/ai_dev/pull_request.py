"""Change -> branch, commits, PullRequest: all that is delivered, by the runner, through GitHub's API."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from .answers import Account, Commit, Head, Pull
from .change import Change, File
from .errors import AiDevError, ServiceError, ToolError
from .redaction import Redactor, commit_message, cut_middle, inert
from .redaction import title as publish_title
from .repository import Repository
from .snapshot import Start
from .task import Task
from .workspace import Workspace

_ENTRIES = 100
_INLINE = 128 << 10
_SUFFIXES = 20
_TAKEN = re.compile(r"already exists|fast[ -]?forward|does not exist|update failed", re.IGNORECASE)
"""How GitHub says that a branch is not where we left it, or that one of that name is in the way."""


@dataclass(frozen=True)
class Line:
    """The names that a run's branch may have: ``PREFIXissue-N`` or ``PREFIXrun-ID``, then with ``-2`` and so on."""

    prefix: str
    stem: str

    @property
    def listed(self) -> str:
        """What all branches that can matter start with: the names themselves, and a branch in the prefix's way."""
        return self.prefix.partition("/")[0]

    def choose(
        self, branches: dict[str, str], base: str, task: Task, repository: Repository
    ) -> tuple[Start, Pull | None]:
        """The branch to work on, and its open pull request.

        A branch is ours if an open pull request of ours comes from it, or if our status comment names it and no pull
        request from it has ended. Any other that exists is left alone: the next free name is taken. Of two that are
        ours the one that the comment names is the newer: somebody's push to the other was in our way.
        """
        if base not in branches:
            raise AiDevError(
                f"The branch {base} has no commit.",
                "It does not exist, or the repository is empty.",
                "Check the input base-branch, or push a first commit.",
            )
        names = self._names(branches)
        if task.branch in branches and any(f"{task.branch}-".startswith(f"{name}-") for name in names):
            names.insert(0, task.branch)
        for i, name in enumerate(names):
            spare = (*(n for n in names[i + 1 :] if n not in branches), self._flat)
            if name not in branches:
                return Start(base, branches[base], name, None, spare), None
            pulls = repository.find_pulls(name)
            live = next((p for p in pulls if p.state == "open"), None)
            ours = bool(live and live.user and live.user.id == task.us.id)
            if ours or (name == task.branch and (live or not pulls)):
                return Start(base, branches[base], name, branches[name], spare), live
        raise AiDevError(
            f"No name is free for a branch of {self.stem}.",
            f"{_SUFFIXES} branches of that name exist and none is ours to go on with.",
            "Delete those that have ended.",
        )

    @property
    def _flat(self) -> str:
        """The name where the prefix's folder cannot be, because a branch is called so."""
        return self.prefix.replace("/", "-") + self.stem

    def _names(self, branches: dict[str, str]) -> list[str]:
        """The names in the order they are tried, without those that git cannot have beside the branches there are."""
        parents = self.prefix.split("/")[:-1]
        taken = any("/".join(parents[: i + 1]) in branches for i in range(len(parents)))
        first = self._flat if taken else self.prefix + self.stem
        names = [first] + [f"{first}-{i}" for i in range(2, _SUFFIXES + 1)]
        return [name for name in names if not any(b.startswith(name + "/") for b in branches)]


@dataclass(frozen=True)
class Origin:
    """Where a change comes from: what we write under it."""

    number: int | None
    requester: Account | None
    run_url: str
    model: str
    own_token: bool
    """Whether the token is the workflow's own: what it does starts no other workflow."""

    @property
    def trailers(self) -> str:
        """The end of every commit message: the run, and the person who asked as a co-author."""
        lines = [f"AI-Dev-Run: {self.run_url}"]
        if self.requester and self.requester.id:
            address = f"{self.requester.id}+{self.requester.login}@users.noreply.github.com"
            lines.append(f"Co-authored-by: {self.requester.login} <{address}>")
        return "\n".join(lines)

    def compose(self, text: str, spent: str, link: str) -> str:
        """The body of the pull request: the model's text with nothing live in it, then what we know ourselves."""
        parts = [f"{link} #{self.number}"] if self.number else []
        parts.append(cut_middle(inert(text).strip(), _BODY) or "(There is no description.)")
        asked = f"Requested by @{self.requester.login}. " if self.requester else ""
        parts.append(
            f"---\n{asked}The text above is the assistant's own account, checked by nobody: please review the change. "
            f"[Log of the run]({self.run_url}) · {self.model}{' · ' if spent else ''}{spent}"
        )
        if self.own_token:
            parts.append(_APPROVAL)
        return "\n\n".join(parts)


_BODY = 50_000
_APPROVAL = (
    "> [!NOTE]\n> Checks wait for a click on **Approve workflows to run** below, because this pull request was opened "
    "with the workflow's own token. They start by themselves when the action is given a GitHub App's token."
)


@dataclass
class Branch:
    """The branch of a run as it grows: what is on GitHub, and what the run has added."""

    repository: Repository
    start: Start
    tree: str
    """Id of the tree on GitHub's side of the branch: what a change is the difference from."""
    origin: Origin
    us: Account
    """The account behind the token."""
    redactor: Redactor
    draft: bool
    on_change: Callable[[Branch], None]
    """Told after everything that was pushed or opened."""
    pull: Pull | None = None
    commits: list[Commit] = field(default_factory=list)
    proposal: tuple[str, str] | None = None
    """The title and the text that the model gave for the pull request."""
    opened: bool = False
    """Whether this run opened the pull request."""
    forbidden: str = ""
    """Why GitHub lets us open no pull request."""
    idle: int = 0
    """How often a commit was asked for when nothing had changed."""

    @property
    def name(self) -> str:
        """The branch's name."""
        return self.start.branch

    @property
    def head(self) -> str:
        """The last commit on the branch."""
        return self.commits[-1].sha if self.commits else self.start.sha

    @property
    def exists(self) -> bool:
        """Whether the branch is on GitHub."""
        return bool(self.commits or self.start.branch_sha)

    def commit(self, workspace: Workspace, message: str) -> Change:
        """Commit and push what has changed in the workspace. When this returns it is on GitHub.

        Raises ToolError when the change may not be committed, or when GitHub makes another tree of it than the sandbox
        has; ServiceError.
        """
        change = Change.collect(workspace, self.tree)
        if change.files:
            self._push(change, message)
            workspace.record(message)
        else:
            self.idle += 1
        return change

    def _push(self, change: Change, message: str) -> None:
        tree = self.tree
        entries = [self._entry(f) for f in change.files]
        for i in range(0, len(entries), _ENTRIES):
            tree = self.repository.create_tree(tree, entries[i : i + _ENTRIES])
        if tree != change.tree:
            raise ToolError("GitHub makes another tree of these files than the sandbox has; nothing was committed.")
        commit = self.repository.create_commit(self._sign(message), tree, self.head)
        self._publish(commit.sha)
        self.tree = tree
        self.commits.append(commit)
        self.on_change(self)

    def propose(self, title: str, text: str, spent: str, link: str = "Refs") -> Pull | None:
        """Open the pull request, or update ours that is open; None when GitHub forbids it (``forbidden`` says why).

        ``text`` is the model's; ``spent`` says what the run has used; ``link`` ("Fixes" or "Refs") is how the issue is
        named. Raises ServiceError.
        """
        title, body = self._compose(title, text, spent, link)
        if self.pull and (self.pull.user is None or self.pull.user.id == self.us.id):
            self.pull = self.repository.update_pull(self.pull.number, title, body)
        if self.pull and self.pull.state == "open":
            return self.pull
        self.pull = None  # somebody closed it meanwhile
        try:
            self.pull = self._open(title, body)
            self.opened = True
        except ServiceError as e:
            if e.failure.status != 403 or e.failure.code:
                raise
            self.forbidden = e.failure.detail
        self.on_change(self)
        return self.pull

    def _sign(self, message: str) -> str:
        """The whole commit message: the model's, with our trailers."""
        return commit_message(self.redactor.clean(message)) + "\n\n" + self.origin.trailers

    def _compose(self, title: str, text: str, spent: str, link: str) -> tuple[str, str]:
        """The pull request's title and body."""
        self.proposal = (publish_title(self.redactor.clean(title)), self.redactor.clean(text))
        return self.proposal[0], self.origin.compose(self.proposal[1], spent, link)

    def compare_url(self, server_url: str, title: str) -> str:
        """The page on which a person can open the pull request."""
        pair = f"{quote(self.start.base)}...{quote(self.name)}"
        query = urlencode({"quick_pull": "1", "title": title})
        return f"{server_url}/{self.repository.full_name}/compare/{pair}?{query}"

    def _open(self, title: str, body: str) -> Pull:
        try:
            return self.repository.create_pull(self.name, self.start.base, title, body, draft=self.draft)
        except ServiceError as e:
            if not self.draft or e.failure.status != 422 or "draft" not in e.failure.detail.lower():
                raise
        return self.repository.create_pull(self.name, self.start.base, title, body, draft=False)

    def _publish(self, sha: str) -> None:
        """Put the commit on the branch; on one of the next free name when somebody else was faster. Never force."""
        put = self.repository.move_branch if self.exists else self.repository.create_branch
        names = (self.name, *self.start.spare)
        for name in names:
            try:
                put(name, sha)
            except ServiceError as e:
                if e.failure.status != 422 or not _TAKEN.search(e.failure.detail) or name == names[-1]:
                    raise
                self.pull, put = None, self.repository.create_branch
            else:
                self.start = replace(self.start, branch=name)
                return

    def _entry(self, file: File) -> dict[str, object]:
        entry: dict[str, object] = {"path": file.path, "mode": file.mode or "100644", "type": "blob"}
        if file.verb == "D":
            return entry | {"sha": None}
        if len(file.data) <= _INLINE and b"\0" not in file.data:
            try:
                return entry | {"content": file.data.decode()}
            except UnicodeDecodeError:
                pass
        stored = self.repository.create_blob(base64.b64encode(file.data).decode())
        return entry | {"sha": stored}


@dataclass
class Rehearsal(Branch):
    """A branch of a run that writes nothing to GitHub: it keeps what would be written."""

    messages: list[str] = field(default_factory=list)
    """The commits' messages."""
    body: str = ""
    """The pull request's body."""

    def _push(self, change: Change, message: str) -> None:
        self.tree = change.tree
        self.commits.append(Commit(sha=change.tree))
        self.messages.append(self._sign(message))

    def propose(self, title: str, text: str, spent: str, link: str = "Refs") -> Pull:
        """Keep the title and the body; give the pull request that would be there."""
        _, self.body = self._compose(title, text, spent, link)
        return Pull(number=0, html_url="(not opened: this is a rehearsal)", head=Head(ref=self.name, sha=self.head))
