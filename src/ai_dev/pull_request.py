"""Change -> branch, commits, PullRequest: all that is delivered, by the runner, through GitHub's API."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from .answers import Account, Commit, Pull
from .change import Change
from .errors import ServiceError, ToolError
from .flags import add_flags, place_flags
from .origin import Origin
from .policy import File, Policy, is_workflow
from .redaction import Redactor, commit_message, inert, one_line
from .redaction import title as publish_title
from .repository import Repository
from .snapshot import Start
from .workspace import Workspace

_ENTRIES = 100
_INLINE = 128 << 10
_RACES = 5
"""How often others may be faster with a push to our branch."""
_COMPARED = 300
"""Files of a comparison that GitHub lists at the most."""
_NAMED = 10
_TAKEN = re.compile(r"already exists|fast[ -]?forward|does not exist|update failed", re.IGNORECASE)
"""How GitHub says that a branch is not where we left it, or that one of that name is in the way."""


@dataclass(frozen=True)
class Pushing:
    """A commit that is on the branch, or may be."""

    commit: Commit
    tree: str
    """Id of its tree as the sandbox has it."""
    grafted: str
    """Id of its tree on GitHub where that is another, because others have pushed below it."""


@dataclass(frozen=True)
class Pending:
    """A checked change on its way to GitHub."""

    change: Change
    message: str
    entries: list[dict[str, object]]
    """Of a tree, in GitHub's form."""


def _is_taken(error: ServiceError) -> bool:
    """Whether a branch is not where we left it, or one of that name is in the way."""
    return error.failure.status == 422 and bool(_TAKEN.search(error.failure.detail))


