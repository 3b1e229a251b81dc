"""Refs and a base commit -> a pack on disk. The only module that imports dulwich."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import urllib3
from dulwich.client import HttpGitClient, HTTPUnauthorized
from dulwich.config import ConfigFile
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.refs import Ref

from .errors import MALFORMED, Failure, Service, ServiceError, connection_code

_DOING = "send the repository's files (git)"
_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_ID = re.compile(rb"[0-9a-f]{40}")
_TIMEOUT = 60
_TRIES = urllib3.Retry(3, redirect=False, respect_retry_after_header=False)
"""For a connection that fails. A redirect is taken as the answer: it may lead anywhere. Nor is a long wait taken."""
_REFS_LIMIT = 16 << 20
"""Bytes of the server's listing of refs: some 200,000 of them."""
_PACK_LIMIT = 4 << 30
"""Bytes of the server's answer with the pack."""


@dataclass(frozen=True)
class Start:
    """Where the work starts: the pinned base commit, and our branch where an earlier run left one."""

    base: str
    """The name of the base branch."""
    base_sha: str
    branch: str
    """The name of the branch to work on."""
    branch_sha: str | None
    """The tip of that branch; None when it is yet to be created."""

    spare: tuple[str, ...] = ()
    """Names for the branch, should somebody else take this one meanwhile."""

    @property
    def sha(self) -> str:
        """The commit to check out."""
        return self.branch_sha or self.base_sha


@dataclass(frozen=True)
class Snapshot:
    """A pack that holds the commits of ``start``."""

    start: Start
    pack: Path
    shallow: tuple[str, ...]
    """Commits whose parents are not in the pack."""
    tags: dict[str, str]
    """Ids of the tags by name, when the whole history was asked for."""

    @classmethod
    def fetch(
        cls,
        address: tuple[str, str],
        token: str,
        *,
        prefixes: tuple[str, ...],
        choose: Callable[[dict[str, str]], Start],
        depth: int,
        pack: Path,
        certificates: str | None = None,
    ) -> Self:
        """Fetch what ``choose`` picks among the branches whose names have these prefixes (name -> id) into ``pack``.

        ``address`` is the server's URL and the repository's OWNER/NAME; ``depth`` counts commits, 0 is all of them
        and the tags. The pack streams to the file. Raises ServiceError, and what ``choose`` raises.
        """
        server, full_name = address
        whole = depth == 0
        client = _Client(
            server,
            username="x-access-token",
            password=token,
            timeout=_TIMEOUT,
            thin_packs=False,
            include_tags=whole,
            config=_config(certificates),
        )
        client.pool_manager.connection_pool_kw["retries"] = _TRIES
        chosen: list[Start] = []
        tags: dict[str, str] = {}

        def wants(refs: dict[Ref, bytes], **_: object) -> list[bytes]:
            tags.update(_named(refs, _TAGS) if whole else {})
            start = choose(_named(refs, _HEADS))
            chosen.append(start)
            client.limit = _PACK_LIMIT
            return [sha.encode() for sha in dict.fromkeys((start.base_sha, start.sha, *tags.values()))]

        asked = [(_HEADS + prefix).encode() for prefix in prefixes] + ([_TAGS.encode()] if whole else [])
        with _faults(), contextlib.closing(client), pack.open("wb") as file:
            result = client.fetch_pack(
                f"{full_name}.git",
                wants,  # type: ignore[arg-type]
                _NoHistory(),
                file.write,
                depth=depth or None,
                ref_prefix=asked,
                protocol_version=2,
            )
        shallow = sorted(sha.decode() for sha in result.new_shallow or () if _ID.fullmatch(sha))
        return cls(chosen[0], pack, tuple(shallow), tags)


def _config(certificates: str | None) -> ConfigFile:
    config = ConfigFile()
    if certificates:
        config.set((b"http",), b"sslCAInfo", certificates.encode())
    return config


def _named(refs: dict[Ref, bytes], prefix: str) -> dict[str, str]:
    """The refs below ``prefix`` as names without it; left out are peeled tags, and what is no name or no id."""
    named: dict[str, str] = {}
    for ref, sha in refs.items():
        with contextlib.suppress(UnicodeDecodeError):
            name = ref.decode()
            if name.startswith(prefix) and not name.endswith("^{}") and _ID.fullmatch(sha):
                named[name.removeprefix(prefix)] = sha.decode()
    return named


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except ServiceError:
        raise
    except HTTPUnauthorized:
        raise ServiceError(Failure(Service.GITHUB, _DOING, "The token was not accepted.", status=401)) from None
    except NotGitRepository:
        raise ServiceError(Failure(Service.GITHUB, _DOING, "The repository was not found.", status=404)) from None
    except (
        GitProtocolError,
        HangupException,
        urllib3.exceptions.HTTPError,
        OSError,
        AssertionError,
        LookupError,
        ValueError,
    ) as e:
        detail = f"{type(e).__name__}: {e}"[:300]
        told = re.search(r"\bhttp resp ([0-9]{3})\b", str(e))
        status = int(told[1]) if told else None
        raise ServiceError(Failure(Service.GITHUB, _DOING, detail, status=status, code=connection_code(e))) from None


class _Client(HttpGitClient):
    """A client that reads at most ``limit`` bytes more."""

    limit = _REFS_LIMIT

    def close(self) -> None:
        """End its connections."""
        self.pool_manager.clear()

    def _http_request(self, *args: Any, **kwargs: Any) -> tuple[Any, Callable[[int], bytes]]:
        response, read = super()._http_request(*args, **kwargs)

        def read_bounded(size: int = -1) -> bytes:
            data = read(min(size, self.limit + 1) if size >= 0 else self.limit + 1)
            self.limit -= len(data)
            if self.limit < 0:
                raise ServiceError(
                    Failure(Service.GITHUB, _DOING, "It sends more than any repository has.", code=MALFORMED)
                )
            return data

        return response, read_bounded


class _NoHistory:
    """The walker of a client that has no commit yet."""

    shallow: frozenset[bytes] = frozenset()

    def __next__(self) -> None:
        return None

    def __iter__(self) -> Iterator[None]:
        return iter(())

    def ack(self, sha: bytes) -> None:
        """There is nothing that both sides could have."""

    def nak(self) -> None:
        """There is nothing that both sides could have."""

    def update_shallow(self, new_shallow: set[bytes], new_unshallow: set[bytes]) -> None:
        """The result carries it."""
