"""A branch that is written nowhere: what a run with ``dry-run`` would have delivered."""

from __future__ import annotations

from dataclasses import dataclass, field

from .answers import Commit, Head, Pull
from .change import Change
from .errors import AiDevError, ToolError
from .flags import add_flags
from .patch_file import restore
from .pull_request import Branch
from .snapshot import Start
from .workspace import Workspace


@dataclass
class Rehearsal(Branch):
    """A branch of a run that writes nothing to GitHub: it keeps what would be written."""

    messages: list[str] = field(default_factory=list)
    """The commits' messages."""
    changes: list[Change] = field(default_factory=list)
    """What they would have held."""
    body: str = ""
    """The pull request's body."""

    def _push(self, change: Change, message: str) -> None:
        self.tree = change.tree
        self.flags = add_flags(self.flags, change.files)
        self.commits.append(Commit(sha=change.tree))
        self.messages.append(self._sign(message))
        self.changes.append(change)

    @property
    def last(self) -> Start:
        """Where a new workspace starts: nothing of ours is on GitHub."""
        return self.start

    def resume(self, workspace: Workspace, tree: str) -> None:
        """Go on in a new workspace: what would have been committed is put into it again. Raises AiDevError."""
        del tree
        for change, message in zip(self.changes, self.messages, strict=True):
            try:
                restore(workspace, change)
            except ToolError as e:
                raise AiDevError(
                    "What the rehearsal had committed could not be put into a new sandbox.",
                    str(e),
                    "Start the run again.",
                ) from None
            workspace.record(message)

    def propose(self, title: str, text: str, spent: str, link: str = "Refs") -> Pull:
        """Keep the title and the body; give the pull request that would be there."""
        _, self.body = self._compose(title, text, spent, link)
        return Pull(number=0, html_url="(not opened: this is a rehearsal)", head=Head(ref=self.name, sha=self.head))

    def describe_push(self) -> str:
        """What would have become of the last commit."""
        return f"This is a rehearsal, so nothing is pushed; to {self.name} would be committed"

    def describe_pull(self) -> str:
        """What would have become of the pull request."""
        return "This is a rehearsal, so no pull request is opened; yours is shown in the summary."
