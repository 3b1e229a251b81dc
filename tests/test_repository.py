"""What we ask of GitHub's API when its answers are lost, late, refused or no answers at all."""

import gzip
import time

import pytest

from ai_dev.errors import ServiceError
from ai_dev.repository import Repository
from standins.git import make_repository
from standins.github import GitHub

TOKEN = "ghs_token"
NOW = {"Retry-After": "0"}
LIMITED = {"message": "You have exceeded a secondary rate limit."}


@pytest.fixture
def github(directory):
    """A server with one repository, one issue and one branch of ours."""
    source = make_repository(directory / "source", {"a.txt": "1\n"})
    with GitHub(directory / "github") as server:
        server.add_token(TOKEN)
        server.add_user("octo")
        server.add_repository("octo/demo", source=source).add_issue("Bug", "It is.", user="octo")
        there(server).push("ours", {"b.txt": b"2\n"}, message="Two")
        yield server
        assert [] == server.problems


def there(server):
    """The repository as the server has it."""
    return server.repositories["octo/demo"]


@pytest.fixture
def repository(github):
    """The repository as we see it."""
    return Repository(github.api_url, "octo/demo", TOKEN)


def failure(ask, *args, **kwargs):
    """What a request comes to that must fail."""
    with pytest.raises(ServiceError) as raised:
        ask(*args, **kwargs)
    return raised.value


CREATIONS = {
    "comment": (
        "/issues/1/comments",
        lambda r, _: r.post_comment(1, "text <!-- mark -->", "<!-- mark -->").id,
        lambda t: [comment.id for comment in t.issues[1].comments],
    ),
    "branch": (
        "/git/refs",
        lambda r, sha: r.create_branch("new", sha),
        lambda t: t.git("for-each-ref", "--format=x", "refs/heads/new").split(),
    ),
    "pull request": (
        "/pulls",
        lambda r, _: r.create_pull("ours", "main", "T", "B", draft=True).number,
        lambda t: list(t.pulls),
    ),
}
LOST = {
    "dropped before": {"drop": True},
    "dropped after": {"drop": True, "after": True},
    "503 before": {"status": 503, "body": "<html>", "headers": NOW},
    "503 after": {"status": 503, "body": "<html>", "headers": NOW, "after": True},
    "limited": {"status": 403, "body": LIMITED, "headers": NOW},
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("creation", CREATIONS.values(), ids=CREATIONS)
def test_lost_answers_make_no_duplicates(github, repository, creation, lost):
    """Whether or not a creation took effect before its answer was lost, in the end there is one."""
    path, create, find = creation
    github.fail("POST", f"{path}$", **lost)

    made = create(repository, there(github).git("rev-parse", "main").strip())

    assert 1 == len(find(there(github)))
    assert made in (None, *find(there(github)))


def test_edits_are_repeated(github, repository):
    """Edits, moves and deletions whose answer was lost are simply done again."""
    state = there(github)
    comment = repository.post_comment(1, "one", "one").id
    for method in ("PATCH", "PATCH", "DELETE"):
        github.fail(method, "", status=503, headers=NOW, after=True)

    repository.edit_comment(comment, "two")
    assert "two" == state.issues[1].comments[0].body
    repository.move_ref("heads/main", state.git("rev-parse", "ours").strip())
    assert state.git("rev-parse", "ours") == state.git("rev-parse", "main")
    repository.delete_comment(comment)
    assert [] == state.issues[1].comments


def test_a_branch_that_exists_is_not_ours(github, repository):
    """A branch that is there with another commit is a 422, also when the answer was lost first."""
    sha = there(github).git("rev-parse", "main").strip()
    assert 422 == failure(repository.create_branch, "ours", sha).failure.status

    github.fail("POST", "/git/refs$", status=503, headers=NOW)
    assert 422 == failure(repository.create_branch, "ours", sha).failure.status


def test_never_forced(github, repository):
    """A branch that somebody else has moved is not moved back."""
    error = failure(repository.move_ref, "heads/ours", there(github).git("rev-parse", "main").strip())

    assert 422 == error.failure.status
    assert "fast forward" in error.why.lower()


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"status": 429, "headers": {"Retry-After": "300"}}, 300),
        ({"status": 403, "body": LIMITED, "headers": {"Retry-After": "121"}}, 121),
        ({"status": 403, "body": {"message": "API rate limit exceeded for installation ID 1."}}, 3600),
    ],
    ids=["429", "secondary limit", "primary limit"],
)
def test_long_waits_end_at_once(github, repository, fault, wait):
    """When GitHub asks for more patience than we have, the run ends at once and says so."""
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    github.fail("GET", "/issues/1$", **fault | {"headers": fault.get("headers") or reset})

    error = failure(repository.read_issue, 1)

    assert wait == pytest.approx(error.failure.wait, abs=5)
    assert "start the run again" in error.cure
    assert 1 == len(github.requests("GET", "/issues/1$"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"Retry-After": "-5"},
        {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
    ],
    ids=str,
)
def test_short_waits_are_waited(github, repository, headers):
    """Whatever form the wait has, a limit that passes is waited for, and the answer comes."""
    github.fail("GET", "/issues/1$", status=403, body=LIMITED, headers=headers)

    assert "Bug" == repository.read_issue(1).title
    assert 2 == len(github.requests("GET", "/issues/1$"))


