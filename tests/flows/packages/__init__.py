"""Real releases with a real bug, a module of constants each, and the way to their sources: package -> source tree."""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Protocol

_NO_BUILD = Path(__file__).with_name("no_build")
_TIME_LIMIT = 120
"""Seconds that one download may take."""
_SIGNS_OF_NO_REGISTRY = ("connection broken by", "(from versions: none)", "HTTP error", "timed out")
"""What pip says when it reaches no registry, or one that does not know the package."""


class Package(Protocol):
    """What each module here says about one release."""

    @property
    def NAME(self) -> str:  # noqa: N802
        """The distribution's name."""

    @property
    def VERSION(self) -> str:  # noqa: N802
        """The version that has the bug."""

    @property
    def SDIST(self) -> str:  # noqa: N802
        """The file name of its source distribution."""

    @property
    def SHA256(self) -> str:  # noqa: N802
        """The hash of that file, in hexadecimal."""

    @property
    def ISSUE_TITLE(self) -> str:  # noqa: N802
        """The bug in a line, as a user reports it."""

    @property
    def ISSUE_BODY(self) -> str:  # noqa: N802
        """The user's report, in Markdown."""

    @property
    def REPRODUCE(self) -> str:  # noqa: N802
        """A shell command for the source tree's root: it fails as long as the bug is there."""

    @property
    def PATCH(self) -> str:  # noqa: N802
        """The fix and a test for it, in the format of the tool ``apply_patch``."""

    @property
    def TESTS(self) -> str:  # noqa: N802
        """A shell command for the source tree's root: the package's own tests."""

    @property
    def CHANGED(self) -> tuple[str, ...]:  # noqa: N802
        """The files that differ once the patch is applied, sorted."""


class Unreachable(Exception):
    """The release is not in the cache and no registry gives it; the message holds pip's words."""


def fetch(package: Package, directory: Path) -> Path:
    """The root of the package's source tree, unpacked into the directory; none of the package's code is run.

    The file comes from a cache, else from the registry that pip is configured for. Raises Unreachable when neither
    has it, and RuntimeError when the download fails otherwise, as for a file with another hash.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    sdist = caches / "ai-dev-tests" / package.SHA256 / package.SDIST
    if not sdist.exists() or hashlib.sha256(sdist.read_bytes()).hexdigest() != package.SHA256:
        _download(package, sdist)
    with tarfile.open(sdist) as archive:
        # Pythons before 3.11.4 have no filters; there, the hash alone vouches for the members.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(directory)
    return directory / package.SDIST.removesuffix(".tar.gz")


def _download(package: Package, sdist: Path) -> None:
    """Put the release's file there, whole or not at all; pip checks the hash before it opens the file."""
    sdist.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=sdist.parent) as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text(f"{package.NAME}=={package.VERSION} --hash=sha256:{package.SHA256}\n")
        _run_pip("--requirement", str(requirements), "--dest", scratch)
        Path(scratch, package.SDIST).replace(sdist)


def _run_pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--no-binary=:all:"]
    command += ["--use-pep517", "--no-build-isolation", "--no-input", "--retries=1", *arguments]
    try:
        ran = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(_NO_BUILD)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise Unreachable(f"pip did not end within {_TIME_LIMIT} s") from e
    if ran.returncode:
        unreachable = any(sign in ran.stdout for sign in _SIGNS_OF_NO_REGISTRY)
        raise (Unreachable if unreachable else RuntimeError)(f"pip failed:\n{ran.stdout[-4000:]}")
