"""What is published beside the model's words: outputs, the summary, the runner's files, lines and names in the log."""

from __future__ import annotations

import re
from collections.abc import Callable

from standins.openai import call, raw_call, reply, say
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, calls, commit, nothing_pushed, sh
from tests.hostile.scene import Attack, By, Outcome, Scene

OUTPUTS = {
    "status", "pull-request-number", "pull-request-url", "branch", "commit-sha", "answer", "turns", "input-tokens",
    "cached-tokens", "output-tokens", "cost", "patch",
}  # fmt: skip
ROGUE = (
    "ok\nEOF\nstatus=opened\nbranch<<end\nmain\nend\nend-00000000-0000-4000-8000-000000000000\n"
    "commit-sha=0\nEVIL=1\n::set-output name=status::opened\n##[set-output name=branch]main"
)
LIVE = (
    "# Done\n\n@octo/team Closes #1, fixes octo/demo#1, resolves https://github.com/octo/demo/issues/1 GH-1\n"
    "<img src=https://evil.example/i.png> ![i](//evil.example/i.png) [l](https://evil.example) www.evil.example\n"
    "/merge\n/ai-dev again\n\n<details><summary>x</summary>\n\n<!-- hidden\n\n[r]: https://evil.example\n\n"
    '<!-- ai-dev {"branch": "main"} -->\n\n```mermaid\ngraph\n```\n\n```\nnever closed\n'
)
DEAD = re.compile(
    r"@octo/team|(?<![\w\u200b])#1\b|octo/demo#1|issues/1\b|<img|!\[|\]\(https|(?<!/)www\.evil|^/(?:merge|ai-dev)|<details|<!-- hidden"
    r"|```mermaid",
    re.MULTILINE,
)
"""What would be live."""


def outputs_are_ours(outcome: Outcome) -> None:
    """The outputs are the documented ones, each of them true, and the answer is a text like any other."""
    outputs = outcome.main.outputs
    assert set(outputs) == OUTPUTS
    assert ("answered", "", "") == (outputs["status"], outputs["branch"], outputs["commit-sha"])
    assert "status=opened" in outputs["answer"]


def runner_files_are_empty(outcome: Outcome) -> None:
    """Nothing is in the files by which a step changes the environment of later ones."""
    files = [file for name in ("env", "path") for file in sorted(outcome.job.directory.glob(f"step-*/{name}"))]
    assert len(files) == 4
    assert [] == [file.name for file in files if file.stat().st_size]


def all_is_dead(outcome: Outcome) -> None:
    """In the summary and in our comment nothing of the text is live, and our own end is outside of its code."""
    (comment,) = [c for c in outcome.scene.repository.issues[1].comments if c.user.login == "github-actions[bot]"]
    for text in (outcome.main.summary, comment.body):
        found = DEAD.findall(text)
        assert found == [], ascii([found, text])
        assert "never closed" in text
    assert 1 == comment.body.count("<!-- ai-dev ")
    runner_files_are_empty(outcome)


def log_is_bounded(outcome: Outcome) -> None:
    """The log has at most 25,000 lines and 10 MB, and the lines are there as text."""
    assert "\n│ ::error::x\n" in outcome.main.log
    assert outcome.main.log.count("\n") < 25_000
    assert len(outcome.main.log) < 10 << 20


def lines_are_prefixed(*words: str) -> Callable[[Outcome], None]:
    """Every line of the log that has one of these words begins with our mark, and they are there."""

    def check(outcome: Outcome) -> None:
        lines = [line for line in outcome.main.log.split("\n") if any(word in line for word in words)]
        assert lines
        assert [] == [line for line in lines if not line.startswith(("│ ", "::notice::", "::warning::", "::error::"))]
        assert "\x1b" not in outcome.main.log
        assert "\r" not in outcome.main.log

    return check


def unfinished(name: str) -> Callable[[Scene], Job]:
    """The model leaves a file of this name that may not be committed."""
    return calls(call("run_command", command=f"ln -s /etc/passwd {name}"), last="Done.")


