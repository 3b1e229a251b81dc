"""A bare git repository: objects and refs, read and written with git's own plumbing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from .objects import ABSENT, ID, Commit, Entry, Item

CONFIGURATION = """\
[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	protectHFS = true
	protectNTFS = true
[gc]
	auto = 0
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
"""
"""As on GitHub: no path that would be ``.git`` on any system, and any commit may be fetched by its id."""


class GitError(Exception):
    """A git command failed; the text is what it printed."""


def environment() -> dict[str, str]:
    """A git command's whole environment: the configuration of this machine and its user plays no part."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


class Git:
    """The bare repository in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path, *, branch: str, source: Path | None) -> Git:
        """Make a bare repository with the branches and tags of another one, or with none."""
        directory.mkdir(parents=True)
        git = cls(directory)
        if source is None:
            git.run("init", "--bare", "--quiet", "--template=", str(directory))
        else:
            git.run("clone", "--bare", "--quiet", "--template=", str(source.resolve()), str(directory))
        (directory / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        (directory / "config").write_text(CONFIGURATION)
        return git

    def run(self, *args: str, data: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        """Run git there and give what it prints; GitError if it fails or takes a minute."""
        return self._execute(*args, data=data, extra=extra).stdout

    def _execute(
        self, *args: str, data: bytes, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "--git-dir", str(self.directory), *args]
        try:
            return subprocess.run(
                command, input=data, capture_output=True, env={**environment(), **(extra or {})}, timeout=60, check=True
            )
        except subprocess.CalledProcessError as e:
            raise GitError(e.stderr.decode(errors="replace")) from e
        except (subprocess.TimeoutExpired, ValueError) as e:
            raise GitError(str(e)) from e

    def ask(self, *args: str) -> str | None:
        """What git prints, without the last newline; None if it fails."""
        try:
            return self.run(*args).decode(errors="surrogateescape").removesuffix("\n")
        except GitError:
            return None

    def kind(self, sha: str) -> str | None:
        """The type of the object with this full id; None if there is none."""
        return self.ask("cat-file", "-t", sha) if ID.fullmatch(sha) else None

    def ref(self, name: str) -> str | None:
        """The id that a ref (by its full name, nothing else is tried) points at."""
        return self.ask("show-ref", "--verify", "--hash", "--", name)

    def is_empty(self) -> bool:
        """Whether there is no branch yet. Asked often, so files are looked at instead of asking git."""
        loose = (path for path in (self.directory / "refs/heads").rglob("*") if path.is_file())
        return not (self.directory / "packed-refs").exists() and next(loose, None) is None

    def refs(self, prefix: str) -> dict[str, str]:
        """All refs whose full name starts so, sorted."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
        return dict(line.split(" ") for line in lines if line.startswith(prefix))

    def commit_of(self, revision: str) -> str | None:
        """The commit that a branch, tag, ref or full id names."""
        if self.kind(revision) == "commit":
            return revision
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/{revision}", revision):
            if (sha := self.ref(name)) is not None:
                return self.ask("rev-parse", "--verify", "--quiet", f"{sha}^{{commit}}")
        return None

    def tree_of(self, revision: str) -> str | None:
        """The tree that a revision or a tree's own id names."""
        sha = revision if ID.fullmatch(revision) else self.commit_of(revision)
        return None if sha is None else self.ask("rev-parse", "--verify", "--quiet", f"{sha}^{{tree}}")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a move from one to the other is a fast-forward."""
        return self.ask("merge-base", "--is-ancestor", old, new) is not None

    def count(self, old: str, new: str) -> int:
        """How many commits the second has that the first has not."""
        return int(self.run("rev-list", "--count", f"{old}..{new}"))

    def commits(self, old: str, new: str) -> list[str]:
        """The commits that the second has and the first has not, oldest first."""
        return self.run("rev-list", "--reverse", f"{old}..{new}").decode().split()

    def items(self, tree: str, *paths: str, flags: Sequence[str] = ()) -> list[Item]:
        """What a tree holds (at these paths); the flags are those of ``git ls-tree``."""
        lines = self.run("ls-tree", "-z", "-l", "--full-tree", *flags, tree, *paths).decode(errors="replace")
        return [Item.parse(line) for line in lines.split("\0")[:-1]]

    def changed(self, old: str, new: str, *paths: str) -> list[tuple[str, str]]:
        """What differs from the merge base of two commits (without one: from the first) to the second.

        Pairs of git's status letter and the path.
        """
        start = self.ask("merge-base", old, new) or old
        printed = self.run("diff", "--name-status", "--no-renames", "-z", start, new, "--", *paths)
        parts = printed.decode(errors="replace").split("\0")
        return list(zip(parts[0:-1:2], parts[1::2], strict=True))

    def lines(self, old: str, new: str) -> dict[str, tuple[int, int]]:
        """The lines added to and removed from each file that ``changed`` names; none of a binary file."""
        start = self.ask("merge-base", old, new) or old
        printed = self.run("diff", "--numstat", "--no-renames", "-z", start, new).decode(errors="replace")
        rows = [line.split("\t", 2) for line in printed.split("\0")[:-1]]
        return {path: (int(added), int(removed)) if added != "-" else (0, 0) for added, removed, path in rows}

    def commit(self, sha: str) -> Commit:
        """Read a commit."""
        return Commit.parse(self.run("cat-file", "commit", sha).decode(errors="replace"))

    def blob(self, sha: str) -> bytes:
        """Read a blob."""
        return self.run("cat-file", "blob", sha)

    def write_blob(self, data: bytes) -> str:
        """Store a blob; its id."""
        return self.run("hash-object", "-w", "--stdin", data=data).decode().strip()

    def write_tree(self, base: str | None, entries: Sequence[Entry]) -> str:
        """Store a tree: the base tree with these changes; its id. GitError for a path or mode that git refuses."""
        with TemporaryDirectory() as directory:
            extra = {"GIT_INDEX_FILE": f"{directory}/index"}
            if base is not None:
                self.run("read-tree", base, extra=extra)
            # Removals first: a folder may take the place of a file.
            lines = "".join(entry.line() for entry in sorted(entries, key=lambda entry: entry.sha is not None))
            done = self._execute("update-index", "-z", "--index-info", data=lines.encode(), extra=extra)
            # A path that it does not like makes git complain, but not fail.
            if done.stderr:
                raise GitError(done.stderr.decode(errors="replace"))
            return self.run("write-tree", extra=extra).decode().strip()

    def write_commit(self, commit: Commit) -> str:
        """Store a commit; its id. GitError if it is not well formed."""
        data = commit.text().encode()
        return self.run("hash-object", "-w", "-t", "commit", "--stdin", data=data).decode().strip()

    def move(self, ref: str, new: str, old: str) -> None:
        """Let a ref that has the old value point at the new one; ABSENT for none. GitError if it cannot be."""
        if new == ABSENT:
            self.run("update-ref", "-d", ref, old)
        else:
            self.run("update-ref", ref, new, old)
