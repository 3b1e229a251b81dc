"""Workspace -> Change: what differs from the last pushed tree, every byte of it checked, or every reason against it.

Nothing that the sandbox says is believed: paths, modes and sizes are checked here, contents are hashed here, and the id
of the whole tree is compared with what GitHub makes of it (pull_request.py).
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import unicodedata
from dataclasses import dataclass
from typing import Self

from .errors import ToolError
from .redaction import one_line
from .workspace import OURS, Workspace

FILES = 100
FILE_SIZE = 1 << 20
TOTAL_SIZE = 4 << 20
_LISTING = 1 << 20
_DELETED = "D"
_KINDS = {"120000": "symbolic link", "160000": "submodule or a clone of another repository"}
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
git diff-index --cached --raw --no-renames --no-abbrev --no-ext-diff {tree} | cut -d' ' -f4 | sort -u |
  git cat-file --batch-check='%(objectname) %(objecttype) %(objectsize)' | head -n {ids} | tr '\\n' ','
echo
git ls-files --others --ignored --exclude-standard --directory | head -n 20 | head -c 2000
"""


@dataclass(frozen=True)
class File:
    """A file of a change."""

    path: str
    mode: str
    """``100644`` or ``100755``; empty when it is deleted."""
    sha: str
    """The blob's id; empty when it is deleted."""
    data: bytes
    verb: str
    """``A`` added, ``M`` changed, ``D`` deleted."""


@dataclass(frozen=True)
class Change:
    """Checked files, and the tree that they make of the last pushed one."""

    files: tuple[File, ...]
    tree: str
    """Id of the tree that must come out."""
    ignored: tuple[str, ...]
    """Untracked files that git was told to ignore, some of them: they are not in the change."""

    @classmethod
    def collect(cls, workspace: Workspace, tree: str) -> Self:
        """The change from ``tree``, the id of the tree that was pushed last.

        Raises ToolError with every reason when something in it may not be committed.
        """
        answer = workspace.git(_SCRIPT.format(tree=tree, ours=OURS, limit=_LISTING, ids=FILES + 1))
        try:
            new, size, listing, objects, *ignored = answer.split("\n")
            raw = base64.b64decode(listing, validate=True)
            entries = _read_entries(raw) if int(size) == len(raw) else None
        except ValueError:
            raise ToolError("git's list of changes in the sandbox cannot be read.") from None
        sizes = _read_sizes(objects)
        if entries is None or len(entries) > FILES:
            count = "too many" if entries is None else f"{len(entries):,}"
            raise ToolError(
                f"The commit is refused: {count} files are changed, at most {FILES} may be in one commit. "
                "Remove what does not belong there (or list it in .gitignore), or commit in parts."
            )
        reasons = _find_reasons(entries, sizes)
        if reasons:
            raise ToolError("The commit is refused:\n" + "\n".join(f"- {reason}" for reason in reasons))
        contents = _read_contents(workspace, entries, sizes)
        changed = tuple(File(e.path, e.mode, e.sha, contents.get(e.sha, b""), e.verb) for e in entries)
        return cls(changed, new, tuple(one_line(name, 100) for name in ignored if name))


@dataclass(frozen=True)
class _Entry:
    path: str
    mode: str
    sha: str
    verb: str


def _read_entries(listing: bytes) -> list[_Entry]:
    """Parse ``git diff-index --raw -z``: ``:OLDMODE MODE OLDSHA SHA VERB`` NUL ``PATH`` NUL, and so on."""
    fields = listing.split(b"\0")
    if fields.pop() != b"" or len(fields) % 2:
        raise ValueError(listing)
    entries = []
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        found = re.fullmatch(rb":[0-7]{6} ([0-7]{6}) [0-9a-f]{40} ([0-9a-f]{40}) ([A-Z])[0-9]*", about)
        if found is None:
            raise ValueError(about)
        mode, sha, verb = (part.decode() for part in found.groups())
        gone = verb == _DELETED
        entries.append(_Entry(path.decode("utf-8", "surrogateescape"), "" if gone else mode, "" if gone else sha, verb))
    return entries


