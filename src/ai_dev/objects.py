"""Workspace -> objects of git, each of them hashed here: what the sandbox sends under an id has that id."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from .errors import ToolError
from .workspace import OURS, Workspace

_MISSING = b" missing"
_HEAD = re.compile(rb"([0-9a-f]{40}) (blob|tree|commit|tag) ([0-9]{1,10})")
_LONGEST_HEAD = 5000
_FOLDER = b"40000"
_LIED = "The sandbox sent other bytes than those that were asked for."


@dataclass(frozen=True)
class Object:
    """An object whose bytes have this id."""

    sha: str
    kind: str
    data: bytes


def read_objects(workspace: Workspace, names: Sequence[str], limit: int) -> list[Object | None]:
    """The objects of these names (ids, or ``TREE:PATH``) in their order; None for one that is not there.

    Raises ToolError when they have more than ``limit`` bytes together, or are not what they claim to be.
    """
    if not names:
        return []
    asked = shlex.quote("".join(f"{name}\n" for name in names))
    workspace.git(f"printf '%s' {asked} | git cat-file --batch > {OURS}/objects\n")
    return parse_objects(workspace.read(f"{OURS}/objects", limit + _LONGEST_HEAD * len(names)), len(names))


def parse_objects(answer: bytes, count: int) -> list[Object | None]:
    """Parse what ``git cat-file --batch`` printed for this many names: ``ID KIND SIZE`` LF ``BYTES`` LF, and so on."""
    found: list[Object | None] = []
    at = 0
    for _ in range(count):
        end = answer.find(b"\n", at, at + _LONGEST_HEAD)
        if end < 0:
            raise ToolError(_LIED)
        line = answer[at:end]
        at = end + 1
        if line.endswith(_MISSING):
            found.append(None)
            continue
        head = _HEAD.fullmatch(line)
        if head is None:
            raise ToolError(_LIED)
        sha, kind, size = head[1].decode(), head[2].decode(), int(head[3])
        data = answer[at : at + size]
        at += size + 1
        if hash_object(kind, data) != sha:
            raise ToolError(_LIED)
        found.append(Object(sha, kind, data))
    return found


def hash_object(kind: str, data: bytes) -> str:
    """The id that git gives to these bytes."""
    return hashlib.sha1(b"%b %d\0%b" % (kind.encode(), len(data), data)).hexdigest()  # noqa: S324 - git's own hash


@dataclass(frozen=True)
class Entry:
    """An entry of a folder."""

    name: str
    mode: str
    sha: str


@dataclass(frozen=True)
class Tree:
    """Some folders of a tree, each proved to be in it: its id is in the folder above, up to the tree's own id."""

    folders: dict[str, dict[str, Entry]]
    """What is in each, by name; their paths are from the root, whose own is empty. One that is missing is not there."""

    @classmethod
    def prove(cls, root: str, claimed: dict[str, Object | None]) -> Self:
        """Take the claimed folders that are in the tree ``root``; each comes after the one that it is in."""
        proved: dict[str, dict[str, Entry]] = {}
        for folder, found in claimed.items():
            expected = root if not folder else cls(proved).find_id(folder, mode=_FOLDER.decode())
            if (found.sha if found and found.kind == "tree" else None) != expected:
                raise ToolError(_LIED)
            if found and expected:
                proved[folder] = {entry.name: entry for entry in parse_tree(found.data)}
        return cls(proved)

    def find_id(self, path: str, mode: str = "") -> str | None:
        """The id of what is at this path (and has this mode, if one is given); None where there is nothing."""
        entry = self._find(path)
        return entry.sha if entry and mode in ("", entry.mode) else None

    def find_file(self, path: str) -> Entry | None:
        """What is at this path, where that is no folder."""
        entry = self._find(path)
        return entry if entry and entry.mode != _FOLDER.decode() else None

    def _find(self, path: str) -> Entry | None:
        folder, _, name = path.rpartition("/")
        return self.folders.get(folder, {}).get(name)


def list_folders(paths: Iterable[str]) -> list[str]:
    """The folders that these paths are in, each after the one that it is in itself."""
    return sorted({folder for path in paths for folder in folders_of(path)}, key=lambda f: (f.count("/"), f))


def name_object(tree: str, path: str) -> str:
    """What git calls the object at a path of a tree; the tree itself where the path is empty."""
    return f"{tree}:{path}" if path else tree


def folders_of(path: str) -> list[str]:
    """The folders that a path is in, from the root, which is empty, to the innermost."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:i]) for i in range(len(parts) + 1)]


def parse_tree(data: bytes) -> tuple[Entry, ...]:
    """Parse a tree object: ``MODE NAME`` NUL and the id's 20 bytes, and so on. Raises ToolError."""
    entries: list[Entry] = []
    at = 0
    while at < len(data):
        end = data.find(b"\0", at)
        mode, blank, name = data[at:end].partition(b" ")
        if end < 0 or not blank or end + 21 > len(data) or not re.fullmatch(rb"[0-7]{5,6}", mode):
            raise ToolError(_LIED)
        sha = data[end + 1 : end + 21].hex()
        entries.append(Entry(name.decode("utf-8", "surrogateescape"), mode.decode(), sha))
        at = end + 21
    return tuple(entries)
