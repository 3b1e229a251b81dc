"""Released software with a real bug: reported, reproduced, patched, tested, proposed, and checked once more outside."""

import os
import subprocess

import pytest

from standins.openai import call, last_outputs, reply, say
from tests.flows.packages import Unreachable, cachetools, fetch, parse


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
