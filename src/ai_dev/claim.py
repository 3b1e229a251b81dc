"""Issue -> a claim on it: of the runs for one issue one is at work at a time, and GitHub decides which.

Claims are counted: ``refs/ai-dev/issue-N/1``, ``/2``, … GitHub creates each of them once. Who holds the last one, and
until when, stands in the marker of the status comment; a run that has ended, or must have, holds nothing. A claim costs
one request, which shows too that the token may write.
"""

from __future__ import annotations

import contextlib

from .errors import AiDevError, ServiceError, Status
from .marker import Marker
from .repository import Repository


class Contested(AiDevError):
    """Another run is at work on the issue."""

    status = Status.STOPPED

    def __init__(self, run: str) -> None:
        super().__init__(
            f"{f'The run {run}' if run else 'Another run'} is at work on this issue.",
            cure="Start this one again when that one has ended; with `concurrency` as in the README's example GitHub "
            "does so by itself.",
        )
        self.run = run


def check_free(marker: Marker, run_id: str) -> None:
    """Raise Contested when the run of this marker may still be at work; another attempt of our own run is not."""
    if marker.is_live() and marker.run != run_id:
        raise Contested(marker.run)


def take_claim(repository: Repository, issue: int, last: int, sha: str, *, anew: bool) -> int:
    """Claim the issue by a ref that points to the commit ``sha``; give the claim's number.

    ``last`` is the claim that our comment tells of; ``anew``: claims that it does not tell of are void, for their runs
    are gone. Raises Contested when another run has just taken the issue, ServiceError.
    """
    folder = _folder(issue)
    if anew:
        names = [found.ref.rpartition("/")[2] for found in repository.find_refs(folder)]
        last = max([last, *(int(name) for name in names if name.isdecimal() and len(name) < 7)])
    try:
        repository.create_ref(f"refs/{folder}{last + 1}", sha)
    except ServiceError as e:
        if e.failure.status == 422 and "already exists" in e.failure.detail:
            raise Contested("") from None
        raise
    if last:
        with contextlib.suppress(ServiceError):
            drop_claim(repository, issue, last)
    return last + 1


def drop_claim(repository: Repository, issue: int, number: int) -> None:
    """Delete the ref of a claim. ServiceError 422 when it is gone already."""
    repository.delete_ref(f"{_folder(issue)}{number}")


def _folder(issue: int) -> str:
    return f"ai-dev/issue-{issue}/"
