"""Change -> patch: its checked files as a text that `git apply` takes, the way to show it, and the way back.

Nothing in it is rendered by the sandbox. What people can read is a unified diff; all else is in it as git writes binary
files: compressed, under the ids of what was there before and of what is to be there.
"""

from __future__ import annotations

import base64
import io
import re
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from .change import Change
from .objects import hash_object
from .policy import File
from .redaction import one_line
from .workspace import OURS, Workspace

_NONE = "0" * 40
_SUBMODULE = "160000"
_CONTEXT = 3
_UNFIT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")
"""What no page shows as it is: control characters, further ends of lines, and what turns the direction of text."""
_UNUSUAL = re.compile(rb'[\0-\x1f"\\\x7f-\xff]')
_BINARY_LINE = 52
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_PART = re.compile(rb"^(?=diff --git )", re.MULTILINE)
_NAMED = 10
_RETURNS = "Lines in it end with a carriage return, which is lost where it is copied from here: take the file."
_RESTORE = """
cp $GIT_DIR/info/attributes {ours}/attributes
trap 'mv {ours}/attributes $GIT_DIR/info/attributes; rm -f {ours}/index {ours}/patch' EXIT
cp $GIT_DIR/index {ours}/index
old=$(git write-tree)
new=$(
  export GIT_INDEX_FILE={ours}/index
  git apply --cached --whitespace=nowarn {ours}/patch && git write-tree
)
test $new = {tree} || {{ echo 'the files come out otherwise than they were saved' >&2; exit 1; }}
echo '* -text -ident -filter' >> $GIT_DIR/info/attributes
git read-tree --reset -u $old $new
"""
"""The patch meets our index alone, so that no file is followed anywhere; then git writes what differs, byte for byte.

One attribute stays: a file that git would not read again in any but its own encoding is written in it.
"""


def write_patch(change: Change) -> bytes:
    """The change as a patch for `git apply`; empty when it has no files."""
    return b"".join(_write_file(file) for file in change.files)


def show_patch(patch: bytes, limit: int) -> str:
    """A patch of ours as a block of code in Markdown that nothing in it can end; empty where there is none.

    Files with which the block would have more than ``limit`` bytes are left out, and a line below it says which.
    """
    shown, hidden, ticks = [], [], 3
    room = limit - len("diff\n\n")
    for name, part in _split(patch):
        longest = max(ticks, 1 + max(map(len, re.findall(rb"`+", part)), default=0))
        if len(part) + 2 * longest <= room:
            shown.append(part)
            room -= len(part)
            ticks = longest
        else:
            hidden.append(name)
    text = b"".join(shown).decode()
    parts = [f"{'`' * ticks}diff\n{text}{'`' * ticks}"] if text else []
    parts += [_RETURNS] if "\r" in text else []
    parts += [_describe_hidden(hidden)] if hidden else []
    return "\n\n".join(parts)


def restore(workspace: Workspace, change: Change) -> None:
    """Put the files of a change into a fresh workspace that holds the tree it was made from, each byte as it was saved.

    Raises ToolError with git's words when it does not apply, or does not make the tree of the change.
    """
    if change.files:
        workspace.write(f"{OURS}/patch", write_patch(change))
        workspace.git(_RESTORE.format(ours=OURS, tree=change.tree))


