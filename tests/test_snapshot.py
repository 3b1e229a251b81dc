"""The base commit as a pack, fetched from a git server that may not be well."""

import os
import subprocess
import sys

import pytest

from ai_dev.errors import AiDevError, ServiceError
from ai_dev.snapshot import Snapshot, Start
from standins.git import make_repository
from standins.github import GitHub

TOKEN = "ghs_token"


@pytest.fixture
def github(directory):
    """A server with one repository of three commits, two branches and two tags."""
    source = make_repository(directory / "source", {"a.txt": "1\n", "lib/b.txt": "b\n"})
    identity = ["-c", "user.name=O", "-c", "user.email=o@example.com"]
    for command in (
        ["commit", "-q", "--allow-empty", "-m", "Two"],
        ["branch", "ai-dev/issue-1"],
        ["tag", "light"],
        ["commit", "-q", "--allow-empty", "-m", "Three"],
        ["tag", "-a", "heavy", "-m", "Annotated"],
    ):
        subprocess.run(["git", *identity, *command], cwd=source, check=True)
    with GitHub(directory / "github") as server:
        server.add_token(TOKEN)
        server.add_user("octo")
        server.add_repository("octo/demo", source=source, private=True)
        yield server


def choose(branches):
    """Work on main, or on our branch where it is listed."""
    return Start("main", branches["main"], "ai-dev/issue-1", branches.get("ai-dev/issue-1"))


def fetch(server, directory, *, depth=1, token=TOKEN, name="octo/demo", prefixes=("main",), choose=choose):
    """Fetch into a file of the directory."""
    pack = directory / "base.pack"
    return Snapshot.fetch((server.server_url, name), token, prefixes=prefixes, choose=choose, depth=depth, pack=pack)


def unpack(snapshot, directory):
    """A git repository that holds the pack; gives a function that runs git in it."""
    folder = directory / "unpacked"

    def git(*command, stdin=None):
        done = subprocess.run(["git", *command], cwd=folder, stdin=stdin, capture_output=True, check=True, text=True)
        return done.stdout.split()

    folder.mkdir()
    git("init", "-q")
    with snapshot.pack.open("rb") as file:
        git("index-pack", "--stdin", stdin=file)
    (folder / ".git/shallow").write_text("".join(f"{sha}\n" for sha in snapshot.shallow))
    return git


@pytest.mark.parametrize(("depth", "commits"), [(1, 1), (2, 2), (3, 3), (50, 3), (0, 3)])
def test_depth(github, directory, depth, commits):
    """The pack holds as many commits as were asked for, complete, and says where it ends."""
    snapshot = fetch(github, directory, depth=depth)

    git = unpack(snapshot, directory)
    assert commits == len(git("rev-list", snapshot.start.sha))
    git("fsck", "--strict", snapshot.start.sha)


def test_base_and_our_branch(github, directory):
    """On a second run the base and our branch come in the same pack, and only the refs that were asked for are seen."""
    seen = {}

    def look(branches):
        seen.update(branches)
        return choose(branches)

    snapshot = fetch(github, directory, prefixes=("main", "ai-dev"), choose=look)

    tip = github.repositories["octo/demo"].git("rev-parse", "ai-dev/issue-1").strip()
    assert {"main", "ai-dev/issue-1"} == set(seen)
    assert tip == snapshot.start.branch_sha == snapshot.start.sha
    git = unpack(snapshot, directory)
    assert [["commit"], ["commit"]] == [git("cat-file", "-t", sha) for sha in (snapshot.start.base_sha, tip)]


def test_tags_come_with_the_whole_history(github, directory):
    """Tags are fetched with the whole history, annotated ones as objects, and not otherwise."""
    assert {} == fetch(github, directory).tags

    snapshot = fetch(github, directory, depth=0)

    git = unpack(snapshot, directory)
    assert {"light": ["commit"], "heavy": ["tag"]} == {
        n: git("cat-file", "-t", sha) for n, sha in snapshot.tags.items()
    }


