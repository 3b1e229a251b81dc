"""The patch format that the models are trained on: text -> operations -> new file contents.

A patch stands between ``*** Begin Patch`` and ``*** End Patch`` and holds, for each file, one of

- ``*** Add File: PATH`` and its lines, each with ``+`` before it;
- ``*** Delete File: PATH``;
- ``*** Update File: PATH``, perhaps ``*** Move to: PATH``, and hunks: ``@@`` with a line above the place (or nothing)
  behind it, then lines that stay (a blank before them), go (``-``) or come (``+``); ``*** End of File`` behind a hunk
  ties it to the file's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

from ..errors import ToolError
from ..redaction import plain

_NUMBERS = re.compile(r" -\d+(,\d+)? \+\d+(,\d+)? @@")
"""What a unified diff has behind ``@@``: no line of the file."""
_BEGIN, _END, _EOF = "*** Begin Patch", "*** End Patch", "*** End of File"
_ADD, _DELETE, _UPDATE, _MOVE = "*** Add File: ", "*** Delete File: ", "*** Update File: ", "*** Move to: "


@dataclass
class Hunk:
    """A place in a file: what stands there, and what shall."""

    header: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Each with its mark: a blank (stays), ``-`` (goes) or ``+`` (comes)."""
    at_end: bool = False

    @property
    def old(self) -> list[str]:
        """The lines that stand there."""
        return [line for mark, line in self.lines if mark != "+"]


@dataclass
class Operation:
    """What is to be done to one file."""

    kind: str
    """``add``, ``delete`` or ``update``."""
    path: str
    move_to: str = ""
    lines: list[str] = field(default_factory=list)
    """The lines of a file to add."""
    blanks: int = 0
    """Empty lines without a mark behind them: lines too if more follow, else the patch's own."""
    hunks: list[Hunk] = field(default_factory=list)


def parse(patch: str) -> list[Operation]:
    """The operations of a patch. Raises ToolError that names the first line it cannot take."""
    lines = patch.replace("\r\n", "\n").strip("\n").split("\n")
    if lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise ToolError(f"A patch starts with the line '{_BEGIN}' and ends with the line '{_END}'.")
    operations: list[Operation] = []
    for number, line in enumerate(lines[1:-1], 2):
        if started := _start(line):
            operations.append(started)
        elif not operations or not _take(operations[-1], line):
            raise ToolError(f"Line {number} of the patch does not belong there: {line[:200]!r}")
    if not operations:
        raise ToolError("The patch is empty.")
    for operation in operations:
        if operation.kind == "update" and not operation.hunks and not operation.move_to:
            raise ToolError(f"The patch updates {operation.path} and has no lines for it.")
    return operations


def _start(line: str) -> Operation | None:
    for mark, kind in ((_ADD, "add"), (_DELETE, "delete"), (_UPDATE, "update")):
        if line.startswith(mark):
            return Operation(kind, line.removeprefix(mark).strip())
    return None


def _take(operation: Operation, line: str) -> bool:
    """Give a line to the operation it stands in; False when it cannot be part of it."""
    if not line.strip() and operation.kind != "update":
        operation.blanks += 1
        return True
    if operation.kind == "add" and line.startswith("+"):
        operation.lines += [""] * operation.blanks + [line[1:]]
        operation.blanks = 0
        return True
    if operation.kind != "update":
        return False
    if line.startswith(_MOVE) and not operation.hunks:
        operation.move_to = line.removeprefix(_MOVE).strip()
    elif line.startswith("@@"):
        operation.hunks.append(Hunk(_NUMBERS.sub("", line[2:]).removesuffix("@@").strip()))
    elif line.strip() == _EOF and operation.hunks:
        operation.hunks[-1].at_end = True
    elif line == "" or line[0] in " +-":
        if not operation.hunks:
            operation.hunks.append(Hunk(""))
        operation.hunks[-1].lines.append((line[:1] or " ", line[1:]))
    else:
        return False
    return True


def update(text: str, operation: Operation) -> str:
    """The file's text with the hunks applied, in order. Line ends stay as they are, added lines take the file's own.

    Raises ToolError when a hunk's lines are not in the file.
    """
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    at = 0
    for number, hunk in enumerate(operation.hunks, 1):
        behind = _find_header(lines, hunk.header, at)
        found = _find(lines, hunk, at if behind is None else behind)
        if found is None:
            raise ToolError(_explain(operation.path, number, hunk, lines))
        if behind is None and found != _find(lines, hunk, found[0] + 1):
            raise ToolError(f"Hunk {number} fits {operation.path} in several places, and no line is {hunk.header!r}.")
        place, length = found
        new = _merge(lines[place : place + length], hunk, newline)
        if new and place and not lines[place - 1].endswith("\n"):
            lines[place - 1] += newline
        lines[place : place + length] = new
        at = place + len(new)
    return "".join(lines)


def _bare(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


_LEVELS: tuple[Callable[[str], str], ...] = (
    _bare,
    lambda line: _bare(line).rstrip(),
    lambda line: line.strip(),
    lambda line: plain(line).strip(),
)
"""How two lines are compared: exactly, then without trailing blanks, then without outer blanks, then as read_file
shows them: without invisible characters."""


def _find_header(lines: list[str], header: str, at: int) -> int | None:
    """The line behind the header's, searched from ``at``, then anywhere: ``at`` without a header, None if not there."""
    if not header:
        return at
    for same in _LEVELS:
        for i in chain(range(at, len(lines)), range(at)):
            if same(lines[i]) == same(header):
                return i + 1
    return None


def _find(lines: list[str], hunk: Hunk, at: int) -> tuple[int, int] | None:
    """Where the hunk's old lines stand, from ``at`` on, else anywhere: their first line and their count."""
    old = hunk.old
    while True:
        if not old:
            return (at if hunk.header and not hunk.at_end else len(lines)), 0
        last = len(lines) - len(old)
        starts = [last] if hunk.at_end and last >= 0 else [*range(at, last + 1), *range(min(at, last + 1))]
        for same in _LEVELS:
            wanted, folded = [same(line) for line in old], [same(line) for line in lines]
            for i in starts:
                if folded[i] == wanted[0] and folded[i : i + len(old)] == wanted:
                    return i, len(old)
        if old[-1] != "":
            return None
        old = old[:-1]


def _merge(there: list[str], hunk: Hunk, newline: str) -> list[str]:
    """The new lines; those that the hunk keeps stay as they are in the file, byte for byte.

    Where the file's last line has no line end, a line that comes in its place has none either.
    """
    left = iter(there)
    merged = []
    ends_new = False
    for mark, line in hunk.lines:
        found = None if mark == "+" else next(left, None)
        if mark == "+" or (mark == " " and found is not None):
            merged.append(found or line + newline)
            ends_new = mark == "+"
    merged[:-1] = [line if line.endswith("\n") else line + newline for line in merged[:-1]]
    if ends_new and there and not there[-1].endswith("\n"):
        merged[-1] = _bare(merged[-1])
    return merged


def _explain(path: str, number: int, hunk: Hunk, lines: list[str]) -> str:
    wanted = "\n".join(hunk.old[:20])
    near = ""
    first = next((line.strip() for line in hunk.old if line.strip()), "")
    places = [i + 1 for i, line in enumerate(lines) if line.strip() == first][:5]
    if places:
        near = f"\nIts first line stands at line {', '.join(map(str, places))}; the lines behind it differ."
    where = "at the end of the file" if hunk.at_end else "in the file"
    return f"Hunk {number} does not fit {path}: these lines are not {where} (read it again):\n{wanted}{near}"
