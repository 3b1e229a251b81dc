"""Real sandboxes of the E2B stand-in with a repository in them, and a git to compare with."""

from __future__ import annotations

import os
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path

from ai_dev.network import Network
from ai_dev.objects import hash_object
from ai_dev.settings import SECRETS, Settings, input_name
from ai_dev.snapshot import Snapshot, Start
from ai_dev.workspace import Workspace
from standins.e2b import E2B
from standins.stage import E2B_KEY

LINK = "120000"
Files = Mapping[str, bytes | tuple[bytes, str]]
"""Contents, or contents and mode, by path."""


class Git:
    """A repository on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
        """What git prints."""
        environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        names = {
            "GIT_AUTHOR_NAME": "o",
            "GIT_AUTHOR_EMAIL": "o@o",
            "GIT_COMMITTER_NAME": "o",
            "GIT_COMMITTER_EMAIL": "o@o",
        }
        done = subprocess.run(
            ["git", "-c", "core.looseCompression=0", *arguments],
            cwd=self.folder, env=environ | names, input=stdin, capture_output=True, check=False,
        )  # fmt: skip
        assert not check or not done.returncode, done.stderr.decode()
        return done.stdout

    def stage(self, files: Files) -> str:
        """Make the index these files, whatever attributes say; give the id of their tree."""
        self("read-tree", "--empty")
        lines = []
        for path, content in files.items():
            data, mode = content if isinstance(content, tuple) else (content, "100644")
            sha = self._store(data)
            lines.append(f"{mode} {sha}\t{path}\0".encode("utf-8", "surrogateescape"))
        self("update-index", "-z", "--index-info", stdin=b"".join(lines))
        return self("write-tree").decode().strip()

    def _store(self, data: bytes) -> str:
        """Make a blob; a process for each would take most of a test's time."""
        sha = hash_object("blob", data)
        file = self.folder / ".git" / "objects" / sha[:2] / sha[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(b"blob %d\0%b" % (len(data), data), 1))
        return sha

    def pack(self, files: Files) -> Snapshot:
        """A snapshot of a commit of these files on main."""
        commit = self("commit-tree", "-m", "Start", self.stage(files)).decode().strip()
        pack = self.folder / ".git" / "base.pack"
        pack.write_bytes(self("pack-objects", "-q", "--stdout", "--revs", stdin=commit.encode()))
        return Snapshot(Start("main", commit, "ai-dev/issue-1", None), pack, (), {})


def open_workspace(service: E2B, snapshot: Snapshot) -> tuple[Workspace, str]:
    """A fresh sandbox with the repository in it, and the id of its tree."""
    environ = dict.fromkeys(map(input_name, SECRETS), E2B_KEY)
    addresses = dict.fromkeys(map(input_name, ("e2b_api_url", "e2b_sandbox_url")), service.url)
    workspace = Workspace.create(Settings.load({**environ, **addresses}), Network(open=True), {}, 60, lambda _: None)
    return workspace, workspace.load(snapshot).tree
