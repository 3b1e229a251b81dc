"""Issue -> a claim on it: of the runs for one issue one is at work at a time, and GitHub decides which.

A claim is the commit that ``refs/ai-dev/claims/issue-N`` names (in short it is called as no branch is). GitHub creates
the ref once, and moves it only from one claim to the next, which is a commit on top: of two runs that claim at the same
time one gets an error. Who holds the last claim, and until when, stands in the marker of the status comment; a run that
has ended, or must have, holds nothing. The first claim costs one request, which shows too that the token may write.
"""

from __future__ import annotations

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


def take_claim(repository: Repository, issue: int, last: str, sha: str, trailer: str, *, anew: bool) -> str:
    """Claim the issue; give the claim.

    ``last`` is the claim that our comment tells of, ``sha`` the commit that a first one is, ``trailer`` the end of the
    message of any other; ``anew``: a claim that our comment does not tell of is void, for its run is gone. Raises
    Contested when another run has just taken the issue, ServiceError.
    """
    name = f"ai-dev/claims/issue-{issue}"
    if anew:
        last = _read(repository, name)
    try:
        if not last:
            repository.create_ref(f"refs/{name}", sha)
            return sha
        tree = repository.read_commit(last).commit.tree.sha
        claim = repository.create_commit(f"Work on #{issue}\n\n{trailer}", tree, last).sha
        repository.move_ref(name, claim)
    except ServiceError as e:
        if e.failure.status in (404, 422) and (not anew or _read(repository, name) != last):
            raise Contested("") from None
        raise
    return claim


def _read(repository: Repository, name: str) -> str:
    """The claim that there is; empty where there is none."""
    found = repository.read_ref(name)
    return found.object.sha if found else ""
