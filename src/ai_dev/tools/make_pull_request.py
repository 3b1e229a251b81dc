"""The tool make_pull_request."""

from pydantic import Field

from .. import redaction
from ..errors import ToolError
from .tool import Desk, Tool


class MakePullRequest(Tool):
    """Open the pull request for what is committed, or give the open one a new title and body. Commit first."""

    title: str = Field(description="One line under 70 characters that says what the change does.")
    body: str = Field(description="Markdown: what was wrong, what was changed and why, how it was tested.")

    @property
    def brief(self) -> str:
        """The title."""
        return self.title[:100]

    def run(self, desk: Desk) -> str:
        """Open it from the run's branch to its base; the model chooses neither."""
        branch = desk.branch
        if not branch.exists:
            raise ToolError("Nothing is committed yet, so there is nothing to propose: call commit first.")
        if not redaction.title(self.title):
            raise ToolError("The title is empty: say what the change does.")
        branch.propose(self.title, self.body, desk.budget.describe())
        return branch.describe_pull()