def _split(patch: bytes) -> Iterator[tuple[str, bytes]]:
    """The files in a patch of ours, each with its name; lines of files never begin as their heads do."""
    parts = _PART.split(patch)[1:]
    for head, same in groupby(parts, key=lambda part: part.partition(b"\n")[0]):
        pair = head.removeprefix(b"diff --git ").decode()
        yield pair[: len(pair) // 2].replace("a/", "", 1), b"".join(same)


def _describe_hidden(names: list[str]) -> str:
    quoted = [f"`{one_line(name, 100).replace('`', chr(39))}`" for name in names[:_NAMED]]
    more = [f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else []
    return f"Too long to be shown here: {', '.join(quoted + more)}."


@dataclass(frozen=True)
class _Side:
    """What is at a path before or after."""

    mode: str = ""
    sha: str = _NONE
    data: bytes | None = b""
    """None where it is not known."""


def _write_file(file: File) -> bytes:
    old, new = _find_old(file), _Side(file.mode, file.sha, file.data) if file.mode else _Side()
    if old.mode and new.mode and old.mode[:3] != new.mode[:3]:  # a link or a submodule becomes a file
        return _write(file.path, old, _Side()) + _write(file.path, _Side(), new)
    return _write(file.path, old, new)


def _find_old(file: File) -> _Side:
    if not file.old_mode:
        return _Side()
    if file.old_mode == _SUBMODULE:
        return _Side(file.old_mode, file.old_sha, b"Subproject commit %b\n" % file.old_sha.encode())
    known = hash_object("blob", file.base) == file.old_sha
    return _Side(file.old_mode, file.old_sha, file.base if known else None)


def _write(path: str, old: _Side, new: _Side) -> bytes:
    """One file of the patch: a head, and what differs."""
    before, after = _quote(f"a/{path}"), _quote(f"b/{path}")
    lines = [b"diff --git %b %b" % (before, after)]
    if not old.mode:
        lines.append(b"new file mode " + new.mode.encode())
    elif not new.mode:
        lines.append(b"deleted file mode " + old.mode.encode())
    elif old.mode != new.mode:
        lines += [b"old mode " + old.mode.encode(), b"new mode " + new.mode.encode()]
    head = b"".join(line + b"\n" for line in lines)
    if old.sha == new.sha:
        return head
    mode = f" {new.mode}" if old.mode == new.mode else ""
    head += f"index {old.sha}..{new.sha}{mode}\n".encode()
    if old.data is None or new.data is None or not (_is_text(old.data) and _is_text(new.data)):
        return head + _write_binary(new.data or b"")
    if old.data == new.data:  # an empty file that comes or goes
        return head
    end = b"\t\n" if " " in path else b"\n"  # as git ends such a name
    head += b"--- " + (before + end if old.mode else b"/dev/null\n")
    head += b"+++ " + (after + end if new.mode else b"/dev/null\n")
    return head + b"".join(_write_hunks(_split_lines(old.data), _split_lines(new.data)))


def _is_text(data: bytes) -> bool:
    """Whether people can read it, and a page in Markdown shows it as it is."""
    try:
        return not _UNFIT.search(data.decode())
    except UnicodeDecodeError:
        return False


def _quote(name: str) -> bytes:
    """A name as git writes it in a patch."""
    data = name.encode("utf-8", "surrogateescape")
    if not _UNUSUAL.search(data):
        return data
    return b'"' + _UNUSUAL.sub(_escape, data) + b'"'


def _escape(match: re.Match[bytes]) -> bytes:
    char = match[0]
    return b"\\" + (char if char in b'"\\' else b"%03o" % ord(char))


def _write_binary(data: bytes) -> bytes:
    """Bytes as git has them in a patch: lines of at most 52 bytes in base 85, each with its length before it."""
    packed = zlib.compress(data)
    encoded = base64.b85encode(packed, pad=True)
    lines = [b"GIT binary patch\nliteral %d\n" % len(data)]
    for start in range(0, len(packed), _BINARY_LINE):
        size = min(_BINARY_LINE, len(packed) - start)
        length = size + (ord("A") - 1 if size <= 26 else ord("a") - 27)
        lines.append(b"%c%b\n" % (length, encoded[start // 4 * 5 : (start + _BINARY_LINE) // 4 * 5]))
    return b"".join(lines) + b"\n"


def _split_lines(data: bytes) -> list[bytes]:
    return io.BytesIO(data).readlines()


_Span = tuple[int, int, int, int]
"""From and to among the old lines, from and to among the new."""


def _write_hunks(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    """What differs, with lines around it by which git finds the place."""
    for spans in _gather(_find_changes(old, new)):
        top = min(_CONTEXT, spans[0][0])
        bottom = min(_CONTEXT, len(old) - spans[-1][1])
        start, other = spans[0][0] - top, spans[0][2] - top
        size, other_size = spans[-1][1] + bottom - start, spans[-1][3] + bottom - other
        yield f"@@ -{_place(start, size)} +{_place(other, other_size)} @@\n".encode()
        at = start
        for first, last, new_first, new_last in spans:
            yield from _mark(b" ", old[at:first])
            yield from _mark(b"-", old[first:last])
            yield from _mark(b"+", new[new_first:new_last])
            at = last
        yield from _mark(b" ", old[at : at + bottom])


def _place(start: int, size: int) -> str:
    return f"{start + 1}" if size == 1 else f"{start + 1 if size else start},{size}"


def _mark(sign: bytes, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield sign + (line if line.endswith(b"\n") else line + _NO_NEWLINE)


def _gather(changes: list[_Span]) -> Iterator[list[_Span]]:
    """The changes that are so near to each other that they make one hunk."""
    spans: list[_Span] = []
    for change in changes:
        if spans and change[0] - spans[-1][1] > 2 * _CONTEXT:
            yield spans
            spans = []
        spans.append(change)
    if spans:
        yield spans


def _find_changes(old: list[bytes], new: list[bytes]) -> list[_Span]:
    """Where lines differ between those that are surely the same, in a time that is linear but for a sort."""
    changes = []
    i = j = 0
    for next_i, next_j in [*_find_anchors(old, new), (len(old), len(new))]:
        while i < next_i and j < next_j and old[i] == new[j]:
            i, j = i + 1, j + 1
        last_i, last_j = next_i, next_j
        while last_i > i and last_j > j and old[last_i - 1] == new[last_j - 1]:
            last_i, last_j = last_i - 1, last_j - 1
        if last_i > i or last_j > j:
            changes.append((i, last_i, j, last_j))
        i, j = next_i, next_j
    return changes


def _find_anchors(old: list[bytes], new: list[bytes]) -> list[tuple[int, int]]:
    """The lines that stand once in both, as many as have the same order there ("patience diff")."""
    once_in_old, once_in_new = ({line for line, n in Counter(side).items() if n == 1} for side in (old, new))
    once = once_in_old & once_in_new
    places = {line: i for i, line in enumerate(old) if line in once}
    pairs = [(places[line], j) for j, line in enumerate(new) if line in places]
    ends: list[int] = []
    """The least place in the old lines with which an ascending row of each length can end."""
    rows: list[tuple[int, int, int]] = []
    """Each place with the row that it extends: its number among these, or -1."""
    tops: list[int] = []
    for i, j in pairs:
        length = bisect_left(ends, i)
        rows.append((i, j, tops[length - 1] if length else -1))
        ends[length : length + 1] = [i]
        tops[length : length + 1] = [len(rows) - 1]
    found = []
    at = tops[-1] if tops else -1
    while at >= 0:
        i, j, at = rows[at]
        found.append((i, j))
    return found[::-1]
