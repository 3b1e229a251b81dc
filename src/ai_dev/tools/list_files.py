"""The tool list_files."""

import shlex

from pydantic import Field

from ..errors import ToolError
from ..redaction import plain
from .tool import Desk, Tool, locate

_MOST = 1000
_BYTES = 36_000


class ListFiles(Tool):
    """List the files of a folder, and of the folders in it down to a depth. Folders end with a slash."""

    path: str = Field(description="Folder, from the repository root. '.' is the root.")
    depth: int | None = Field(None, description="How many levels to go down; 1 is the folder alone. Default 2.")

    def run(self, desk: Desk) -> str:
        """List them; .git is left out."""
        place = shlex.quote(locate(self.path))
        depth = min(max(self.depth or 2, 1), 20)
        code, listed, errors = desk.workspace.query(
            f"test -d {place} || exit 94\n"
            f"find -H {place} -mindepth 1 -maxdepth {depth} -name .git -prune -o -type d -printf '%P/\\0' "
            f"-o -type l -printf '%P -> %l\\0' -o -printf '%P\\0'"
            f" | LC_ALL=C sort -z | tr '\\n\\0' '?\\n' | head -n {_MOST + 1} | head -c {_BYTES + 1}"
        )
        if code == 94:
            raise ToolError(f"There is no folder {self.path}.")
        if code:
            raise ToolError(f"The folder cannot be listed: {errors}")
        names = plain(listed).split("\n")[:-1]
        if len(names) > _MOST or len(listed.encode()) > _BYTES:
            names = [*names[:_MOST], "[… there is more: list a folder further down, or less deep …]"]
        return "\n".join(names) or "The folder is empty."
