"""The tool read_file."""

import shlex

from pydantic import Field

from ..errors import ToolError
from ..redaction import plain
from .tool import Desk, Tool, locate

_BYTES = 36_000
_SCRIPT = """
f={path}
test -e "$f" || exit 94
test ! -d "$f" || exit 95
test "$(head -c 8000 "$f" | wc -c)" = "$(head -c 8000 "$f" | tr -d '\\000' | wc -c)" || exit 96
stat -L -c %s "$f"
wc -l < "$f"
tail -c 1 "$f" | od -An -tx1
sed -n '{first},{last}p;{last}q' "$f" | head -c {limit}
"""


class ReadFile(Tool):
    """Read a text file, whole or a range of lines. Each line is shown as its number, a tab, and its text."""

    path: str = Field(description="Path from the repository root, or absolute.")
    first_line: int | None = Field(None, description="First line wanted, counted from 1. Default 1.")
    last_line: int | None = Field(None, description="Last line wanted. Default the last.")

    def run(self, desk: Desk) -> str:
        """Read it through the shell, so that of a huge file only the wanted part travels."""
        place = shlex.quote(locate(self.path))
        first = max(self.first_line or 1, 1)
        last = self.last_line if self.last_line and self.last_line > 0 else 999_999_999
        if last < first:
            raise ToolError(f"The last line ({last}) is before the first ({first}).")
        script = _SCRIPT.format(path=place, first=first, last=last, limit=_BYTES + 1)
        code, shown, errors = desk.workspace.query(script)
        if code in _REASONS:
            raise ToolError(f"{self.path} {_REASONS[code]}")
        if code:
            raise ToolError(f"{self.path} cannot be read: {errors}")
        size, count, end, text = ([*shown.split("\n", 3), "", "", ""])[:4]
        ends_open = end.strip() not in ("0a", "")
        total = int(count) + ends_open
        if not int(size):
            return f"{self.path} is empty."
        if first > total:
            raise ToolError(f"{self.path} has {total:,} lines; line {first:,} was asked for.")
        return _number(text, first, total, ends_open=ends_open)


_REASONS = {94: "does not exist.", 95: "is a folder: use list_files.", 96: "is a binary file: it has no text to show."}


def _number(text: str, first: int, total: int, *, ends_open: bool) -> str:
    cut = len(text.encode()) > _BYTES
    lines = text.removesuffix("\n").split("\n")
    if cut and len(lines) > 1:
        lines.pop()
    crlf = all(line.endswith("\r") for line in lines[:-1]) and lines[0].endswith("\r")
    shown = [f"{first + i}\t{plain(line.removesuffix(chr(13)))}" for i, line in enumerate(lines)]
    last = first + len(lines) - 1
    if cut:
        shown.append(f"[… cut after line {last:,} of {total:,}: read on with first_line={last + 1} …]")
    elif last >= total and ends_open:
        shown.append("[The file does not end with a newline.]")
    elif last < total:
        shown.append(f"[The file has {total:,} lines.]")
    if crlf:
        shown.append("[Lines end with CRLF.]")
    if "\ufffd" in text:
        shown.append("[Bytes that are not UTF-8 are shown as \ufffd: edit this file with apply_patch or a command.]")
    return "\n".join(shown)