@pytest.mark.parametrize(
    ("permissions", "ask", "needed"),
    [
        ({"contents": "read"}, lambda r: r.check_writable(), "contents=write"),
        ({"issues": "read", "pull_requests": "read"}, lambda r: r.post_comment(1, "x", "x"), "issues=write"),
        ({"issues": "read", "pull_requests": "read"}, lambda r: r.react(1), "issues=write"),
        (
            {"pull_requests": "read"},
            lambda r: r.create_pull("ours", "main", "T", "B", draft=False),
            "pull-requests=write",
        ),
    ],
    ids=["contents", "comment", "reaction", "pull request"],
)
def test_needed_permission_is_named(github, permissions, ask, needed):
    """A token that may not do something is told which permission it needs, and how to give it."""
    all_permissions = {"contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
    github.add_token("ghs_weak", permissions=all_permissions | permissions)

    error = failure(ask, Repository(github.api_url, "octo/demo", "ghs_weak"))

    assert (403, "") == (error.failure.status, error.failure.code)
    assert f"needed: {needed}" in error.why
    assert "permissions: contents: write" in error.cure


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda r: r.read_issue(99), 404),
        (lambda r: r.read_permission("nobody"), 404),
        (lambda r: r.create_pull("gone", "main", "T", "B", draft=False), 422),
        (lambda r: r.create_pull("main", "main", "T", "B", draft=False), 422),
        (lambda r: r.create_branch("a..b", "0" * 40), 422),
        (lambda r: r.post_comment(1, "x" * 65_537, "x"), 422),
    ],
)
def test_refusals_are_asked_once(github, repository, ask, status):
    """What GitHub refuses is not asked again, and its words reach the user."""
    error = failure(ask, repository)

    assert status == error.failure.status
    assert len(error.why) > 3
    assert 1 == len(github.journal)


def test_wrong_token(github):
    """A token that is not valid is told as such, and is not shown."""
    error = failure(Repository(github.api_url, "octo/demo", "ghs_wrong").read_about)

    assert (401, "Bad credentials") == (error.failure.status, error.why)
    assert "github-token" in error.cure
    assert "ghs_wrong" not in str(error)


GARBAGE = {
    "HTML": "<html>Log in</html>",
    "nothing": "",
    "half": '{"id": 1, "na',
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "a string": '"text"',
    "empty": "{}",
    "nulls": '{"id": null, "number": null, "user": null, "sha": null, "object": null, "data": null, "permission": null}',
    "wrong types": '{"id": {}, "number": [], "user": 5, "sha": 7, "object": 1, "data": 1, "permission": 1, "default_branch": 1}',
    "a list of odd things": "[1, null, {}]",
    "deep": "[" * 100_000,
}
ASKS = {
    "read_about": lambda r: r.read_about(),
    "read_permission": lambda r: r.read_permission("octo"),
    "read_viewer": lambda r: r.read_viewer(),
    "read_issue": lambda r: r.read_issue(1),
    "react": lambda r: r.react(1),
    "post_comment": lambda r: r.post_comment(1, "x", "x"),
    "edit_comment": lambda r: r.edit_comment(1, "x"),
    "create_blob": lambda r: r.create_blob(""),
    "create_tree": lambda r: r.create_tree("0" * 40, []),
    "create_commit": lambda r: r.create_commit("x", "0" * 40, "0" * 40),
    "create_branch": lambda r: r.create_branch("x", "0" * 40),
    "move_ref": lambda r: r.move_ref("heads/x", "0" * 40),
    "create_pull": lambda r: r.create_pull("x", "main", "T", "B", draft=False),
    "update_pull": lambda r: r.update_pull(1, "T", "B"),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_garbage_is_no_answer(github, repository, ask):
    """An answer that is none, with a status that says that all is well, is never taken for success."""
    for name, body in GARBAGE.items():
        github.fail("", "", status=200, body=body)
        error = failure(ask, repository)
        assert "malformed" == error.failure.code, name


@pytest.mark.parametrize("ask", [lambda r: r.read_comments(1), lambda r: r.find_pulls("x")], ids=["comments", "pulls"])
def test_garbage_is_no_list(github, repository, ask):
    """A listing that is none is never taken for an empty one."""
    for name, body in GARBAGE.items():
        if name != "a list":
            github.fail("", "", status=200, body=body)
            assert "malformed" == failure(ask, repository).failure.code, name


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "null",
        '{"message": null}',
        '{"message": {"a": 1}, "errors": 5}',
        '{"errors": [null, 5, {"message": "why"}, "so"]}',
        '{"message": "\\ud800\\u0000", "errors": {"a": 1}}',
        '{"message": "' + "x" * 100_000 + '"}',
        "[" * 100_000,
    ],
    ids=lambda body: body[:30],
)
def test_errors_of_every_form(github, repository, body):
    """However a refusal is worded, it is one, and what is shown of it is short."""
    github.fail("", "", status=422, body=body)

    error = failure(repository.read_about)

    assert 422 == error.failure.status or "malformed" == error.failure.code
    assert 1000 >= len(error.why)


