"""Workspace -> Change: what differs from the last pushed tree, every byte of it checked, or every reason against it.

Nothing that the sandbox says is believed: numbers, sizes and paths are checked here, contents and folders are hashed
here, and the id of the whole tree is compared with what GitHub makes of it (pull_request.py). What may be committed is
policy.py's to say.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from .errors import ToolError
from .objects import Tree, folders_of, list_folders, name_object, read_objects
from .policy import File, Policy, Reason, check_content, check_deleted, check_neighbours, refuse, tell
from .redaction import one_line
from .workspace import OURS, Workspace

FILES = 100
FILE_SIZE = 1 << 20
TOTAL_SIZE = 4 << 20
_FOLDERS_SIZE = 16 << 20
_LISTING = 1 << 20
_ROUNDS = 3
_TOO_MUCH = f"it is part of too much: a commit may have {FILES} files, and {TOTAL_SIZE:,} bytes in all."
_DELETED = "D"
_ADDED = "A"
_SCRIPT = """
rm -f $GIT_DIR/index.lock {ours}/errors
git read-tree --reset {tree}
{add}
new=$(git write-tree)
echo $new
for kind in a A; do
  git diff-index --cached --raw -z --no-renames --no-abbrev --no-ext-diff --diff-filter=$kind {tree}
done > {ours}/change
wc -c < {ours}/change
tr -dc '\\0' < {ours}/change | wc -c
head -c {limit} {ours}/change | base64 -w0
echo
head -c {limit} {ours}/change | tr '\\0' '\\n' | sed -n '/^:/p' | cut -d' ' -f3,4 | tr ' ' '\\n' | sort -u |
  git cat-file --batch-check='%(objectname) %(objecttype) %(objectsize)' | tr '\\n' ','