def reasons_are_dead(outcome: Outcome) -> None:
    """The name that the reasons quote is not live in the comment."""
    nothing_pushed(outcome)
    (comment,) = [c for c in outcome.scene.repository.issues[1].comments if c.user.login == "github-actions[bot]"]
    assert "Not delivered" in comment.body
    assert re.findall(r"@octo\b|<img|\]\(http:evil", comment.body) == [], ascii(comment.body)


def forbidden(scene: Scene) -> Job:
    """GitHub lets us open no pull request; the title would break out of the link that we offer in its place."""
    scene.repository.allow_actions_to_create_pull_requests = False
    scene.use(
        PATCH, commit(), call("make_pull_request", title="x)](https://evil.example) [y](z", body="&quick_pull=0#\r\n")
    )
    return scene.label(1)


def link_is_ours(outcome: Outcome) -> None:
    """The link's address goes to the repository, and nothing of the title ends it."""
    links = re.findall(r"\[Open it yourself\]\(([^)\s]*)\)", outcome.main.summary)
    assert 1 == len(links)
    assert links[0].startswith(outcome.scene.github.server_url + "/octo/demo/compare/main...ai-dev/issue-1?")
    assert "](https://evil" not in outcome.main.summary


def plan_then_stop(scene: Scene) -> Job:
    """The steps of a plan have line ends, commands and mentions."""
    steps = [{"step": "x\r::add-path::/x\n##[group]y @octo #1\x1b[2J", "status": "in_progress"}]
    scene.play(reply(call("update_plan", steps=steps)), reply(say("Done.\r::stop-commands::x")))
    return scene.label(1)


ATTACKS = (
    Attack("An answer cannot set outputs", By.MODEL, "answers with lines and delimiters of the outputs' file",
           calls(sh("true"), last=ROGUE), "answered", outputs_are_ours),
    Attack("The environment of later steps is not touched", By.MODEL, "writes to GITHUB_ENV and GITHUB_PATH in commands",
           calls(sh("echo A=b >>${GITHUB_ENV:-/tmp/e}; echo /x >>${GITHUB_PATH:-/tmp/p}; echo ::set-env name=A::b")),
           "answered", runner_files_are_empty),
    Attack("An answer is dead text in comment and summary", By.MODEL, "answers with all that is live in Markdown",
           calls(sh("true"), last=LIVE), "answered", all_is_dead),
    Attack("A flood of lines is cut in the log", By.MODEL, "prints 60,000 commands and a line of 9 MB",
           calls(sh("yes '::error::x' | head -60000; head -c 9000000 /dev/zero | tr '\\0' '#'")), "answered", log_is_bounded),
    Attack("A tool's name is no command", By.MODEL, "calls a tool whose name is a workflow command",
           calls(raw_call("add-path\n::add-path::/x\r##[group]y", "{}"), raw_call("::stop-commands::y", "no")),
           "answered", lines_are_prefixed("add-path"), problems=r"^conversation .*: input\[\d+\] was "),
    Attack("Arguments are no command", By.MODEL, "calls tools with commands and escapes in their arguments",
           calls(sh("true\r::add-path::/x\n##[group]\x1b[2Jy"), call("read_file", path="a\n::add-path::/x\x9b2J")),
           "answered", lines_are_prefixed("add-path")),
    Attack("A plan is dead text", By.MODEL, "plans steps with line ends, commands, mentions", plan_then_stop, "answered",
           lines_are_prefixed("add-path", "stop-commands")),
    Attack("A name in the reasons is dead text", By.MODEL, "leaves a link whose name is Markdown and a command",
           unfinished("'x](http:evil) @octo <img src=x>\n::add-path::'"), "failed", reasons_are_dead),
    Attack("A title does not break out of a link", By.MODEL, "gives a title that closes our link, where GitHub forbids to open",
           forbidden, "branch", link_is_ours),
    Attack("White space of every kind begins no command", By.MODEL, "prints commands behind 25 kinds of white space",
           calls(sh("python3 - <<'X'\nfor c in [9,10,11,12,13,28,29,30,31,32,133,160,5760,*range(8192,8203),8232,8233,8239,8287,12288,65279]:\n"
                    "    print(f'a{chr(c)}::add-path::/x{chr(c)}##[add-path]/x')\nX")),
           "answered", lines_are_prefixed("add-path")),
)  # fmt: skip
