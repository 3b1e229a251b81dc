"""GitHub's own descriptions: npm packages, pinned by their tarballs' digests, fetched once and kept unpacked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE = 180
"""Seconds that npm may take for one package."""
_OPTIONS = ("--silent", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")


class Unavailable(Exception):
    """The package is not in the cache and cannot be fetched; the text says why."""


@dataclass(frozen=True)
class Package:
    """Some JSON files of one version of an npm package."""

    name: str
    version: str
    digest: str
    """SHA-256 of the tarball."""
    files: tuple[str, ...]
    """The files that are wanted of it, as the tarball names them."""

    def load(self) -> list[Any]:
        """Their contents. Raises Unavailable, or ValueError when the registry's tarball is another one."""
        directory = _cache() / self.digest
        if not directory.exists():
            self._fetch(directory)
        return [json.loads((directory / name).read_bytes()) for name in self.files]

    def _fetch(self, directory: Path) -> None:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent) as made:
            tarball = self._download(Path(made))
            with open(tarball, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != self.digest:
                raise ValueError(f"The tarball of {self.name}@{self.version} has the SHA-256 {digest}.")
            unpacked = Path(made) / "unpacked"
            self._unpack(tarball, unpacked)
            # Another process may have been faster: what it put there is the same.
            if not directory.exists():
                unpacked.rename(directory)

    def _download(self, directory: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("npm is not installed.")
        command = [npm, "pack", f"{self.name}@{self.version}", *_OPTIONS]
        try:
            subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=_PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
            raise Unavailable(f"npm cannot fetch {self.name}@{self.version}: is its registry reachable?") from e
        return next(directory.glob("*.tgz"))

    def _unpack(self, tarball: Path, directory: Path) -> None:
        with tarfile.open(tarball) as archive:
            for name in self.files:
                target = directory / name
                target.parent.mkdir(parents=True, exist_ok=True)
                source = archive.extractfile(name)
                if source is None:
                    raise ValueError(f"{self.name}@{self.version} has no file {name}.")
                with source, open(target, "wb") as file:
                    shutil.copyfileobj(source, file)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-dev-tests"


REST = Package(
    "@octokit/openapi",
    "23.0.2",
    "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c",
    ("package/generated/api.github.com.json",),
)
"""The OpenAPI description of the REST API."""
GRAPHQL = Package(
    "@octokit/graphql-schema",
    "15.26.1",
    "053e74249dafce2118fd9b7ae499b067d57c5f910c57745699ac45108bc68d1e",
    ("package/schema.json",),
)
"""The GraphQL schema, as the API's introspection gives it."""
EVENTS = Package(
    "@octokit/webhooks-examples",
    "7.6.1",
    "89e6cb1c6345d32e3dd775617fa54effbdc26c859e514898d7728e95e9738280",
    tuple(f"package/{name}/index.json" for name in ("api.github.com", *(f"ghes-3{n}" for n in range(1, 6)))),
)
"""Example payloads of the events of github.com and of some versions of GitHub Enterprise Server."""
