"""The tool create_directory."""

import shlex

from pydantic import Field

from ..errors import ToolError
from .tool import Desk, Tool, locate_for_writing


class CreateDirectory(Tool):
    """Create a folder and the folders above it."""

    path: str = Field(description="Path from the repository root.")

    def run(self, desk: Desk) -> str:
        """Create it, and say what git will make of it."""
        code, _, errors = desk.workspace.query(f"mkdir -p -- {shlex.quote(locate_for_writing(self.path))}")
        if code:
            raise ToolError(f"The folder cannot be created: {errors}")
        return f"Created {self.path}. git keeps no empty folder: it is committed once it holds a file."