def test_token_goes_to_git_only_as_a_header(github, directory):
    """The token travels in the authorization header and is in no address."""
    fetch(github, directory)

    headers = [{name.lower(): value for name, value in sent.headers.items()} for sent in github.journal]
    assert {"Basic"} == {header["authorization"].split()[0] for header in headers if "authorization" in header}
    assert TOKEN not in str([(sent.path, sent.query, bytes(sent.body)) for sent in github.journal])


@pytest.mark.parametrize(
    ("options", "status", "cure"),
    [
        ({"token": "ghs_wrong"}, 401, "github-token"),
        ({"name": "octo/gone"}, 404, "that the repository"),
    ],
    ids=["wrong token", "no such repository"],
)
def test_refusals(github, directory, options, status, cure):
    """A wrong token and a missing repository are told apart, with what to do."""
    with pytest.raises(ServiceError) as raised:
        fetch(github, directory, **options)

    assert status == raised.value.failure.status
    assert cure in raised.value.cure


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/info/refs", "status": 502, "body": "<html>Bad gateway</html>"},
        {"path": "/info/refs", "status": 403, "body": "Forbidden"},
        {"path": "/info/refs", "status": 200, "body": "<html>Hello</html>"},
        {"path": "/info/refs", "drop": True},
        {"path": "/info/refs", "cut": 20},
        {"path": "/git-upload-pack", "status": 500},
        {"path": "/git-upload-pack", "status": 200, "body": "0000"},
        {"path": "/git-upload-pack", "status": 200, "body": "zzzzgarbage"},
        {"path": "/git-upload-pack", "status": 200, "body": "0009ERR x"},
        {"path": "/git-upload-pack", "cut": 30},
        {"path": "/git-upload-pack", "skip": 1, "cut": 0},
        {"path": "/git-upload-pack", "skip": 1, "cut": 20},
        {"path": "/git-upload-pack", "skip": 1, "cut": 120},
        {"path": "/git-upload-pack", "skip": 1, "status": 200, "body": "0000"},
        {"path": "/git-upload-pack", "skip": 1, "status": 200, "body": "not a packet"},
        {"path": "/git-upload-pack", "skip": 1, "drop": True},
    ],
    ids=lambda fault: " ".join(f"{key}={value}" for key, value in fault.items()),
)
def test_faults_of_the_server(github, directory, fault):
    """Whatever the server does wrong is a failure of GitHub's that a person can read."""
    github.fail("", times=None, **fault)

    with pytest.raises(ServiceError) as raised:
        fetch(github, directory)

    assert "GitHub could not send the repository's files" in raised.value.what
    assert TOKEN not in str(raised.value)


def test_what_choose_raises_comes_out(github, directory):
    """A refusal of what the server lists ends the fetch as it is."""

    def refuse(branches):
        raise AiDevError(f"no {len(branches)}")

    with pytest.raises(AiDevError, match="no 0"):
        fetch(github, directory, prefixes=("nothing",), choose=refuse)


MEASURE = """
import resource, sys
from pathlib import Path
from ai_dev.snapshot import Snapshot, Start
for branch in ("main", "large"):
    Snapshot.fetch((sys.argv[1], "octo/demo"), sys.argv[2], prefixes=(branch,), depth=1, pack=Path(sys.argv[3]),
                   choose=lambda branches: Start(branch, branches[branch], "x", None))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_large_pack_streams(github, directory):
    """A pack of 32 MB goes to the disk as it comes: the process does not grow by it."""
    github.repositories["octo/demo"].push("large", {"big.bin": os.urandom(32 << 20)}, message="Grow")

    pack = directory / "large.pack"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, github.server_url, TOKEN, str(pack)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )

    small, large = map(int, done.stdout.split())
    assert 32 << 20 <= pack.stat().st_size
    assert 12_000 > large - small, "KiB"


@pytest.mark.parametrize("limit", ["_Client.limit", "_PACK_LIMIT"])
def test_answers_are_bounded(github, directory, monkeypatch, limit):
    """More refs, or a larger pack, than any repository has are not read to their end."""
    monkeypatch.setattr(f"ai_dev.snapshot.{limit}", 50)

    with pytest.raises(ServiceError, match="more than any repository has"):
        fetch(github, directory)