def _meet(ones: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a path of these is, or is above, or is below one of those; case does not tell them apart."""
    folded = [f"{other.casefold()}/" for other in others]
    return any(a.startswith(b) or b.startswith(a) for a in (f"{one.casefold()}/" for one in ones) for b in folded)


def _is_about_workflows(error: ServiceError, change: Change) -> bool:
    """Whether GitHub refused because the token may not change workflows."""
    refused = error.failure.status in (403, 404) and not error.failure.code
    return refused and any(is_workflow(file.path) for file in change.files)


_WORKFLOWS = (
    "GitHub does not let this token change files under .github/workflows. Nothing of this commit was pushed "
    "and nothing is lost: undo those files, commit the rest, and describe them in the pull request. To have them "
    "changed here, give the action a token with the permission `workflows: write`."
)
_WHOLE_BODY = 65_000
_LINKED = 2_000
"""Characters of the text that fit into an address."""


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
    policy: Policy
    draft: bool
    permit: Callable[[], None]
    """Asked before the first push and before the pull request is opened; raises Refused."""
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
    earlier: int = 0
    """How many commits the main step pushed, where this is the post step."""
    idle: int = 0
    """How often a commit was asked for when nothing had changed."""
    pushing: Pushing | None = None
    """What is on its way to GitHub: whether it arrived is not known yet."""
    grafted: str = ""
    """Id of the tree on GitHub where others have pushed below us: ours is ``tree`` without their files."""
    merged: str = ""
    """What others have pushed below our last commit, in words for the model."""
    flags: dict[str, str] = field(default_factory=dict)
    """What deserves a look of all that the run has pushed, by path."""

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
        has; Blocked when a secret of ours is in it; Refused when the run may not write any more; ServiceError.
        """
        change = Change.collect(workspace, self.tree, self.policy)
        self.keep(change, message)
        if change.files:
            workspace.record(message)
        else:
            self.idle += 1
        return change

    def keep(self, change: Change, message: str) -> None:
        """Commit and push a change that was collected from the tree of the branch; raises as ``commit`` does."""
        self.policy.guard(message)
        if change.files:
            self._push(change, message)

    @property
    def last(self) -> Start:
        """Where a new workspace starts: at what is on GitHub."""
        return replace(self.start, branch_sha=self.head if self.exists else None)

    def resume(self, workspace: Workspace, tree: str) -> None:
        """Go on in a new workspace, which holds this tree of the last commit."""
        del workspace
        self.tree, self.grafted = tree, ""

    def _push(self, change: Change, message: str) -> None:
        if not self.commits:
            self.permit()
        self.merged = ""
        entries = [self._entry(file) for file in change.files]
        try:
            tree = self._build(self.grafted or self.tree, entries)
            if not self.grafted and tree != change.tree:
                raise ToolError("GitHub makes another tree of these files than the sandbox has; nothing was committed.")
            pending = Pending(change, message, entries)
            pushed = self._publish(self._store(pending, tree, self.head), pending)
        except ServiceError as e:
            if _is_about_workflows(e, change):
                raise ToolError(_WORKFLOWS) from None
            raise
        self.tree, self.grafted, self.pushing = change.tree, pushed.grafted, None
        self.commits.append(pushed.commit)
        self.flags = add_flags(self.flags, change.files)
        self.on_change(self)

    def _store(self, pending: Pending, tree: str, parent: str) -> Pushing:
        """The commit of this tree on GitHub, on no branch yet; its tree may be another than that of the sandbox."""
        commit = self.repository.create_commit(self._sign(pending.message), tree, parent)
        return self._announce(Pushing(commit, pending.change.tree, "" if tree == pending.change.tree else tree))

    def _announce(self, pushing: Pushing) -> Pushing:
        """Remember that from now on this may be on the branch, whether or not we hear of it."""
        self.pushing = pushing
        self.on_change(self)
        return pushing

    def _build(self, tree: str, entries: list[dict[str, object]]) -> str:
        """The id of this tree with the entries in it, once GitHub has stored it."""
        for i in range(0, len(entries), _ENTRIES):
            tree = self.repository.create_tree(tree, entries[i : i + _ENTRIES])
        return tree

    def propose(self, title: str, text: str, spent: str, link: str = "Refs") -> Pull | None:
        """Open the pull request, or update ours that is open; None when GitHub forbids it (``forbidden`` says why).

        ``text`` is the model's; ``spent`` says what the run has used; ``link`` ("Fixes" or "Refs") is how the issue is
        named. Raises Refused, ServiceError.
        """
        if not (self.pull and self.commits):
            self.permit()
        title, body = self._compose(title, text, spent, link)
        if self.pull and (self.pull.user is None or self.pull.user.id == self.us.id):
            self.pull = self.repository.update_pull(self.pull.number, title, body)
        if self.pull and self.pull.state == "open":
            return self.pull
        self.pull = None  # somebody closed it meanwhile
        try:
            self.pull = self._open(title, body)
            self.opened = self.pull.user is None or self.pull.user.id == self.us.id
        except ServiceError as e:
            if e.failure.status != 403 or e.failure.code:
                raise
            self.forbidden = e.failure.detail
        self.on_change(self)
        return self.pull

    def flag(self) -> None:
        """List what deserves a look on top of our open pull request when its text is not written anew."""
        pull = self.pull
        if pull is None or pull.user is None or pull.user.id != self.us.id:
            return
        body = place_flags(self.flags, pull.body or "")[:_WHOLE_BODY]
        if body != (pull.body or ""):
            self.pull = self.repository.update_pull(pull.number, pull.title, body)

    def _sign(self, message: str) -> str:
        """The whole commit message: the model's, with our trailers."""
        return commit_message(self.redactor.clean(message)) + "\n\n" + self.origin.trailers

    def _compose(self, title: str, text: str, spent: str, link: str) -> tuple[str, str]:
        """The pull request's title and body. Raises Blocked when a secret of ours is in the model's text."""
        self.policy.guard(title, text)
        self.proposal = (publish_title(self.redactor.clean(title)), self.redactor.clean(text))
        return self.proposal[0], self.origin.compose(self.proposal[1], spent, link, self.flags)

    def compare_url(self, server_url: str) -> str:
        """The page on which a person can open the pull request, with its title and the beginning of its text."""
        title, text = self.proposal or ("", "")
        pair = f"{quote(self.start.base)}...{quote(self.name)}"
        query = urlencode({"quick_pull": "1", "title": title, "body": inert(text)[:_LINKED]})
        return f"{server_url}/{self.repository.full_name}/compare/{pair}?{query}"

    def describe_push(self) -> str:
        """What became of the last commit, for the model."""
        return f"Committed and pushed {self.head[:12]} to {self.name}"

    def describe_pull(self) -> str:
        """What became of the pull request, for the model."""
        if self.pull is None:
            return f"GitHub does not let us open pull requests here. The work is safe on {self.name}; finish up."
        if self.pull.user and self.pull.user.id != self.us.id:
            owner = self.pull.user.login
            return f"Pull request #{self.pull.number} is open; @{owner} opened it, and its text was left as it is."
        url = self.redactor.clean(self.pull.html_url)
        return f"Pull request #{self.pull.number} is {'open' if self.opened else 'updated'}: {url}"

    def _open(self, title: str, body: str) -> Pull:
        """Open the pull request; where one is open that we did not know of, that is it."""
        try:
            return self._request(title, body)
        except ServiceError as e:
            if e.failure.status != 422:
                raise
            if there := self.repository.find_open_pull(self.name):
                return there
            if self.repository.read_ref(f"heads/{self.name}"):
                raise
        self.repository.create_branch(self.name, self.head)  # somebody has deleted it: the work on it is not lost
        return self._request(title, body)

    def _request(self, title: str, body: str) -> Pull:
        try:
            return self.repository.create_pull(self.name, self.start.base, title, body, draft=self.draft)
        except ServiceError as e:
            if not self.draft or e.failure.status != 422 or "draft" not in e.failure.detail.lower():
                raise
        return self.repository.create_pull(self.name, self.start.base, title, body, draft=False)

    def _publish(self, pushing: Pushing, pending: Pending) -> Pushing:
        """Put the commit on the branch; give what is there then. Never force.

        A branch that is yet to come, or that somebody deleted, is made; where another one is in the way the commit gets
        a branch of the next free name.
        """
        if self.exists and (advanced := self._advance(pushing, pending)):
            return advanced
        before, names = self.start, (self.name, *self.start.spare)
        for name in names:
            self.start = replace(before, branch=name)
            self._announce(pushing)
            try:
                self.repository.create_branch(name, pushing.commit.sha)
            except ServiceError as e:
                if not _is_taken(e) or name == names[-1]:
                    self.start = before
                    raise
                self.pull = None
            else:
                break
        return pushing

    def _advance(self, pushing: Pushing, pending: Pending) -> Pushing | None:
        """What is on our branch then, with what others have pushed below it; None if it can be on it no more."""
        for _ in range(_RACES):
            try:
                self.repository.move_ref(f"heads/{self.name}", pushing.commit.sha)
            except ServiceError as e:
                if not _is_taken(e):
                    raise
            else:
                return pushing
            tip = self.repository.read_ref(f"heads/{self.name}")
            if tip is None or tip.object.sha == pushing.commit.sha:
                return pushing if tip else None
            above = self._graft(tip.object.sha, pending)
            if above is None:
                break
            pushing = above
        return None

    def _graft(self, tip: str, pending: Pending) -> Pushing | None:
        """The commit on top of what others have pushed; None where both touch a file, or where history was changed."""
        try:
            theirs = self.repository.compare(self.head, tip)
        except ServiceError:
            return None
        names = {name for f in theirs.files for name in (f.filename, f.previous_filename) if name}
        whole = theirs.commits and theirs.commits[-1].sha == tip and len(theirs.files) < _COMPARED
        if theirs.status != "ahead" or not whole or _meet(names, {file.path for file in pending.change.files}):
            return None
        listed = ", ".join(one_line(name, 100) for name in sorted(names)[:_NAMED])
        self.merged = (
            f"\nOthers have pushed to the branch meanwhile; their work is on it, and not in this folder: {listed}"
        )
        return self._store(pending, self._build(theirs.commits[-1].commit.tree.sha, pending.entries), tip)

    def _entry(self, file: File) -> dict[str, object]:
        entry: dict[str, object] = {"path": file.path, "mode": file.mode or "100644", "type": "blob"}
        if file.verb == "D":
            return entry | {"sha": None}
        if file.data and len(file.data) <= _INLINE and b"\0" not in file.data:
            try:
                return entry | {"content": file.data.decode()}
            except UnicodeDecodeError:
                pass
        stored = self.repository.create_blob(base64.b64encode(file.data).decode())
        return entry | {"sha": stored}
