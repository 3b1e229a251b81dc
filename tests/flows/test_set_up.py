"""The repository's own set-up commands: when they run, on what, and what is heard of one that fails."""

import pytest

from standins.openai import call, reply, say
from tests.flows.tools import sh, use
from tests.projects import CALCULATOR, fix_script

FILE = ".github/ai-dev.yml"


@pytest.fixture
def set_up(set_stage):
    """Opens a stage with this configuration in the repository, and issue 1."""

    def open_stage(configuration, **files):
        stage = set_stage({**CALCULATOR, FILE: configuration, **files})
        stage.repository.add_issue("add() subtracts", "", user="octo")
        return stage

    return open_stage


def comment(stage):
    """The comment on the issue."""
    return stage.repository.issues[1].comments[-1].body


def asked(stage, n=0):
    """The texts that the model was given before its turn n."""
    items = stage.openai.journal[n].json["input"]
    return [part["text"] for item in items if item.get("role") == "user" for part in item["content"]]


def test_commands_run_in_order(set_up, act):
    """They run in the repository before the model is asked; the log shows what they print, as foreign text."""
    stage = set_up("setup:\n- echo one > /tmp/order; echo '::error::two'\n- run: pwd >> /tmp/order\n  minutes: 1\n")

    used = use(stage, act, sh("cat /tmp/order; git status --porcelain; git rev-parse --abbrev-ref HEAD"))

    assert "Output:\n\none\n/home/user/repository\nai-dev/issue-1" in used.answer
    assert "::group::Set up as .github/ai-dev.yml says" in used.result.log
    assert "\n│ ::error::two\n" in used.result.log
    assert 1 == len(asked(stage))
    assert "set-up" not in used.result.summary


def test_failures_are_told(set_up, act):
    """A command that fails is shown to the user and told to the model, and the run goes on with the next one."""
    stage = set_up("setup:\n- echo 'no such package'; exit 3\n- touch /tmp/second\n")
    stage.openai.play(reply(sh("ls /tmp/second")), reply(say("Done.")))

    result = act(stage.label(1))

    (failures, *_) = asked(stage)
    assert "$ echo 'no such package'; exit 3\n\nExit code 3 after " in failures
    assert "The last lines of its output:\n\nno such package" in failures
    assert "::warning::A set-up command failed, and the run goes on: echo 'no such package'; exit 3" in result.log
    assert (
        "Of 2 set-up commands these failed:\n\n- `echo 'no such package'; exit 3`: Exit code 3 after" in result.summary
    )
    assert "◀ Exit code 0" in result.log.split("turn 1")[1]
    assert "answered" == result.outputs["status"]


FAULTS = {
    "unknown key": ("model: big\n", "Line 1: the key model is not known in the file."),
    "tag": ("setup:\n- !!python/object/apply:os.system [id]\n", "Line 2: tags are not allowed."),
    "bomb": ("setup: [&a x, *a]\n", "Line 1: anchors and aliases are not allowed."),
    "too long": ("#" * 17_000, "Line 1: it has more than 16,384 bytes."),
}


@pytest.mark.parametrize(("configuration", "why"), FAULTS.values(), ids=FAULTS)
def test_faults(set_up, act, configuration, why):
    """A fault in the file ends the run before the model is asked; the issue hears file, line and cure."""
    stage = set_up(configuration)

    result = act(stage.label(1))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "The repository's configuration .github/ai-dev.yml has a fault." in comment(stage)
    assert why in comment(stage)
    assert "**What to do:** It may have one key, `setup`" in comment(stage)
    assert [] == stage.openai.journal


def test_only_the_base_commit_counts(stage, act):
    """A configuration that our branch has, and the base has not, is no configuration."""
    stage.openai.play(*fix_script(), reply(say("Still fine.")))
    act(stage.label(1))
    stage.repository.push("ai-dev/issue-1", {FILE: b"setup: ['touch /tmp/evil']\n"}, message="Plant", author="octo")

    stage.openai.play(reply(sh("ls /tmp/evil")), reply(say("No.")))
    result = act(stage.comment(1, "/ai-dev continue"))

    assert "Set up" not in result.log


def test_second_run(set_up, act):
    """Set-up runs on the base's files; then our branch is checked out, clean, with what it adds and what it removes."""
    stage = set_up(
        "setup:\n- cat calculator.py > /tmp/seen; ls > /tmp/names; echo junk >> calculator.py\n", **{"old.txt": "old\n"}
    )
    first = fix_script()
    first[2:2] = [reply(sh("rm old.txt; echo new > new.txt"))]
    stage.openai.play(*first)
    act(stage.label(1))
    answers = []
    look = "cat /tmp/seen /tmp/names; echo ==; cat calculator.py; ls; git status --porcelain; git log -1 --format=%s"

    def keep(body):
        answers.extend(item["output"] for item in body["input"] if item["type"] == "function_call_output")
        return reply(call("commit", message="Nothing"))

    stage.openai.play(reply(sh(look)), keep, reply(say("Done.")))
    result = act(stage.comment(1, "/ai-dev go on"))

    before, _, after = answers[0].partition("==")
    assert "return a - b" in before
    assert "old.txt" in before
    assert "new.txt" not in before
    assert "return a + b" in after
    assert "junk" not in after
    assert "old.txt" not in after
    assert "new.txt" in after
    assert after.rstrip().endswith("test_calculator.py\nMake add() add")
    assert "unchanged" == result.outputs["status"], result.log


def test_droppings_are_not_the_work(set_up, act):
    """What set-up commands leave, whatever its name, is in no commit; `git status` does not show it."""
    stage = set_up("setup:\n- |\n  mkdir built; touch built/x 'a [b]*?' 'back\\slash' 'end ' '#x' '!y'\n")
    stage.openai.play(reply(sh("git status --porcelain")), *fix_script())

    result = act(stage.label(1))

    assert "opened" == result.outputs["status"]
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert "◀ Exit code 0 after 0.0 s. It printed nothing." in result.log.split("turn 2")[0].replace("0.1 s", "0.0 s")


def test_set_up_that_breaks_the_repository(set_up, act):
    """A set-up command that takes git's folder away ends the run with what to look at."""
    stage = set_up("setup: ['rm -rf .git']\n")

    act(stage.label(1))

    assert "The branch cannot be checked out after the set-up." in comment(stage)
    assert "Check what the set-up commands in .github/ai-dev.yml do" in comment(stage)
    assert [] == stage.openai.journal


def test_set_up_that_hides_its_traces(set_up, act):
    """Commits, an index and hooks of the set-up's own change nothing of what is delivered."""
    stage = set_up(
        "setup:\n- |\n  echo evil > evil.txt; git add evil.txt; git commit -qm evil; git rm -q --cached README.md\n"
        "  git update-index --assume-unchanged calculator.py; echo x >> calculator.py\n"
        "  printf '#!/bin/sh\\necho hooked > /tmp/hooked' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout\n"
    )
    stage.openai.play(
        reply(sh("git status --porcelain; git log --format=%s; ls /tmp/hooked; cat calculator.py")), *fix_script()
    )

    result = act(stage.label(1))

    assert "opened" == result.outputs["status"]
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert "evil" not in result.log.split("turn 1")[1].split("turn 2")[0].replace("evil.txt", "")
