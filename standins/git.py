"""Small git repositories for the demo and the tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def make_repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A git repository with one commit of these files on the branch main; the same files give the same ids."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "maintenance.auto",
        "GIT_CONFIG_VALUE_0": "false",
    }
    for command in (
        ["init", "-q", "--template=", "-b", "main"],
        ["add", "-A"],
        [
            "-c",
            "user.name=Octo",
            "-c",
            "user.email=octo@example.com",
            "-c",
            "maintenance.auto=false",
            "commit",
            "-q",
            "-m",
            "Start",
        ],
    ):
        subprocess.run(["git", *command], cwd=folder, env=environ, check=True)
    return folder
