"""The tool commit."""

from pydantic import Field

from ..errors import ToolError
from ..redaction import commit_message, one_line
from .tool import Desk, Tool

_SHOWN = 30


class Commit(Tool):
    """Commit everything that has changed in the repository's folder and push it. The change is checked first."""

    message: str = Field(description="Subject in the imperative under 70 characters, a blank line, then why.")

    @property
    def brief(self) -> str:
        """The subject."""
        return one_line(self.message.strip().split("\n", 1)[0], 100)

    def run(self, desk: Desk) -> str:
        """Collect, check, push. When this answers, the work is on GitHub."""
        if not commit_message(self.message):
            raise ToolError("The message is empty: say what the change does.")
        branch = desk.branch
        change = branch.commit(desk.workspace, self.message)
        ignored = f"\nNot committed, because git ignores it: {', '.join(change.ignored)}" if change.ignored else ""
        if not change.files:
            return f"Nothing has changed since the last commit, so there was nothing to commit.{ignored}"
        listed = [f"{file.verb} {file.path}" for file in change.files]
        more = [f"… and {len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
        lines = "\n".join([*listed[:_SHOWN], *more])
        return f"{branch.describe_push()}:\n{lines}{ignored}{branch.merged}"
