"""What envd's file API does, inside a sandbox: a path -> an open file, an entry, a change.

It runs in the sandbox's process 1, so paths and symbolic links mean there what they mean to commands. Every function
raises OSError; the number is what the answer's code is made from.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


def open_to_read(path: Path) -> int:
    """Open a regular file; symbolic links are followed."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EISDIR, f"path '{path}' is a directory or not a regular file")
    return fd


def open_to_write(path: Path) -> int:
    """Open a file to write from its start, with its parents; symbolic links are followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise OSError(errno.EISDIR, f"path is a directory: {path}")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)


def entry(path: Path) -> Entry:
    """What there is at a path, as the protocol's EntryInfo; of a symbolic link: itself, with its target's type."""
    info = path.lstat()
    found: Entry = {
        "name": _text(path.name),
        "path": _text(path),
        "size": str(info.st_size),
        "mode": stat.S_IMODE(info.st_mode),
        "permissions": stat.filemode(info.st_mode),
        "owner": _owner(info.st_uid),
        "group": _owner(info.st_gid),
        "modifiedTime": datetime.fromtimestamp(info.st_mtime, UTC).isoformat().replace("+00:00", "Z"),
    }
    if path.is_dir():
        found["type"] = "FILE_TYPE_DIRECTORY"
    elif path.is_file():
        found["type"] = "FILE_TYPE_FILE"
    if path.is_symlink():
        found |= {"isSymlink": True, "symlinkTarget": _text(path.readlink())}
    return found


def entries(path: Path, depth: int) -> list[Entry]:
    """The entries of a directory, so many levels deep; each before its own entries."""
    if not stat.S_ISDIR(path.stat().st_mode):
        raise OSError(errno.ENOTDIR, f"path is not a directory: {path}")
    return list(_walk(path, max(depth, 1)))


def make_directory(path: Path) -> Entry:
    """Make a directory with its parents; FileExistsError if it is there already."""
    if path.is_dir():
        raise OSError(errno.EEXIST, f"directory already exists: {path}")
    if path.exists():
        raise OSError(errno.ENOTDIR, f"path already exists but it is not a directory: {path}")
    path.mkdir(parents=True)
    return entry(path)


def move(source: Path, destination: Path) -> Entry:
    """Rename, with the parents that the destination needs."""
    source.lstat()
    destination.parent.mkdir(parents=True, exist_ok=True)
    return entry(source.rename(destination))


def remove(path: Path) -> None:
    """Remove a file or a whole directory; what is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _walk(path: Path, depth: int) -> Iterator[Entry]:
    for inner in sorted(path.iterdir()):
        yield entry(inner)
        if depth > 1 and inner.is_dir() and not inner.is_symlink():
            yield from _walk(inner, depth - 1)


def _owner(number: int) -> str:
    return "user" if number in {os.getuid(), os.getgid()} else "root"


def _text(path: str | Path) -> str:
    """A file name as JSON can carry it: bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode(errors="replace")
