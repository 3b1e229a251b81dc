"""The tool read_file."""

import re
import shlex
from collections.abc import Iterator

from pydantic import Field

from ..errors import ToolError
from ..redaction import plain
from .tool import Desk, Tool, locate

_BYTES = 36_000
_LAST = 999_999_999
_SCRIPT = """
f={path}
test -e "$f" || exit 94
test ! -d "$f" || exit 95
test -f "$f" || exit 97
test -r "$f" || exit 98
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
        first = min(max(self.first_line or 1, 1), _LAST)
        last = min(self.last_line, _LAST) if self.last_line and self.last_line > 0 else _LAST
        if last < first:
            raise ToolError(f"The last line ({last}) is before the first ({first}).")
        script = _SCRIPT.format(path=place, first=first, last=last, limit=_BYTES + 1)
        code, shown, errors = desk.workspace.query(script)
        if code in _REASONS:
            raise ToolError(f"{self.path} {_REASONS[code]}")
        if code:
            raise ToolError(f"{self.path} cannot be read: {errors}")
        found = re.fullmatch(r"([0-9]{1,15})\n([0-9]{1,15})\n(?: ([0-9a-f]{2})\n)?(.*)", shown, re.DOTALL)
        if found is None:
            raise ToolError(f"{self.path} cannot be read: {errors or shown[:200]}")
        size, count, end, text = found.groups()
        ends_open = end not in ("0a", None)
        total = int(count) + ends_open
        if not int(size):
            return f"{self.path} is empty."
        if first > total:
            raise ToolError(f"{self.path} has {total:,} lines; line {first:,} was asked for.")
        return _number(text, first, min(last, total), total, ends_open=ends_open)


_REASONS = {
    94: "does not exist.",
    95: "is a folder: use list_files.",
    96: "is a binary file: it has no text to show.",
    97: "is no ordinary file.",
    98: "may not be read by this user.",
}


def _number(text: str, first: int, last: int, total: int, *, ends_open: bool) -> str:
    """Number the lines, as many as fit into an answer, and say what one cannot see."""
    *lines, rest = text.split("\n")
    if not lines or (rest and len(text.encode()) <= _BYTES):
        lines.append(rest)
    shown: list[str] = []
    room = _BYTES
    for number, line in enumerate(lines, first):
        entry = f"{number}\t{plain(line.removesuffix(chr(13)))}"
        room -= len(entry.encode()) + 1
        if room < 0 and not shown:
            entry = entry.encode()[:_BYTES].decode("utf-8", "ignore") + " [… this line goes on …]"
        elif room < 0:
            break
        shown.append(entry)
    return "\n".join([*shown, *_remark(lines, first + len(shown) - 1, last, total, ends_open=ends_open)])


def _remark(lines: list[str], end: int, last: int, total: int, *, ends_open: bool) -> Iterator[str]:
    """What one cannot see when the lines shown end with the line ``end``."""
    if end < last:
        yield f"[… cut after line {end:,} of {total:,}: read on with first_line={end + 1} …]"
    elif end < total:
        yield f"[The file has {total:,} lines.]"
    elif ends_open:
        yield "[The file does not end with a newline.]"
    if all(line.endswith("\r") for line in [lines[0], *lines[:-1]]):
        yield "[Lines end with CRLF.]"
    if any("\ufffd" in line for line in lines):
        yield "[Bytes that are not UTF-8 are shown as \ufffd: edit this file with apply_patch or a command.]"
