"""The GitHub stand-in, asked by the real PyGithub and dulwich."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dulwich.client import HttpGitClient, HTTPUnauthorized
from dulwich.errors import NotGitRepository
from dulwich.object_format import SHA1
from dulwich.objects import ObjectID
from dulwich.pack import PackData
from dulwich.refs import Ref
from github import Auth, Github, GithubException
from github.GitCommit import GitCommit
from github.GitTree import GitTree
from github.InputGitTreeElement import InputGitTreeElement as Element
from github.Repository import Repository as Remote

from standins.github import GitHub, Repository

TOKEN = "ghs_stand-in"
FILES = {
    "README.md": "# Demo\n",
    "src/app.py": "print('hello')\n",
    "src/old.py": "pass\n",
    ".github/workflows/ci.yml": "on: push\n",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary repository with two commits, a branch and a tag."""
    directory = tmp_path_factory.mktemp("source")

    def git(*args: str) -> None:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *args], cwd=directory, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    git("add", "-A")
    git("commit", "-m", "Begin")
    (directory / "README.md").write_text("# Demo\n\nMore.\n")
    git("commit", "-am", "Say more")
    git("branch", "side")
    git("tag", "v1")
    return directory


@pytest.fixture(params=["", "/ghes"], ids=["github.com", "enterprise"])
def anywhere(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GitHub]:
    with GitHub(tmp_path, prefix=request.param) as server:
        server.add_token(TOKEN)
        yield server
        assert server.problems == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHub]:
    with GitHub(tmp_path) as server:
        server.add_token(TOKEN)
        yield server
        assert server.problems == []


@pytest.fixture
def repository(server: GitHub, source: Path) -> Repository:
    return server.add_repository(source=source)


