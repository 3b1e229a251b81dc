"""A port of the runner's own rules: which printed lines it takes for workflow commands.

From ``ActionCommand`` in the runner's sources: the second form begins a line, after white space; the first may stand
anywhere in one. The runner knows some commands and passes the rest on as text; here every line of such a form counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

OURS = frozenset({"group", "endgroup", "notice", "warning", "error", "add-mask"})
"""The commands that the action itself gives."""


def lines(log: str) -> list[str]:
    """A log as the runner reads it: a carriage return alone ends a line too."""
    return re.split(r"\r\n|\r|\n", log)


def parse(line: str) -> tuple[str, str] | None:
    """The command and its value in a line; None where the runner takes it for text."""
    start = next((i for i, char in enumerate(line) if not _is_white(char)), len(line))
    trimmed = line[start:]
    if trimmed.startswith("::") and (end := trimmed.find("::", 2)) >= 0:
        return trimmed[2:end].partition(" ")[0], trimmed[end + 2 :]
    begin = line.find("##[")
    end = line.find("]", begin)
    if begin >= 0 and end >= 0:
        return line[begin + 3 : end].partition(" ")[0], line[end + 1 :]
    return None


def commands(log: str) -> Iterator[tuple[str, str]]:
    """Every command in a log, with its value."""
    return (found for line in lines(log) if (found := parse(line)))


def _is_white(char: str) -> bool:
    """What .NET's ``Char.IsWhiteSpace`` takes for white space."""
    return char in "\t\n\v\f\r\x85\xa0" or unicodedata.category(char) in ("Zs", "Zl", "Zp")
