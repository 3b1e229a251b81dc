"""A process -> process 1 of namespaces of its own, in which the sandbox's directory is /home/user and /tmp.

Nothing here needs privileges: a user namespace maps whoever runs the stand-in to uid 1000, so files made by a command
and files made from outside have one owner. Linux only, when it is called.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Collection
from pathlib import Path

USER_ID = 1000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_NEW_MOUNTS, _NEW_USERS, _NEW_PIDS, _NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _HERE, _WHOLE_TREE, _READ_ONLY = 442, -100, 0x8000, 1
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_SET_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def enter(directory: Path, hidden: Collection[str]) -> None:
    """Return in a new process, the first of its namespaces; the caller's own stays behind and only ends it.

    The rest of the machine is visible but read-only. ``hidden`` are commands that must not exist in there. OSError
    where the kernel refuses.
    """
    uid, gid = os.geteuid(), os.getegid()
    _unshare(_NEW_USERS | _NEW_MOUNTS | _NEW_PIDS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER_ID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{USER_ID} {gid} 1")
    awaited = {signal.SIGTERM, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    if first := os.fork():
        _close_all_files()
        signal.sigwait(awaited)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)  # returns when every process of the namespace is gone
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _mount_all(directory, hidden)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, as process 1 of a namespace is."""
    with contextlib.suppress(AttributeError, OSError):
        _check(_libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0))


def closed_network() -> int:
    """A file descriptor of a new network namespace with nothing but its own loopback."""
    ours, theirs = socket.socketpair()
    if child := os.fork():
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        os.waitpid(child, 0)
        ours.close()
        if not fds:
            raise OSError("no network namespace")
        os.set_inheritable(fds[0], False)
        return fds[0]
    try:
        _unshare(_NEW_NETWORK)
        _loopback_up()
        socket.send_fds(theirs, [b"n"], [os.open("/proc/self/ns/net", os.O_RDONLY)])
    finally:
        os._exit(0)


def join_network(fd: int) -> None:
    """Move this process into a network namespace."""
    _check(_libc.setns(fd, _NEW_NETWORK))


def _mount_all(directory: Path, hidden: Collection[str]) -> None:
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    writable = {"/home/user": "home/user", "/tmp": "tmp", "/etc/hosts": "hosts"}
    places = {**writable, "/etc/passwd": "passwd", "/etc/group": "group"}
    # This machine's, with its ways to credentials and whatever its logins do.
    places |= {f"/etc/{name}": name for name in ("gitconfig", "profile") if Path(f"/etc/{name}").is_file()}
    # Held open, for the paths that lead to them are about to be covered.
    sources = {target: f"/proc/self/fd/{os.open(directory / name, os.O_PATH)}" for target, name in places.items()}
    _set_attributes("/", set_=_READ_ONLY, flags=_WHOLE_TREE)
    _hide(hidden)
    _mount("tmpfs", "/home", "tmpfs", _NOSUID | _NODEV, "mode=755")
    Path("/home/user").mkdir()
    for target, source in sources.items():
        _mount(source, target, "", _BIND)
    for target in writable:
        _set_attributes(target, clear=_READ_ONLY)
    for private in ("/dev/shm", "/root"):
        if Path(private).is_dir():
            _mount("tmpfs", private, "tmpfs", _NOSUID | _NODEV)
    with contextlib.suppress(OSError):  # refused inside some containers, where the outer /proc serves well enough
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    os.chdir("/")


def _hide(commands: Collection[str]) -> None:
    """Take the commands out of PATH: an overlay over each directory that has one, without it."""
    for directory in {Path(d).resolve() for d in PATH.split(":")}:
        found = [directory / c for c in commands if (directory / c).exists()]
        if not found:
            continue
        # The overlay keeps this file system; the bind that comes over /tmp covers it.
        _mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755")
        upper, work = Path("/tmp/upper"), Path("/tmp/work")
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={directory},upperdir={upper},workdir={work},userxattr"
        _mount("overlay", str(directory), "overlay", 0, options)
        for command in found:
            command.unlink()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(s, _GET_FLAGS, request))
        fcntl.ioctl(s, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def _close_all_files() -> None:
    """Leave the process that stays behind without a share in the control socket, whose end it must not delay."""
    os.closerange(3, 256)


def _unshare(flags: int) -> None:
    _check(_libc.unshare(flags))


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()))


def _set_attributes(target: str, *, set_: int = 0, clear: int = 0, flags: int = 0) -> None:
    attributes = struct.pack("QQQQ", set_, clear, 0, 0)
    number = ctypes.c_long(_MOUNT_SETATTR)
    _check(_libc.syscall(number, _HERE, target.encode(), flags, attributes, ctypes.c_size_t(len(attributes))))


def _check(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