def connect(server: GitHub, token: str = TOKEN) -> Github:
    return Github(
        auth=Auth.Token(token),
        base_url=server.api_url,
        lazy=True,
        timeout=20,
        per_page=100,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def remote(server: GitHub, token: str = TOKEN, name: str = "octo/demo") -> Remote:
    return connect(server, token).get_repo(name)


def tree_of(repo: Remote, sha: str) -> GitTree:
    """A tree of which only the id is known; a commit's id does too."""
    return GitTree(repo.requester, attributes={"sha": sha})


def write(repo: Remote, parent: str, *elements: Element, message: str = "Change") -> str:
    """Tree and commit on top of a parent; the commit's id."""
    tree = repo.create_git_tree(list(elements), tree_of(repo, parent))
    commit = repo.create_git_commit(message, tree, [GitCommit(repo.requester, attributes={"sha": parent})])
    return commit.sha


def text(path: str, content: str) -> Element:
    return Element(path, "100644", "blob", content=content)


def refused(status: int, message: str, ask: Any, *args: Any, **kwargs: Any) -> GithubException:
    with pytest.raises(GithubException) as caught:
        ask(*args, **kwargs)
    error = caught.value
    assert (error.status, error.data["message"]) == (status, message)
    assert error.data["status"] == str(status) and error.data["documentation_url"].startswith("https://docs.github.com")
    return error


def invalid(expected: dict[str, str], ask: Any, *args: Any, **kwargs: Any) -> None:
    assert refused(422, "Validation Failed", ask, *args, **kwargs).data["errors"] == [expected]


class Walker:
    """A graph walker that has nothing."""

    shallow: frozenset[bytes] = frozenset()

    def __next__(self) -> None:
        return None

    def ack(self, _: bytes) -> None: ...

    def nak(self) -> None: ...

    def update_shallow(self, *_: Any) -> None: ...


def fetch(server: GitHub, *, token: str = TOKEN, depth: int | None = 1, prefixes: list[bytes] | None = None) -> Any:
    """What dulwich fetches: the result, the refs that it was told, and the objects by type."""
    client = HttpGitClient(server.server_url, username="x-access-token", password=token, timeout=20)
    told: dict[Ref, ObjectID] = {}
    pack = io.BytesIO()

    def wants(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001
        told.update(refs)
        return [refs[Ref(b"refs/heads/main")]]

    result = client.fetch_pack(
        "octo/demo.git", wants, Walker(), pack.write, depth=depth, protocol_version=2, ref_prefix=prefixes
    )
    size = pack.tell()
    pack.seek(0)
    kinds = [
        unpacked.pack_type_num for unpacked in PackData.from_file(pack, object_format=SHA1, size=size).iter_unpacked()
    ]
    return result, told, kinds


def test_a_change_becomes_a_pull_request(anywhere: GitHub, source: Path) -> None:
    """The whole way from the base ref to the pull request works, and leaves a sound git repository."""
    repository = anywhere.add_repository(source=source)
    repo = remote(anywhere)
    base = repo.get_git_ref("heads/main").object.sha
    binary = repo.create_git_blob("AP8=", "base64")
    elements = [
        text("src/app.py", "print('hallo')\n"),
        Element("bin/run", "100755", "blob", content="#!/bin/sh\n"),
        Element("logo.bin", "100644", "blob", sha=binary.sha),
        Element("src/old.py", "100644", "blob", sha=None),
    ]
    tree = repo.create_git_tree(elements, tree_of(repo, base))
    commit = repo.create_git_commit("Greet\n\nProperly.", tree, [GitCommit(repo.requester, attributes={"sha": base})])
    assert (commit.verification.verified, commit.verification.reason) == (True, "valid")
    ref = repo.create_git_ref("refs/heads/ai-dev/issue-1", commit.sha)
    pull = repo.create_pull(base="main", head="ai-dev/issue-1", title="Greet", body="Fixes #1", draft=True)
    pull.add_to_labels("ai-dev")

    assert ref.object.sha == pull.head.sha == commit.sha
    assert (pull.number, pull.draft, pull.commits, pull.changed_files) == (1, True, 1, 4)
    assert pull.html_url == f"{anywhere.server_url}/octo/demo/pull/1"
    assert repository.git("fsck", "--strict") == ""
    assert repository.git("rev-parse", f"{commit.sha}^{{tree}}").strip() == tree.sha
    author = "41898282+github-actions[bot]@users.noreply.github.com"
    assert (
        repository.git("log", "-1", "--format=%ae %cn %B", commit.sha).strip() == f"{author} GitHub Greet\n\nProperly."
    )
    assert "+print('hallo')" in repository.git("log", "-p", "-1", commit.sha)
    assert repository.objects.run("show", f"{commit.sha}:logo.bin") == b"\x00\xff"
    assert repository.git("ls-tree", commit.sha, "bin/run").startswith("100755")
    assert "old.py" not in repository.git("ls-tree", "-r", "--name-only", commit.sha)
    assert [p.number for p in repo.get_pulls(head="octo:ai-dev/issue-1", base="main")] == [1]
    pull.edit(title="Greet all", state="closed")
    assert list(repo.get_pulls()) == []
    assert repository.pulls[1].title == "Greet all"


def test_fetching_the_base(anywhere: GitHub, source: Path) -> None:
    """Protocol v2, depth 1 and a ref prefix: one commit comes, and no refs are told but those asked for."""
    repository = anywhere.add_repository(source=source)
    result, told, kinds = fetch(anywhere, prefixes=[b"refs/heads/main"])
    main = repository.git("rev-parse", "main").strip().encode()
    assert told == {b"refs/heads/main": main}
    assert result.new_shallow == {main}
    assert (kinds.count(1), kinds.count(3)) == (1, 4)
    first, *_ = anywhere.requests("POST", "git-upload-pack$")
    assert first.headers["Git-Protocol"] == "version=2"
    assert fetch(anywhere, depth=None)[2].count(1) == 2


def test_git_takes_no_wrong_password(server: GitHub, repository: Repository) -> None:
    """An unknown token is refused, a hidden repository is not there, and nothing can be pushed."""
    with pytest.raises(HTTPUnauthorized):
        fetch(server, token="wrong")
    repository.private = True
    server.add_token("elsewhere", repositories=["octo/other"])
    with pytest.raises(NotGitRepository):
        fetch(server, token="elsewhere")
    assert fetch(server)[2]
    repository.private = False
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{server.server_url}/octo/demo.git/info/refs?service=git-receive-pack")


def test_real_git_can_clone(server: GitHub, repository: Repository, tmp_path: Path) -> None:
    """Git itself is content too; a long list of wishes, which it compresses, included."""
    for n in range(25):
        repository.git("branch", f"branch-{n}", "main")
    url = f"{server.server_url}/octo/demo.git"
    subprocess.run(["git", "clone", "--quiet", url, str(tmp_path / "clone")], check=True, timeout=30)
    assert any(sent.headers.get("Content-Encoding") == "gzip" for sent in server.requests("POST", "git-upload-pack$"))
    branches = subprocess.check_output(["git", "branch", "-r"], cwd=tmp_path / "clone", text=True)
    assert branches.count("branch-") == 25


def test_chunked_requests_are_understood(server: GitHub, repository: Repository) -> None:
    """A request whose length is not told beforehand is answered as any other."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
    parts = [b"0014command=ls-refs\n", b"0001", b"001bref-prefix refs/heads/\n", b"0000"]
    kind = "application/x-git-upload-pack-request"
    headers = {"Content-Type": kind, "Git-Protocol": "version=2", "Transfer-Encoding": "chunked"}
    with contextlib.closing(connection):
        connection.request("POST", "/octo/demo.git/git-upload-pack", iter(parts), headers, encode_chunked=True)
        answer = connection.getresponse().read().decode()
    assert f"{repository.git('rev-parse', 'main').strip()} refs/heads/main" in answer


def test_refs(server: GitHub, repository: Repository) -> None:
    """Refs are made once, move forward unless forced, and obey git's rules about their names."""
    repo = remote(server)
    base = repository.git("rev-parse", "main").strip()
    old = repository.git("rev-parse", "main~1").strip()
    ref = repo.create_git_ref("refs/heads/ai-dev/x", base)
    refused(422, "Reference already exists", repo.create_git_ref, "refs/heads/ai-dev/x", base)
    refused(422, "Object does not exist", repo.create_git_ref, "refs/heads/ai-dev/y", "1" * 40)
    refused(422, "Reference update failed", repo.create_git_ref, "refs/heads/ai-dev", base)
    refused(422, "Reference update failed", repo.create_git_ref, "refs/heads/ai-dev/x/y", base)
    refused(422, "refs/heads/a..b is not a valid ref name.", repo.create_git_ref, "refs/heads/a..b", base)
    refused(422, "Update is not a fast forward", ref.edit, old)
    ref.edit(old, force=True)
    assert repository.git("rev-parse", "ai-dev/x").strip() == old
    requester, url = repo.requester, f"{repo.url}/git/refs/heads"
    refused(422, "Reference does not exist", requester.requestJsonAndCheck, "PATCH", f"{url}/no", input={"sha": base})
    requester.requestJsonAndCheck("PATCH", f"{url}/ai-dev/x", input={"sha": base, "force": False})
    assert [r.ref for r in repo.get_git_matching_refs("heads/ai-dev")] == ["refs/heads/ai-dev/x"]
    assert list(repo.get_git_matching_refs("heads/none")) == []
    requester.requestJsonAndCheck("DELETE", f"{url}/ai-dev/x")
    refused(404, "Not Found", requester.requestJsonAndCheck, "GET", f"{repo.url}/git/ref/heads/ai-dev/x")


def test_trees_and_commits_are_checked(server: GitHub, repository: Repository) -> None:
    """What git would not store, or what is not there, is refused."""
    repo = remote(server)
    base = tree_of(repo, repository.git("rev-parse", "main").strip())
    make = repo.create_git_tree
    gone = Element("nowhere", "100644", "blob", sha=None)
    refused(422, "GitRPC::BadObjectState", make, [gone], base)
    for path in (".git/config", ".GIT/config", "a/../b", "a//b", "git~1/config", ".g\u200cit/x"):
        refused(422, "tree.path contains a malformed path component", make, [text(path, "x")], base)
    refused(422, "tree.path cannot start with a slash", make, [text("/a", "x")], base)
    refused(422, "Must supply a valid tree.mode", make, [Element("a", "100666", "blob", content="x")], base)
    unknown = Element("a", "100644", "blob", sha="1" * 40)
    refused(422, f"tree.sha {'1' * 40} is not a valid blob", make, [unknown], base)
    refused(422, "base_tree is not a valid tree oid", make, [text("a", "x")], tree_of(repo, "1" * 40))
    folder = make([Element("README.md", "100644", "blob", sha=None), text("README.md/part", "x")], base)
    assert [e.path for e in repo.get_git_tree(folder.sha, recursive=True).tree if "READ" in e.path] == [
        "README.md",
        "README.md/part",
    ]
    commit = repo.create_git_commit
    refused(422, "Tree SHA does not exist", commit, "m", tree_of(repo, "1" * 40), [])
    parent = GitCommit(repo.requester, attributes={"sha": "1" * 40})
    refused(422, "Parent SHA does not exist or is not a commit object", commit, "m", folder, [parent])
    assert repository.git("fsck", "--strict", "--no-dangling") == ""


def test_an_empty_repository_has_no_git_data(server: GitHub) -> None:
    """Until the first push the git data API answers 409; a person's push ends that."""
    repository = server.add_repository(source=None)
    repo = remote(server)
    refused(409, "Git Repository is empty.", repo.create_git_blob, "x", "utf-8")
    sha = repository.push("main", {"a": b"1"}, message="First")
    assert repo.get_git_ref("heads/main").object.sha == sha


def test_workflows_are_not_for_the_actions_token(server: GitHub, repository: Repository) -> None:
    """A branch whose commits change a workflow can be made by an app that may, never with the actions token."""
    base = repository.git("rev-parse", "main").strip()
    sha = write(remote(server), base, text(".github/workflows/ci.yml", "on: issues\n"))
    message = "Resource not accessible by integration"
    refused(403, message, remote(server).create_git_ref, "refs/heads/w", sha)
    server.add_token("app", login="robot[bot]", kind="app", permissions={"contents": "write", "workflows": "write"})
    repository.push("main", {".github/workflows/new.yml": b"on: push\n"}, message="By a person")
    remote(server).create_git_ref("refs/heads/behind", base)
    assert remote(server, "app").create_git_ref("refs/heads/w", sha).ref == "refs/heads/w"


def test_pull_request_refusals(server: GitHub, repository: Repository) -> None:
    """Each reason against a pull request has GitHub's own form."""
    repo = remote(server)
    resource = {"resource": "PullRequest"}

    def create(head: str = "work", base: str = "main", **more: Any) -> Any:
        return repo.create_pull(base=base, head=head, **{"title": "T", **more})

    invalid(resource | {"code": "invalid", "field": "head"}, create, "nowhere")
    invalid(resource | {"code": "invalid", "field": "base"}, create, base="nowhere")
    none = "No commits between main and side"
    invalid(resource | {"code": "custom", "message": none}, create, "side")
    repository.push("work", {"a": b"1"}, message="Work")
    for field, limit in (("title", 256), ("body", 65_536)):
        message = f"{field} is too long (maximum is {limit} characters)"
        expected = {"resource": "Issue", "code": "custom", "field": field, "message": message}
        invalid(expected, create, **{field: "x" * (limit + 1)})
    repository.allow_drafts = False
    refused(422, "Draft pull requests are not supported in this repository.", create, draft=True)
    repository.allow_actions_to_create_pull_requests = False
    refused(403, "GitHub Actions is not permitted to create or approve pull requests.", create)
    repository.allow_actions_to_create_pull_requests = True
    pull = create(head="octo:work")
    exists = "A pull request already exists for octo:work."
    invalid(resource | {"code": "custom", "message": exists}, create)
    refused(
        422, "Review cannot be requested from pull request author.", pull.create_review_request, ["github-actions[bot]"]
    )
    repository.git("update-ref", "-d", "refs/heads/work")
    repository.follow_branches()
    assert repository.pulls[1].state == "closed"


def test_pull_requests_follow_their_branch(server: GitHub, repository: Repository) -> None:
    """A person's push moves the pull request's head, a fork's pull request has another repository, and both are issues."""
    server.add_user("ada")
    fork = server.add_repository("ada/demo", source=repository.git_dir)
    fork.push("patch", {"b": b"2"}, message="From afar", author="ada")
    repository.push("work", {"a": b"1"}, message="Work")
    repository.add_pull("Own", None, user="octo", head="work")
    repository.add_pull("Foreign", "x", user="ada", head="patch", source=fork, draft=True)
    second = repository.push("work", {"a": b"2"}, message="More")
    repo = remote(server)
    assert repo.get_pull(1).head.sha == second
    assert repo.get_pull(2).head.repo.full_name == "ada/demo"
    assert [pull.number for pull in repo.get_pulls()] == [2, 1]
    assert repo.get_issue(1).pull_request is not None


def test_discussion(server: GitHub, repository: Repository) -> None:
    """Comments are made, edited, deleted, reacted to; the reaction tells who we are and is given once."""
    issue_state = repository.add_issue("Bug", None, user="octo", labels=["ai-dev"])
    issue = remote(server).get_issue(1)
    comment = issue.create_comment("Working …")
    comment.edit("Done")
    assert (issue_state.comments[0].body, comment.user.login) == ("Done", "github-actions[bot]")
    assert issue_state.comments[0].updated_at > issue_state.comments[0].created_at
    first, again = comment.create_reaction("eyes"), comment.create_reaction("eyes")
    assert (first.user.id, first.id) == (41_898_282, again.id)
    assert issue.create_reaction("rocket").content == "rocket"
    issue.add_to_labels("busy")
    issue.remove_from_labels("ai-dev")
    assert [label.name for label in issue.get_labels()] == ["busy"]
    refused(404, "Label does not exist", issue.remove_from_labels, "ai-dev")
    message = "Body is too long (maximum is 65536 characters)"
    expected = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}
    invalid(expected, issue.create_comment, "x" * 65_537)
    issue.edit(title="Defect", state="closed")
    assert (issue_state.title, issue_state.state, issue_state.closed_at is None) == ("Defect", "closed", False)
    comment.delete()
    assert issue_state.comments == []


def test_pages(anywhere: GitHub, source: Path) -> None:
    """A long list comes in pages that lead on to each other, and ``since`` leaves the old ones out."""
    repository = anywhere.add_repository(source=source)
    repository.add_issue("Talk", "x", user="octo")
    for n in range(7):
        repository.add_comment(1, str(n), user="octo", created_at=f"2026-01-01T00:00:0{n}Z")
    client = connect(anywhere)
    client.per_page = 3
    comments = client.get_repo("octo/demo").get_issue(1).get_comments()
    assert [comment.body for comment in comments] == list("0123456")
    assert len(anywhere.requests("GET", "/comments$")) == 3
    assert [comment.body for comment in comments.reversed] == list("6543210")
    _, data = client.requester.requestJsonAndCheck(
        "GET", "/repos/octo/demo/issues/1/comments", parameters={"since": "2026-01-01T00:00:05Z"}
    )
    assert [comment["body"] for comment in data] == ["5", "6"]


def test_roles(server: GitHub, repository: Repository) -> None:
    """Everybody's permission can be asked, in the older and the newer words; apps and strangers are not people."""
    words = {"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read", "none": "none"}
    repo = remote(server)
    for role, word in words.items():
        account = server.add_user(f"a-{role}")
        repository.permissions[account.login] = role
        _, answer = repo.requester.requestJsonAndCheck("GET", f"{repo.url}/collaborators/{account.login}/permission")
        assert (answer["permission"], answer["role_name"], answer["user"]["id"]) == (word, role, account.id)
        assert answer["user"]["type"] == "User"
        assert repo.get_collaborator_permission(account.login) == word
    server.add_user("passer-by")
    assert repo.get_collaborator_permission("passer-by") == "read"
    repository.private = True
    assert repo.get_collaborator_permission("passer-by") == "none"
    for login in ("github-actions[bot]", "nobody"):
        refused(404, f"{login} is not a user", repo.get_collaborator_permission, login)


def test_tokens_that_may_not(server: GitHub, repository: Repository) -> None:
    """A token does what its permissions say; without them GitHub names the one that is missing."""
    repository.add_issue("Bug", "x", user="octo", locked=True)
    server.add_token("reader", permissions={"contents": "read", "metadata": "read"})
    error = refused(
        403, "Resource not accessible by integration", remote(server, "reader").create_git_blob, "x", "utf-8"
    )
    assert error.headers is not None
    assert error.headers["x-accepted-github-permissions"] == "contents=write"
    refused(401, "Bad credentials", remote(server, "wrong").get_issue(1).complete)
    message = "Resource not accessible by personal access token"
    everything = {"contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"}
    server.add_token("person", login="ada", kind="user", permissions=everything)
    refused(403, message, remote(server, "person").create_git_blob, "x", "utf-8")
    locked = "Unable to create comment because issue is locked."
    refused(403, locked, remote(server, "person").get_issue(1).create_comment, "x")
    assert remote(server).get_issue(1).create_comment("x").id
    repository.private = True
    refused(404, "Not Found", remote(server, "person").get_issue(1).complete)
    repository.permissions["ada"] = "write"
    assert remote(server, "person").create_git_blob("x", "utf-8").sha
    repository.archived = True
    refused(403, "Repository was archived so is read-only.", remote(server).create_git_blob, "x", "utf-8")


def test_who_we_are(anywhere: GitHub) -> None:
    """``/user`` is for people only; GraphQL's viewer is for all."""
    anywhere.add_token("person", login="ada", kind="user")
    refused(403, "Resource not accessible by integration", lambda: connect(anywhere).get_user().login)
    assert connect(anywhere, "person").get_user().login == "ada"
    _, answer = connect(anywhere).requester.graphql_query("query { viewer { login databaseId } }", {})
    assert answer["data"]["viewer"] == {"login": "github-actions[bot]", "databaseId": 41_898_282}


def test_limits_and_conditions(server: GitHub, repository: Repository) -> None:
    """The count of requests goes down, an unchanged answer costs nothing, and an empty count is an error."""
    requester, url = connect(server).requester, "/repos/octo/demo"
    server.rate_remaining = 2
    headers, _ = requester.requestJsonAndCheck("GET", url)
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-limit"]) == ("1", "1000")
    assert headers["x-github-request-id"]
    headers, data = requester.requestJsonAndCheck("GET", url, headers={"If-None-Match": headers["etag"]})
    assert (data, headers["x-ratelimit-remaining"]) == (None, "1")
    repository.archived = True
    assert requester.requestJsonAndCheck("GET", url, headers={"If-None-Match": headers["etag"]})[1]["archived"] is True
    refused(403, "API rate limit exceeded for installation ID 1.", requester.requestJsonAndCheck, "GET", url)


def test_reading_commits_and_files(server: GitHub, repository: Repository) -> None:
    """Commits, branches, comparisons and files are those of the git repository."""
    tip = repository.push("topic/one", {"docs/a b.md": b"A\n", "README.md": None}, message="Topic")
    repo = remote(server)
    assert repo.get_branch("topic/one").commit.sha == tip
    assert repo.get_commit("topic/one").commit.author.name == "octo"
    assert repo.get_commit(tip).author.login == "octo"
    comparison = repo.compare("main", "topic/one")
    assert (comparison.status, comparison.ahead_by, comparison.behind_by) == ("ahead", 1, 0)
    assert {f.filename: f.status for f in comparison.files} == {"README.md": "removed", "docs/a b.md": "added"}
    assert sum(f.additions for f in comparison.files) == 1
    file = repo.get_contents("docs/a b.md", ref="topic/one")
    assert not isinstance(file, list)
    assert file.decoded_content == b"A\n"
    listed = repo.get_contents("")
    assert isinstance(listed, list)
    assert [(item.path, item.type) for item in listed] == [(".github", "dir"), ("README.md", "file"), ("src", "dir")]
    refused(404, "Not Found", repo.get_contents, "nowhere")
    refused(404, "Branch not found", repo.requester.requestJsonAndCheck, "GET", f"{repo.url}/branches/nowhere")


def test_events(server: GitHub, repository: Repository) -> None:
    """Payloads have the fields that the action reads."""
    server.add_user("ada")
    repository.add_issue("Bug", None, user="ada")
    comment = repository.add_comment(1, "/ai-dev please", user="ada")
    repository.push("main", {"a": b"1"}, message="Push")
    labeled = repository.event("labeled", number=1, label="ai-dev", sender="octo")
    assert (labeled["action"], labeled["label"]["name"], labeled["sender"]["login"]) == ("labeled", "ai-dev", "octo")
    assert [label["name"] for label in labeled["issue"]["labels"]] == ["ai-dev"]
    assert labeled["issue"]["body"] is None
    created = repository.event("comment", comment=comment.id)
    assert (created["comment"]["body"], created["sender"]["type"]) == ("/ai-dev please", "User")
    assert "pull_request" not in created["issue"]
    dispatch = repository.event("dispatch", sender="octo", inputs={"task": "Tidy up"})
    assert dispatch["inputs"] == {"task": "Tidy up"}
    assert "sender" not in repository.event("schedule")
    push = repository.event("push", sender="octo")
    assert (push["ref"], push["head_commit"]["added"], push["head_commit"]["message"]) == (
        "refs/heads/main",
        ["a"],
        "Push",
    )
    assert json.dumps([labeled, created, dispatch, push])


def test_unknown_addresses_are_problems(tmp_path: Path) -> None:
    """What GitHub does not have is 404, and the test that asked for it has failed."""
    with GitHub(tmp_path, prefix="/ghes") as server:
        for path in ("/repos/octo/demo", "/ghes/repos/octo/demo", "/ghes/api/v3/graphql", "/ghes/api/v3/nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(server.url + path)
        assert len(server.problems) == 4


def test_wrong_methods_are_unknown_addresses(tmp_path: Path) -> None:
    """A known path with a method that it lacks is 404 in GitHub's form, and a problem too."""
    with GitHub(tmp_path) as server:
        server.add_token(TOKEN)
        for verb, path in (("DELETE", "/user"), ("PUT", "/repos/octo/demo/git/refs/heads/main")):
            refused(404, "Not Found", connect(server).requester.requestJsonAndCheck, verb, path)
        assert len(server.problems) == 2
