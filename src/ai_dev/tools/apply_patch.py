"""The tool apply_patch."""

import shlex

from pydantic import Field

from ..errors import ToolError
from ..redaction import one_line
from ..workspace import Workspace
from . import patch as patches
from .patch import Operation
from .tool import Desk, Tool, locate_for_writing

_LARGEST = 4 << 20
_CHECK = """
for p in {places}; do
  test ! -d "$p" || {{ echo "$p is a folder." >&2; exit 1; }}
  d=$p
  until test -e "$d"; do d=${{d%/*}}; done
  test -d "$d" -o "$d" = "$p" || {{ echo "$d is no folder." >&2; exit 1; }}
done
"""


class ApplyPatch(Tool):
    """Change files by a patch: all of it or nothing.

    The format, as one string, with paths from the repository root:

    *** Begin Patch
    *** Update File: src/a.py
    @@ def f(x):
     a line that stays
    -a line that goes
    +a line that comes
    *** Add File: b.txt
    +its first line
    *** Delete File: c.txt
    *** End Patch

    Give about three lines that stay around each change; behind @@ a line above it, when the lines occur twice.
    Behind "*** Update File" may stand "*** Move to: NEW PATH"; "*** End of File" ties a hunk to the file's end.
    """

    patch: str = Field(description="The patch, from '*** Begin Patch' to '*** End Patch'.")

    @property
    def brief(self) -> str:
        """The files it touches."""
        heads = [line for line in self.patch.splitlines() if line.startswith("*** ") and " File: " in line]
        return one_line(", ".join(head.split(": ", 1)[1] for head in heads), 120)

    def run(self, desk: Desk) -> str:
        """Work out every new content first, then write."""
        writes: dict[str, bytes | None] = {}
        told = [_plan(operation, desk.workspace, writes) for operation in patches.parse(self.patch)]
        moved = [place for place, data in writes.items() if data is None]
        if len(writes) > 1:
            _check(desk.workspace, [place for place in writes if place not in moved])
        for place, data in writes.items():
            if data is not None:
                desk.workspace.write(place, data)
        if moved:
            code, _, errors = desk.workspace.query("rm -f -- " + " ".join(shlex.quote(place) for place in moved))
            if code:
                raise ToolError(f"Files cannot be deleted: {errors}")
        return "Done:\n" + "\n".join(told)


def _plan(operation: Operation, workspace: Workspace, writes: dict[str, bytes | None]) -> str:
    """Add to ``writes`` (absolute path -> bytes, None to delete) what the operation comes to; say it in a line."""
    place = locate_for_writing(operation.path)
    if operation.kind == "add":
        text = "\n".join(operation.lines)
        writes[place] = (text + "\n" if text else "").encode("utf-8", "surrogateescape")
        return f"A {operation.path}"
    old = writes[place] if place in writes else workspace.read(place, _LARGEST)
    if old is None:
        raise ToolError(f"{operation.path} is deleted earlier in this patch.")
    if operation.kind == "delete":
        writes[place] = None
        return f"D {operation.path}"
    target = locate_for_writing(operation.move_to) if operation.move_to else place
    text = patches.update(old.decode("utf-8", "surrogateescape"), operation)
    if target != place:
        writes[place] = None
    writes[target] = text.encode("utf-8", "surrogateescape")
    return f"M {operation.path}" + (f" -> {operation.move_to}" if target != place else "")


def _check(workspace: Workspace, places: list[str]) -> None:
    """Raise ToolError when one of the files cannot be there, before any is written."""
    code, _, errors = workspace.query(_CHECK.format(places=" ".join(shlex.quote(place) for place in places)))
    if code:
        raise ToolError(f"Nothing was changed: {errors}")