echo
test ! -e {ours}/errors || sed -n 's/^error: //p' {ours}/errors | head -n 5 | head -c 1000 | tr '\\n' ' '
echo
git ls-files --others --ignored --exclude-standard --directory | head -n 20 | head -c 2000
"""
"""Added files come last: where the listing is cut, the rest is what the base does not have."""
_ADD = "git add -A >/dev/null"
_ADD_ANY = """
if git add -A --ignore-errors >/dev/null 2>{ours}/errors; then rm -f {ours}/errors
else test $? = 1 || {{ cat {ours}/errors >&2; exit 1; }}; fi
"""
_ADD_KEPT = "git update-index -z --index-info < {ours}/kept"


@dataclass(frozen=True)
class Change:
    """Checked files, and the tree that they make of the last pushed one."""

    files: tuple[File, ...]
    tree: str
    """Id of the tree that must come out."""
    ignored: tuple[str, ...]
    """Untracked files that git was told to ignore, some of them: they are not in the change."""
    left_out: tuple[str, ...] = ()
    """Why files that are changed too are not in it, each reason with its path; where they are many, how many more."""

    @classmethod
    def collect(cls, workspace: Workspace, tree: str, policy: Policy) -> Self:
        """The change from ``tree``, the id of the tree that was pushed last.

        Raises ToolError with every reason when something in it may not be committed, Blocked for a secret of ours.
        """
        claim = _Claim.read(workspace, tree, _ADD)
        claim.refuse_many()
        claim.guard(policy)
        refused = claim.check_files(policy)
        sound = [] if claim.size > TOTAL_SIZE else claim.without(refused)
        files, against = _read_files(workspace, tree, claim, sound, policy)
        refuse(refused + claim.check_total() + against)
        return cls(files, claim.tree, claim.ignored)

    @classmethod
    def salvage(cls, workspace: Workspace, tree: str, policy: Policy) -> Self:
        """The change from ``tree`` without what may not be committed or is too much: ``left_out`` says what and why.

        Raises ToolError when the sandbox does not say what has changed, Blocked for a secret of ours.
        """
        claim = first = _Claim.read(workspace, tree, _ADD_ANY)
        kept, left = list(claim.entries), claim.check_errors()
        try:
            for _ in range(_ROUNDS):
                claim.guard(policy)
                against = claim.check_files(policy)
                against += claim.check_fit(claim.without(against))
                files: tuple[File, ...] = ()
                if not against:
                    files, against = _read_files(workspace, tree, claim, claim.entries, policy)
                if not against:
                    return cls(files, claim.tree, first.ignored, _tell_left(left))
                against += claim.check_torn(against)
                left += against
                kept = claim.without(against)
                if not kept:
                    break
                claim = claim.read_again(workspace, tree, kept)
        except ToolError as e:
            left += [Reason(entry.path, f"it could not be kept. {e}") for entry in kept]
        else:
            left += [Reason(entry.path, "it could not be kept without what was left out.") for entry in kept]
        return cls((), tree, first.ignored, _tell_left(left))


@dataclass(frozen=True)
class _Entry:
    path: str
    mode: str
    sha: str
    verb: str
    old: str
    """The id that the file had before, as the sandbox claims."""

    @property
    def name(self) -> bytes:
        """The path as git has it."""
        return self.path.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class _Claim:
    """What the sandbox says of a change."""

    tree: str
    entries: tuple[_Entry, ...]
    """By path."""
    unlisted: int
    """How many more there are that it did not name."""
    sizes: dict[str, int] = field(repr=False)
    errors: str
    """What git said of files that it could not take."""
    ignored: tuple[str, ...]

    @classmethod
    def read(cls, workspace: Workspace, tree: str, add: str) -> Self:
        """Ask for it; ``add`` puts the change into our index. Raises ToolError when the answer cannot be read."""
        script = _SCRIPT.format(tree=tree, ours=OURS, limit=_LISTING, add=add.format(ours=OURS))
        try:
            new, size, marks, listing, objects, errors, *ignored = workspace.git(script).split("\n", 32)
            raw, whole = base64.b64decode(listing, validate=True), int(size)
            entries = _read_entries(raw if whole == len(raw) else _cut(raw))
            unlisted = 0 if whole == len(raw) else max(1, int(marks) // 2 - len(entries))
            if not re.fullmatch("[0-9a-f]{40}", new) or len({entry.path for entry in entries}) < len(entries):
                raise ValueError(new)  # noqa: TRY301 - one answer to whatever cannot be read
        except ValueError:
            raise ToolError("git's list of changes in the sandbox cannot be read.") from None
        entries.sort(key=lambda entry: entry.name)
        named = tuple(one_line(name, 100) for name in ignored if name)
        return cls(new, tuple(entries), unlisted, _read_sizes(objects), one_line(errors, 500), named)

    def read_again(self, workspace: Workspace, tree: str, kept: list[_Entry]) -> _Claim:
        """Ask what these entries alone make of the tree. Raises ToolError when it is not what was asked for."""
        ordered = sorted(kept, key=lambda entry: entry.verb != _DELETED)
        lines = [f"{e.mode or '0'} {e.sha or e.old}\t".encode() + e.name + b"\0" for e in ordered]
        workspace.write(f"{OURS}/kept", b"".join(lines))
        claim = _Claim.read(workspace, tree, _ADD_KEPT)
        if claim.unlisted or claim.entries != tuple(kept):
            raise ToolError("git in the sandbox makes something else of the files that may be kept.")
        return claim

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(map(self.size_of, self.entries))

    def size_of(self, entry: _Entry) -> int:
        """Bytes of a file as it is to be."""
        return self.sizes.get(entry.sha, 0)

    def without(self, reasons: Sequence[Reason]) -> list[_Entry]:
        """The entries against which there is none of these reasons."""
        refused = {reason.path for reason in reasons}
        return [entry for entry in self.entries if entry.path not in refused]

    def guard(self, policy: Policy) -> None:
        """Raise Blocked when a secret of ours is in a name."""
        policy.guard(self.errors, *(entry.name for entry in self.entries))

    def refuse_many(self) -> None:
        """Raise ToolError when there are too many files for one commit."""
        if self.unlisted or len(self.entries) > FILES:
            count = "too many" if self.unlisted else f"{len(self.entries):,}"
            raise ToolError(
                f"The commit is refused: {count} files are changed, at most {FILES} may be in one commit. "
                "Remove what does not belong there (or list it in .gitignore), or commit in parts."
            )

    def check_files(self, policy: Policy) -> list[Reason]:
        """The reasons against single files, as far as they are known without their contents."""
        return [
            reason
            for entry in self.entries
            for reason in policy.check_place(entry.path, entry.mode) + self._check_size(entry)
        ]

    def _check_size(self, entry: _Entry) -> list[Reason]:
        size = self.size_of(entry)
        told = Reason(entry.path, f"it has {size:,} bytes; a file may have {FILE_SIZE:,}.")
        return [told] if size > FILE_SIZE else []

    def check_total(self) -> list[Reason]:
        """The reason against files that are too large together."""
        told = Reason(None, f"All files together have {self.size:,} bytes; a commit may have {TOTAL_SIZE:,}.")
        return [told] if self.size > TOTAL_SIZE else []

    def check_errors(self) -> list[Reason]:
        """The reason for which files are not listed that git could not take."""
        return [Reason(None, f"git could not take everything: {self.errors}")] if self.errors else []

    def check_fit(self, sound: list[_Entry]) -> list[Reason]:
        """The reasons against files when all are too many, or too large together.

        Then only edits of what the base has are surely work: they are kept while they fit, the small ones first. What
        is added or deleted in bulk is no more than a commit would take it.
        """
        if not self.unlisted and len(sound) <= FILES and sum(map(self.size_of, sound)) <= TOTAL_SIZE:
            return []
        edits = [entry for entry in sound if entry.verb not in (_ADDED, _DELETED)]
        many = [Reason(entry.path, _TOO_MUCH) for entry in sound if entry.verb in (_ADDED, _DELETED)]
        many += [Reason(entry.path, _TOO_MUCH) for entry in edits[FILES:]]
        if self.unlisted:
            many.append(Reason(None, f"{self.unlisted:,} more files are changed or added, too many to name."))
        room = TOTAL_SIZE
        for entry in sorted(edits[:FILES], key=self.size_of):
            room -= self.size_of(entry)
            if room < 0:
                many.append(Reason(entry.path, _TOO_MUCH))
        return many

    def check_torn(self, against: Sequence[Reason]) -> list[Reason]:
        """The reasons against added files that stand where, because of these reasons, a file or folder stays."""
        refused = {reason.path for reason in against}
        stays = {entry.path for entry in self.entries if entry.path in refused and entry.verb != _ADDED}
        folders = {folder for path in stays for folder in folders_of(path)}
        return [
            Reason(entry.path, "it stands where something is that must stay.")
            for entry in self.without(against)
            if entry.verb == _ADDED and (entry.path in folders or stays & set(folders_of(entry.path)))
        ]


def _tell_left(reasons: list[Reason]) -> tuple[str, ...]:
    """The reasons in words, those first that are about more than one file: they are not among those that are cut."""
    return tell(sorted(reasons, key=lambda reason: reason.path is not None))


def _cut(listing: bytes) -> bytes:
    """The whole entries of a listing that was cut somewhere."""
    fields = listing.split(b"\0")[:-1]
    return b"".join(part + b"\0" for part in fields[: len(fields) // 2 * 2])


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
    workspace: Workspace, tree: str, claim: _Claim, entries: Sequence[_Entry], policy: Policy
) -> tuple[tuple[File, ...], list[Reason]]:
    """The files of these entries, with what was there before, and the reasons against their places and contents.

    All that this stands on is asked for at once and hashed here: the files, their folders in both trees, their bases.
    Raises Blocked for a secret of ours in a file.
    """
    sizes = claim.sizes
    written = [entry for entry in entries if entry.verb != _DELETED]
    if missing := [entry for entry in written if entry.sha not in sizes]:
        raise ToolError(f"git in the sandbox lacks the contents of {len(missing)} changed files.")
    blobs = sorted({entry.sha for entry in written})
    based = [entry for entry in written if sizes.get(entry.old, FILE_SIZE + 1) <= FILE_SIZE]
    if sum(sizes[entry.old] for entry in based) > TOTAL_SIZE:
        based = []
    folders = list_folders(entry.path for entry in entries)
    places = [name_object(root, folder) for root in (tree, claim.tree) for folder in folders]
    bases = [name_object(tree, entry.path) for entry in based]
    found = read_objects(workspace, [*blobs, *places, *bases], 2 * TOTAL_SIZE + _FOLDERS_SIZE)
    contents = {blob.sha: blob.data for blob in found[: len(blobs)] if blob and blob.kind == "blob"}
    if sorted(contents) != blobs or any(len(contents[sha]) != sizes[sha] for sha in blobs):
        raise ToolError("The sandbox sent other contents than those of the changed files.")
    policy.guard(*contents.values())
    old, new = (
        Tree.prove(root, dict(zip(folders, found[start : start + len(folders)], strict=True)))
        for root, start in ((tree, len(blobs)), (claim.tree, len(blobs) + len(folders)))
    )
    held = zip(based, found[len(blobs) + len(places) :], strict=True)
    before = {e.path: base.data for e, base in held if base and base.sha == old.find_id(e.path)}
    files = tuple(_make_file(e, contents.get(e.sha, b""), before.get(e.path, b""), old) for e in entries)
    against = check_neighbours([entry.path for entry in written], old, new)
    against += check_deleted([entry.path for entry in entries if entry.verb == _DELETED], old)
    return files, against + [reason for file in files for reason in check_content(file)]


def _make_file(entry: _Entry, data: bytes, base: bytes, old: Tree) -> File:
    was = old.find_file(entry.path)
    mode, sha = (was.mode, was.sha) if was else ("", "")
    return File(entry.path, entry.mode, entry.sha, data, entry.verb, base, mode, sha)
