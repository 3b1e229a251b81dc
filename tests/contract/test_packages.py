"""The packages are fetched once, as what they are pinned to, and their lack is told apart from a fault."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from .packages import Package, Unavailable


@pytest.fixture
def tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the only npm there is hands out; the cache is empty."""
    programs = tmp_path / "bin"
    programs.mkdir()
    tarball = tmp_path / "made.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        data = b'{"answer": 42}'
        member = tarfile.TarInfo("package/a.json")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    (programs / "npm").write_text(f'#!/bin/sh\n[ "$1 $2" = "pack a@1" ] && exec {shutil.which("cp")} {tarball} .\n')
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tarball


def pinned(tarball: Path) -> Package:
    """The package in the tarball."""
    return Package("a", "1", hashlib.sha256(tarball.read_bytes()).hexdigest(), ("package/a.json",))


def test_a_package_is_fetched_once(tarball: Path) -> None:
    """What is in the cache needs no npm."""
    package = pinned(tarball)
    assert package.load() == [{"answer": 42}]
    tarball.unlink()
    assert package.load() == [{"answer": 42}]


def test_another_tarball_is_an_error(tarball: Path) -> None:
    """A tarball that is not the pinned one is neither read nor kept, on no machine."""
    package = Package("a", "1", "0" * 64, ("package/a.json",))
    for _ in range(2):
        with pytest.raises(ValueError, match=pinned(tarball).digest):
            package.load()


def test_what_cannot_be_fetched_is_unavailable(tarball: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that does not answer, and no npm at all."""
    package = pinned(tarball)
    tarball.unlink()
    with pytest.raises(Unavailable, match="cannot fetch a@1"):
        package.load()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="not installed"):
        package.load()
