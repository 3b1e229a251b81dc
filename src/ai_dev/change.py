"""Workspace -> Change: what differs from the last pushed tree, every byte of it checked, or every reason against it.

Nothing that the sandbox says is believed: numbers, sizes and paths are checked here, contents and folders are hashed
here, and the id of the whole tree is compared with what GitHub makes of it (pull_request.py). What may be committed is
policy.py's to say.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Self

from .errors import ToolError
from .objects import Tree, list_folders, name_object, read_objects
from .policy import File, Policy, check_content, check_neighbours, refuse, show
from .redaction import one_line
from .workspace import OURS, Workspace

FILES = 100
FILE_SIZE = 1 << 20
TOTAL_SIZE = 4 << 20
_FOLDERS_SIZE = 16 << 20
_LISTING = 1 << 20
_DELETED = "D"
_SCRIPT = """
rm -f $GIT_DIR/index.lock
git read-tree --reset {tree}
git add -A >/dev/null
new=$(git write-tree)
echo $new
git diff-index --cached --raw -z --no-renames --no-abbrev --no-ext-diff {tree} > {ours}/change
wc -c < {ours}/change
head -c {limit} {ours}/change | base64 -w0
echo
git diff-index --cached --raw --no-renames --no-abbrev --no-ext-diff {tree} | head -n {files} | cut -d' ' -f3,4 |
  tr ' ' '\\n' | sort -u | git cat-file --batch-check='%(objectname) %(objecttype) %(objectsize)' | tr '\\n' ','
