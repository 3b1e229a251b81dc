"""The tool run_code."""

import shlex
import uuid
from typing import Literal

from pydantic import Field

from ..redaction import one_line
from ..workspace import OURS
from .run_command import execute
from .tool import Desk, Tool

_RUNNERS = {"python": ("python3", "py"), "javascript": ("node", "js"), "bash": ("bash", "sh")}


class RunCode(Tool):
    """Run a piece of code as a script in the repository root. It is kept outside the repository."""

    language: Literal["python", "javascript", "bash"] = Field(description="The language of the code.")
    code: str = Field(description="The whole script.")
    timeout_seconds: int | None = Field(None, description="Ended after this long. Default 300, at most 1800.")

    @property
    def brief(self) -> str:
        """The language and the beginning of the code."""
        return one_line(f"{self.language}: {self.code}", 160)

    def run(self, desk: Desk) -> str:
        """Write the script to a file of its own and run that like any command."""
        program, ending = _RUNNERS[self.language]
        path = f"{OURS}/code/{uuid.uuid4().hex[:8]}.{ending}"
        desk.workspace.write(path, self.code.encode("utf-8", "replace"))
        return execute(desk, f"{program} {shlex.quote(path)}", None, self.timeout_seconds)
