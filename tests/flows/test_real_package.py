"""Released software with a real bug: reported, reproduced, patched, tested, proposed, and checked once more outside."""

import os
import signal
import subprocess
import threading

import pytest

from standins.openai import call, dropped, last_outputs, reply, say, stalled
from tests.flows.packages import Unreachable, cachetools, fetch, jsonpointer, parse
from tests.flows.runs import alive, branches, own_comments, starting, until


@pytest.fixture
def release(request, directory):
    """A package and its source tree; CI must be able to get it."""
    package = request.param
    try:
        return package, fetch(package, directory)
    except Unreachable:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(
            f"left out: {package.SDIST} is not in the cache, and no package registry that has it can be reached"
        )


@pytest.mark.parametrize("release", [cachetools, parse], ids=["cachetools", "parse"], indirect=True)
def test_real_bug(release, set_stage, act, directory):
    """The bug is seen, the fix passes the package's tests, and the pushed branch holds it and nothing else."""
    package, tree = release
    files = {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    stage = set_stage(files)
    stage.repository.add_issue(package.ISSUE_TITLE, package.ISSUE_BODY, user="octo")
    seen = {}
    stage.openai.play(*work(package, seen))

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"]), result.log
    assert package.ISSUE_BODY.strip() in seen["task"]
    assert "Exit code 1 " in seen["reproduction"]
    assert "Exit code 0 " in seen["reproduction of the fix"]
    assert "Exit code 0 " in seen["tests"]
    assert "\nOK" in seen["tests"]
    (pull,) = stage.repository.pulls.values()
    assert pull.body.startswith("Fixes #1\n")
    check_branch(package, stage, pull.head, directory / "clone")


def work(package, seen):
    """The replies of a model that works as it should; what it is shown is kept in ``seen``."""

    def keep(name, *calls):
        def step(body):
            (seen[name],) = last_outputs(body).values()
            return reply(*calls)

        return step

    def begin(body):
        seen["task"] = body["input"][-1]["content"][0]["text"]
        return reply(call("run_command", command=package.REPRODUCE))

    return [
        begin,
        keep("reproduction", call("apply_patch", patch=package.PATCH)),
        keep("patch", call("run_command", command=package.REPRODUCE)),
        keep("reproduction of the fix", call("run_command", command=package.TESTS)),
        keep("tests", call("commit", message=package.ISSUE_TITLE[:60])),
        keep("commit", call("make_pull_request", title=package.ISSUE_TITLE[:60], body="The tests pass.")),
        keep("pull request", say("Fixed, with a test.")),
    ]


def check_branch(package, stage, branch, clone):
    """A clone of the pushed branch no longer has the bug, passes the package's tests and differs as intended."""

    def run(*command, folder=clone):
        own = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        ran = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=120, check=False)
        assert 0 == ran.returncode, ran.stderr
        return ran.stdout

    run("git", "clone", "-q", "--branch", branch, str(stage.repository.git_dir), str(clone), folder=clone.parent)
    run("bash", "-c", package.REPRODUCE)
    run("bash", "-c", package.TESTS)
    assert list(package.CHANGED) == run("git", "diff", "--name-only", "origin/main", "HEAD").split()


@pytest.mark.parametrize("release", [jsonpointer], ids=["jsonpointer"], indirect=True)
def test_real_bug_while_faults_rain(release, set_stage, act, directory):
    """Streams drop, GitHub falters, the sandbox dies in the tests, the machine dies: one branch, one pull request, the fix."""
    package, tree = release
    files = {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    stage = set_stage(files)
    stage.repository.add_issue(package.ISSUE_TITLE, package.ISSUE_BODY, user="octo")
    limit = {"message": "You have exceeded a secondary rate limit."}
    stage.github.fail("POST", "/git/trees$", status=502)
    stage.github.fail("POST", "/git/commits$", status=403, headers={"Retry-After": "1"}, body=limit)
    stage.github.fail("POST", "/pulls$", status=502, after=True)
    released, reached, tested, seen = threading.Event(), threading.Event(), threading.Event(), {}

    def fall_silent(body):
        seen["commit"] = last_outputs(body)
        reached.set()
        return stalled(released)

    stage.e2b.on_command("while", lambda _: tested.set())
    stage.openai.play(
        reply(call("run_command", command=package.REPRODUCE), call("apply_patch", patch=package.PATCH)), dropped(),
        reply(call("run_command", command=f"while {package.TESTS}; do :; done")),
        keep(seen, "death", call("run_command", command=package.TESTS)),
        keep(seen, "tests", call("commit", message=package.ISSUE_TITLE)), dropped(), fall_silent,
    )  # fmt: skip
    job = stage.label(1)
    with starting() as start:
        running = start(job)
        assert tested.wait(30)
        until(lambda: b"Ran " in running.log.read_bytes())
        stage.e2b.vanish(alive(stage)[0])
        assert reached.wait(30)
        running.end(signal.SIGKILL)
    released.set()
    stage.openai.play(
        reply(call("run_command", command=package.REPRODUCE), call("run_command", command=package.TESTS)),
        keep(seen, "again", call("make_pull_request", title=package.ISSUE_TITLE, body="The tests pass.")),
        reply(say("Fixed, with a test.")),
    )  # fmt: skip

    again = {"GITHUB_RUN_ID": job.variables["GITHUB_RUN_ID"], "GITHUB_RUN_ATTEMPT": "2"}
    result = act(stage.job(job.event_name, job.event, variables={**again, "GITHUB_TRIGGERING_ACTOR": "octo"}))

    assert (0, "opened") == (result.exit_code, result.outputs["status"]), result.log
    assert "You have a new sandbox" in seen["death"][0]
    assert "(jsonpointer.py, tests.py)" in seen["death"][0]
    assert "\nOK" in seen["tests"][0]
    assert ["Exit code 0 "] * 2 == [text[:12] for text in seen["again"]]
    (pull,) = stage.repository.pulls.values()
    assert ("ai-dev/issue-1", "open") == (pull.head, pull.state)
    assert ["ai-dev/issue-1", "main"] == branches(stage)
    assert 1 == len(own_comments(stage))
    assert [] == alive(stage)
    assert stage.openai.left == 0
    check_branch(package, stage, pull.head, directory / "clone")


def keep(seen, name, *calls):
    """A step of the model that keeps what the calls before it came to."""

    def step(body):
        seen[name] = list(last_outputs(body).values())
        return reply(*calls)

    return step