def _read_sizes(objects: str) -> dict[str, int]:
    """Parse the answers of ``git cat-file --batch-check``; ids that are no blobs are left out."""
    return {sha: int(size) for sha, size in re.findall(r"([0-9a-f]{40}) blob ([0-9]{1,15}),", objects)}


def _find_reasons(entries: list[_Entry], sizes: dict[str, int]) -> list[str]:
    reasons = []
    for entry in entries:
        name = _show(entry.path)
        reasons += [f"{name}: {reason}" for reason in (_mode_reason(entry), _path_reason(entry.path)) if reason]
        size = sizes.get(entry.sha, 0)
        if size > FILE_SIZE:
            reasons.append(f"{name}: it has {size:,} bytes; a file may have {FILE_SIZE:,}.")
    total = sum(sizes.get(e.sha, 0) for e in entries)
    if total > TOTAL_SIZE:
        reasons.append(f"All files together have {total:,} bytes; a commit may have {TOTAL_SIZE:,}.")
    return reasons


def _mode_reason(entry: _Entry) -> str:
    if entry.mode in ("", "100644", "100755"):
        return ""
    kind = _KINDS.get(entry.mode, "special file")
    return f"it is a {kind}; only ordinary files may be committed. Remove it."


def _path_reason(path: str) -> str:  # noqa: PLR0911 - a list of rules
    """Why a path may not be written; empty when it may.

    The rules are git's own for hostile trees (``fsck``: .git in every spelling), and those of file systems that fold
    case, Unicode form or trailing dots.
    """
    if any("\udc80" <= c <= "\udcff" for c in path):
        return "its name is not UTF-8."
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in path):
        return "its name has control or invisible characters."
    if "\\" in path or ":" in path:
        return "its name has a backslash or a colon."
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or len(path.encode()) > 4096:
        return "its path is not a plain relative path."
    if any(len(part.encode()) > 255 or part.endswith((".", " ")) for part in parts):
        return "a part of its path is too long, or ends with a dot or a space."
    folded = [unicodedata.normalize("NFKC", part).casefold() for part in parts]
    if any(re.fullmatch(r"\.git|git~[0-9]+", part) for part in folded):
        return "it is in a .git folder."
    if folded[:2] == [".github", "workflows"]:
        return "files under .github/workflows cannot be changed. Undo it and describe it in the pull request instead."
    if folded in ([".github", "ai-dev.yml"], [".github", "ai-dev.yaml"]):
        return "AI Dev's own configuration cannot be changed."
    return ""


def _read_contents(workspace: Workspace, entries: list[_Entry], sizes: dict[str, int]) -> dict[str, bytes]:
    """The blobs by id, each hashed here: what the sandbox sends under an id must have that id."""
    wanted = sorted({e.sha for e in entries if e.sha})
    if missing := [sha for sha in wanted if sha not in sizes]:
        raise ToolError(f"git in the sandbox lacks the contents of {len(missing)} changed files.")
    if not wanted:
        return {}
    ids = shlex.quote("".join(f"{sha}\n" for sha in wanted))
    workspace.git(f"printf '%s' {ids} | git cat-file --batch > {OURS}/contents\n")
    data = workspace.read(f"{OURS}/contents", TOTAL_SIZE + 100 * len(wanted))
    contents, at = {}, 0
    for sha in wanted:
        head = f"{sha} blob {sizes[sha]}\n".encode()
        at += len(head)
        content = data[at : at + sizes[sha]]
        if hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest() != sha:  # noqa: S324 - git's own hash
            raise ToolError(f"The sandbox sent other bytes than those of the blob {sha}.")
        contents[sha] = content
        at += sizes[sha] + 1
    return contents


def _show(path: str) -> str:
    return one_line(path.encode("utf-8", "backslashreplace").decode(), 200) or "(no name)"
