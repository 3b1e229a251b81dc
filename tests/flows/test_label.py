"""The main job: an issue that is labelled becomes a pull request."""

from standins.runner import Job
from tests.projects import fix_script


def test_label_becomes_pull_request(stage, act):
    """A label leads to a branch with the change, a draft pull request, one true comment, outputs and a summary."""
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    pull = stage.repository.pulls[2]
    assert 0 == result.exit_code
    assert ("Make add() add", "ai-dev/issue-1", "main", True, "open") == (
        pull.title,
        pull.head,
        pull.base,
        pull.draft,
        pull.state,
    )
    assert pull.body.startswith("Fixes #1\n\n`add` subtracted; now it adds.\n\n---\nRequested by @octo.")
    assert "-    return a - b\n+    return a + b\n" in stage.repository.git("diff", "main", "ai-dev/issue-1")
    (comment,) = stage.repository.issues[1].comments
    assert "**Opened #2**" in comment.body
    assert "> add() adds now." in comment.body
    assert ["eyes"] == [reaction.content for reaction in stage.repository.issues[1].reactions]
    assert {
        "status": "opened",
        "pull-request-number": "2",
        "pull-request-url": f"{stage.github.server_url}/octo/demo/pull/2",
        "branch": "ai-dev/issue-1",
        "commit-sha": stage.repository.git("rev-parse", "ai-dev/issue-1").strip(),
        "answer": "add() adds now.",
        "turns": "5",
    }.items() <= result.outputs.items()
    assert "## AI Dev: opened" in result.summary
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


def test_plain_run_is_cheap(stage, act):
    """A plain run makes at most 14 requests to GitHub's API."""
    stage.openai.play(*fix_script())

    act(stage.label(1))

    api = [sent for sent in stage.github.journal if ".git/" not in sent.path]
    assert len(api) <= 14, [f"{sent.method} {sent.path}" for sent in api]


def test_entry_point_as_a_process(stage):
    """The same through `python -I entrypoint.py`, main step and post step, as the runner starts them."""
    stage.openai.play(*fix_script())
    job: Job = stage.label(1)

    main, post = job.run(), job.run()

    assert (0, 0) == (main.exit_code, post.exit_code)
    assert "opened" == main.outputs["status"]
    assert {} == post.outputs
    assert 1 == len(stage.repository.issues[1].comments)
