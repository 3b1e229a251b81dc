"""Claims on an issue: of two runs that claim it at the same time one gets it."""

import threading

import pytest

from ai_dev.background import begin
from ai_dev.claim import Contested, take_claim
from ai_dev.errors import ServiceError
from ai_dev.repository import Repository
from standins.git import make_repository
from standins.github import GitHub

TOKEN = "ghs_" + "t0ken" * 8
REF = "refs/ai-dev/claims/issue-1"


@pytest.fixture
def github(directory):
    """A server with one repository."""
    with GitHub(directory / "github") as server:
        server.add_token(TOKEN)
        server.add_user("octo")
        server.add_repository("octo/demo", source=make_repository(directory / "source", {"a.txt": "1\n"}))
        yield server


def test_two_runs_take_the_claim_of_one_that_is_gone(github):
    """The second of two that waited for a run that is gone waits for the first: it does not fail."""
    git = github.repositories["octo/demo"].git
    main = git("rev-parse", "main").strip()
    git("update-ref", REF, main)
    client = Repository(github.api_url, "octo/demo", TOKEN)
    read = github.fail("GET", "/git/ref/", hold=threading.Event())

    claim = begin(lambda: take_claim(client, 1, "", main, "Run: 2", anew=True))
    assert read.reached.wait(30)
    first = take_claim(Repository(github.api_url, "octo/demo", TOKEN), 1, "", main, "Run: 1", anew=True)
    read.hold.set()

    assert isinstance(claim.exception(30), Contested)
    assert first == git("rev-parse", REF).strip()


def test_claim_that_github_does_not_take(github):
    """A rule of the repository against our refs is told as it is: nobody is waited for."""
    refused = {"message": "Repository rule violations found"}
    github.fail("POST", "/git/refs$", status=422, body=refused, times=None)
    client = Repository(github.api_url, "octo/demo", TOKEN)
    main = github.repositories["octo/demo"].git("rev-parse", "main").strip()

    with pytest.raises(ServiceError, match="rule violations"):
        take_claim(client, 1, "", main, "Run: 1", anew=True)