echo
git ls-files --others --ignored --exclude-standard --directory | head -n 20 | head -c 2000
"""


@dataclass(frozen=True)
class Change:
    """Checked files, and the tree that they make of the last pushed one."""

    files: tuple[File, ...]
    tree: str
    """Id of the tree that must come out."""
    ignored: tuple[str, ...]
    """Untracked files that git was told to ignore, some of them: they are not in the change."""

    @classmethod
    def collect(cls, workspace: Workspace, tree: str, policy: Policy) -> Self:
        """The change from ``tree``, the id of the tree that was pushed last.

        Raises ToolError with every reason when something in it may not be committed, Blocked for a secret of ours.
        """
        claim = _Claim.read(workspace, tree)
        policy.guard(*(entry.path.encode("utf-8", "surrogateescape") for entry in claim.entries))
        refused = {entry: policy.check_place(entry.path, entry.mode) for entry in claim.entries}
        sound = [entry for entry in claim.entries if not refused[entry] and claim.size(entry) <= FILE_SIZE]
        if sum(map(claim.size, sound)) > TOTAL_SIZE:
            sound = []
        files, misplaced = _read_files(workspace, (tree, claim.tree), sound, claim.sizes)
        policy.guard(*(file.data for file in files))
        reasons = [reason for entry in claim.entries for reason in refused[entry] + claim.check_size(entry)]
        reasons += claim.check_total() + misplaced
        refuse(reasons + [reason for file in files for reason in check_content(file)])
        return cls(files, claim.tree, claim.ignored)


@dataclass(frozen=True)
class _Entry:
    path: str
    mode: str
    sha: str
    verb: str
    old: str
    """The id that the file had before, as the sandbox claims."""


@dataclass(frozen=True)
class _Claim:
    """What the sandbox says of a change."""

    tree: str
    entries: tuple[_Entry, ...]
    sizes: dict[str, int]
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, workspace: Workspace, tree: str) -> Self:
        """Ask for it. Raises ToolError when it cannot be read, or has too many files."""
        answer = workspace.git(_SCRIPT.format(tree=tree, ours=OURS, limit=_LISTING, files=FILES + 1))
        try:
            new, size, listing, objects, *ignored = answer.split("\n", 30)
            raw = base64.b64decode(listing, validate=True)
            if not re.fullmatch("[0-9a-f]{40}", new):
                raise ValueError(new)  # noqa: TRY301 - one answer to whatever cannot be read
            entries = _read_entries(raw) if int(size) == len(raw) else None
        except ValueError:
            raise ToolError("git's list of changes in the sandbox cannot be read.") from None
        if entries is None or len(entries) > FILES:
            count = "too many" if entries is None else f"{len(entries):,}"
            raise ToolError(
                f"The commit is refused: {count} files are changed, at most {FILES} may be in one commit. "
                "Remove what does not belong there (or list it in .gitignore), or commit in parts."
            )
        return cls(new, tuple(entries), _read_sizes(objects), tuple(one_line(name, 100) for name in ignored if name))

    def size(self, entry: _Entry) -> int:
        """Bytes of a file as it is to be."""
        return self.sizes.get(entry.sha, 0)

    def check_size(self, entry: _Entry) -> list[str]:
        """The reason against a file that is too large."""
        size = self.size(entry)
        told = f"{show(entry.path)}: it has {size:,} bytes; a file may have {FILE_SIZE:,}."
        return [told] if size > FILE_SIZE else []

    def check_total(self) -> list[str]:
        """The reason against files that are too large together."""
        total = sum(map(self.size, self.entries))
        return [f"All files together have {total:,} bytes; a commit may have {TOTAL_SIZE:,}."] * (total > TOTAL_SIZE)


def _read_entries(listing: bytes) -> list[_Entry]:
    """Parse ``git diff-index --raw -z``: ``:OLDMODE MODE OLDSHA SHA VERB`` NUL ``PATH`` NUL, and so on."""
    fields = listing.split(b"\0")
    if fields.pop() != b"" or len(fields) % 2:
        raise ValueError(listing)
    entries = []
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        found = re.fullmatch(rb":[0-7]{6} ([0-7]{6}) ([0-9a-f]{40}) ([0-9a-f]{40}) ([A-Z])[0-9]{0,3}", about)
        if found is None:
            raise ValueError(about)
        mode, old, sha, verb = (part.decode() for part in found.groups())
        gone = verb == _DELETED
        name = path.decode("utf-8", "surrogateescape")
        entries.append(_Entry(name, "" if gone else mode, "" if gone else sha, verb, old))
    return entries


def _read_sizes(objects: str) -> dict[str, int]:
    """Parse the answers of ``git cat-file --batch-check``; ids that are no blobs are left out."""
    return {sha: int(size) for sha, size in re.findall(r"([0-9a-f]{40}) blob ([0-9]{1,15}),", objects)}


def _read_files(
    workspace: Workspace, trees: tuple[str, str], entries: list[_Entry], sizes: dict[str, int]
) -> tuple[tuple[File, ...], list[str]]:
    """The files, with what they held before, and the reasons against their places.

    All that this stands on is asked for at once and hashed here: the files, their folders in both trees, their bases.
    """
    written = [entry for entry in entries if entry.verb != _DELETED]
    if missing := [entry for entry in written if entry.sha not in sizes]:
        raise ToolError(f"git in the sandbox lacks the contents of {len(missing)} changed files.")
    blobs = sorted({entry.sha for entry in written})
    based = [entry for entry in written if sizes.get(entry.old, FILE_SIZE + 1) <= FILE_SIZE]
    if sum(sizes[entry.old] for entry in based) > TOTAL_SIZE:
        based = []
    folders = list_folders(entry.path for entry in written)
    places = [name_object(tree, folder) for tree in trees for folder in folders]
    bases = [name_object(trees[0], entry.path) for entry in based]
    found = read_objects(workspace, [*blobs, *places, *bases], 2 * TOTAL_SIZE + _FOLDERS_SIZE)
    contents = {blob.sha: blob.data for blob in found[: len(blobs)] if blob and blob.kind == "blob"}
    if sorted(contents) != blobs or any(len(contents[sha]) != sizes[sha] for sha in blobs):
        raise ToolError("The sandbox sent other contents than those of the changed files.")
    old, new = (
        Tree.prove(tree, dict(zip(folders, found[start : start + len(folders)], strict=True)))
        for tree, start in zip(trees, (len(blobs), len(blobs) + len(folders)), strict=True)
    )
    held = zip(based, found[len(blobs) + len(places) :], strict=True)
    before = {e.path: base.data for e, base in held if base and base.sha == old.find_id(e.path)}
    files = tuple(
        File(e.path, e.mode, e.sha, contents.get(e.sha, b""), e.verb, before.get(e.path, b"")) for e in entries
    )
    return files, check_neighbours([entry.path for entry in written], old, new)