def test_discussions_of_many_pages(github, repository):
    """All comments of a long discussion are read, in their order."""
    for i in range(205):
        there(github).add_comment(1, f"comment {i}", user="octo")

    assert [f"comment {i}" for i in range(205)] == [comment.body for comment in repository.read_comments(1)]
    assert 3 == len(github.requests("GET", "/comments"))


def test_discussions_are_read_to_a_limit(github, repository):
    """Of a long discussion the first hundred comments and the newest are read, ten pages in all."""
    there(github).issues[1].comments.clear()
    for number in range(1205):
        there(github).add_comment(1, str(number), user="octo")
    github.journal.clear()

    said = [int(comment.body) for comment in repository.read_comments(1)]

    assert [*range(100), *range(400, 1205)] == said
    assert 10 == len([sent for sent in github.journal if sent.path.endswith("/comments")])


def test_branch_names_are_quoted(github, repository):
    """Branches of any name are created, moved and looked for as what they are."""
    sha = there(github).git("rev-parse", "main").strip()
    name = "ai-dev/größe#1&x=%2e+y"
    github.fail("POST", "/git/refs$", drop=True, after=True)

    repository.create_branch(name, sha)
    repository.move_ref(f"heads/{name}", sha)

    assert sha == there(github).git("rev-parse", f"refs/heads/{name}").strip()
    assert [] == repository.find_pulls(name)


def comments(**answer):
    """A fault: the discussion is answered so."""
    return {"status": 200, "times": None, **answer}


@pytest.mark.parametrize(
    "answer",
    [
        comments(body=b"[" + b" " * (33 << 20)),
        comments(body=gzip.compress(b"[" + b" " * (33 << 20)), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "compressed"],
)
def test_answers_are_bounded(github, repository, answer):
    """An answer that is longer than any of GitHub's is not read to its end, nor asked for again."""
    github.fail("GET", "/issues/1/comments", **answer)

    assert "The answer has more than 32 MiB" in str(failure(repository.read_comments, 1))
    assert 1 == len(github.requests("GET", "/issues/1/comments"))


def test_slow_answers_are_bounded(github, repository, monkeypatch):
    """An answer that takes too long is given up, however steadily it comes."""
    monkeypatch.setattr("ai_dev.repository._ANSWER_TIME", -1)
    there(github).add_comment(1, "Me too.", user="octo")

    assert "took over" in str(failure(repository.read_comments, 1))


def test_compressed_answers_are_read(github, repository):
    """GitHub compresses what it sends."""
    body = gzip.compress(b"[]")
    github.fail("GET", "/issues/1/comments", status=200, body=body, headers={"Content-Encoding": "gzip"})

    assert [] == repository.read_comments(1)


def test_nothing_is_asked_again_behind_the_end(github):
    """When the run's time is up a passing fault is the end."""
    github.fail("GET", "/issues/1", status=503, times=None)
    late = Repository(github.api_url, "octo/demo", TOKEN, until=time.monotonic())

    assert 503 == failure(late.read_issue, 1).failure.status
    assert 1 == len(github.requests("GET", "/issues/1"))
