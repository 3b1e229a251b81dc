"""The tools commit and make_pull_request: what is delivered, what is refused, and what the model is told."""

from __future__ import annotations

import re

import pytest

from standins.openai import call
from tests.flows.tools import expected, sh, use
from tests.projects import FIX

BRANCH = "ai-dev/issue-1"
COMMIT = call("commit", message="Change")
TREE = sh("GIT_INDEX_FILE=/tmp/index git add -A && GIT_INDEX_FILE=/tmp/index git write-tree")
"""The id of the tree that git, asked plainly, makes of the files that are there."""


def committed(*files, more=""):
    """The answer to a commit of these."""
    return f"Committed and pushed SHA to {BRANCH}:\n" + "\n".join(files) + more


def told(answers):
    """The answers, without the commits' ids."""
    return [re.sub(r"pushed [0-9a-f]{12} to", "pushed SHA to", answer) for answer in answers]


def commit_each(stage, act, cases):
    """Commit after each case's command; by name, what the commits were answered, and the tree that was there at last."""
    calls = [asked for command, _ in cases.values() for asked in (sh(command), COMMIT)]
    used = use(stage, act, *calls, TREE)
    return dict(zip(cases, told(used.answers[1:-1:2]), strict=True)), used.answer.split()[-1]


def test_kinds_of_change(stage, act):
    """Whatever ordinary files become, each commit delivers exactly that, byte for byte."""
    nothing = "Nothing has changed since the last commit, so there was nothing to commit."
    odd = "mkdir -p 'a b/é' && for n in 'sp ace' '\"q\"' \"it's\" '$x' '%41' -x '*?[' ü 日本 '#&' ..x 'e\u0301t'; do echo \"$n\" >\"a b/é/$n\"; done"
    names = ["sp ace", '"q"', "it's", "$x", "%41", "-x", "*?[", "ü", "日本", "#&", "..x", "e\u0301t"]
    cases = {
        "nothing": ("true", nothing),
        "changed": ("echo x >>calculator.py", committed("M calculator.py")),
        "nothing since": ("touch calculator.py", nothing),
        "odd names": (odd, committed(*sorted((f"A a b/é/{n}" for n in names), key=str.encode))),
        "an empty file, and one without a last newline": (": >empty; printf 'a\\nb' >open", committed("A empty", "A open")),
        "an empty folder": ("mkdir folder", nothing),
        "CRLF": ("printf 'a\\r\\nb\\n' >crlf", committed("A crlf")),
        "binary": ("head -c 300000 /dev/urandom >binary; printf '\\0' >nul", committed("A binary", "A nul")),
        "not UTF-8": ("printf 'caf\\351\\n' >latin", committed("A latin")),
        "long text": ("seq 140000 >long", committed("A long")),
        "chmod +x": ("chmod +x latin open", committed("M latin", "M open")),
        "chmod -x, with an edit": ("chmod -x latin; echo >>latin", committed("M latin")),
        "deleted": ("rm README.md", committed("D README.md")),
        "renamed": ("mv calculator.py sums.py", committed("D calculator.py", "A sums.py")),
        "renamed by case": ("mv sums.py Sums.py", committed("A Sums.py", "D sums.py")),
        "copied": ("cp Sums.py copy.py", committed("A copy.py")),
        "a file becomes a folder": ("rm empty; mkdir empty; echo >empty/x", committed("D empty", "A empty/x")),
        "a folder becomes a file": ("rm -r empty; echo >empty", committed("A empty", "D empty/x")),
        "a hundred files": (
            "mkdir many; touch many/{001..100}",
            committed(*[f"A many/{i:03}" for i in range(1, 31)], "… and 70 more"),
        ),
        "a message in a file of git's": ("echo x >.git/COMMIT_EDITMSG", nothing),
    }  # fmt: skip
    answers, tree = commit_each(stage, act, cases)

    assert expected(cases) == answers
    assert tree == stage.repository.git("rev-parse", f"{BRANCH}^{{tree}}").strip()
    pushed = sum(answer != nothing for answer in answers.values())
    assert str(pushed) == stage.repository.git("rev-list", "--count", f"main..{BRANCH}").strip()


def test_refused(stage, act):
    """What may not be committed is refused with every reason, and nothing of the commit is pushed."""
    refused = "Error: The commit is refused:\n- "
    undo = "Undo it and describe it in the pull request instead"
    protected = f"it is protected (CI). {undo}; who wants it changed here lists it in the action's input allow-paths."
    clone = "it is a submodule or a clone of another repository; only ordinary files may be committed. Remove it."
    many = "files are changed, at most 100 may be in one commit. Remove what does not belong there (or list it in .gitignore), or commit in parts."
    cases = {
        "symbolic link": ("ln -s /etc/passwd link", f"{refused}link: it is a symbolic link; only ordinary files may be committed. Remove it."),
        "a file replaced by a link": ("ln -sf /etc/passwd README.md", f"{refused}README.md: it is a symbolic link; only ordinary files may be committed. Remove it."),
        "nested clone": ("git clone -q . inner", f"{refused}inner: {clone}"),
        "nested repository without a commit": ("git init -q bare", "Error: git failed in the sandbox: error: 'bare/' does not have a commit checked out\nfatal: adding files failed"),
        "workflow": ("mkdir -p .github/workflows; echo >.github/workflows/ci.yml", f"{refused}.github/workflows/ci.yml: {protected}"),
        "workflow in other letters": ("mkdir -p .GitHub/Workflows; echo >.GitHub/Workflows/ci.yml", f"{refused}.GitHub/Workflows/ci.yml: {protected}"),
        "configuration": ("mkdir .github; echo >.github/ai-dev.yml", f"{refused}.github/ai-dev.yml: it is AI Dev's own configuration, which only people change. {undo}."),
        "newline": ("touch $'a\\nb'", f"{refused}a b: its name has control or invisible characters."),
        "tab": ("touch $'a\\tb'", f"{refused}a b: its name has control or invisible characters."),
        "not UTF-8": ("touch $'caf\\xe9'", f"{refused}caf\\udce9: its name is not UTF-8."),
        "right to left": ("touch $'a\\u202eb'", f"{refused}ab: its name has control or invisible characters."),
        "backslash": ("touch 'a\\b'", f"{refused}a\\b: its name has a backslash or a colon."),
        "trailing dot": ("touch a.", f"{refused}a.: a part of its path is too long, or ends with a dot or a space."),
        "git~1": ("mkdir GIT~1; touch GIT~1/config", "Error: git failed in the sandbox: error: invalid path 'GIT~1/config'\nerror: unable to add 'GIT~1/config' to index\nfatal: adding files failed"),
        "too large": ("head -c 1048577 /dev/zero >big", f"{refused}big: it has 1,048,577 bytes; a file may have 1,048,576."),
        "too large together": ("for i in 1 2 3 4 5; do head -c 1000000 /dev/urandom >big$i; done", f"{refused}All files together have 5,000,000 bytes; a commit may have 4,194,304."),
        "two reasons": ("ln -s x link; touch 'a:'", f"{refused}a:: its name has a backslash or a colon.\n- link: it is a symbolic link; only ordinary files may be committed. Remove it."),
        "not ours to read": ("touch secret; chmod 0 secret", "Error: git failed in the sandbox: error: open(\"secret\"): Permission denied\nerror: unable to index file 'secret'\nfatal: adding files failed"),
        "too many": ("mkdir many; touch many/{001..101}", f"Error: The commit is refused: 101 {many}"),
        "far too many": ("mkdir many; touch many/$(printf x%.0s {1..200}){1..5000}", f"Error: The commit is refused: too many {many}"),
    }  # fmt: skip
    restore = "rm -rf -- * .github .GitHub; git checkout -q -f .; "
    calls = [asked for command, _ in cases.values() for asked in (sh(restore + command), COMMIT)]
    used = use(stage, act, *calls, sh(restore))

    assert expected(cases) == dict(zip(cases, used.answers[1::2], strict=True))
    assert "" == stage.repository.git("for-each-ref", "refs/heads/ai-dev")
    assert {} == stage.repository.pulls


def test_own_git(stage, act):
    """Whatever the model does with git itself, the files that are there are what is committed."""
    config = "/home/user/.config/git"
    tricks = {
        "commit": "git commit -qam own",
        "branch": "git checkout -q -b other",
        "detached": "git checkout -q --detach",
        "amend": "git commit -q --amend --allow-empty -m other",
        "staged and changed back": "git add -A",
        "assume-unchanged": "git update-index --assume-unchanged calculator.py",
        "skip-worktree": "git update-index --skip-worktree calculator.py",
        "removed from the index": "git rm -q --cached calculator.py",
        "info/exclude": "echo '*' >.git/info/exclude",
        "info/attributes": "echo '* text eol=crlf filter=x' >.git/info/attributes; git config filter.x.clean 'tr a-z A-Z'",
        "global settings": "git config --global core.autocrlf true; git config --global core.fileMode false; git config --global filter.lfs.clean cat",
        "global ignores": f"mkdir -p {config}; echo 'calculator.py' >{config}/ignore; git config --global core.excludesFile {config}/ignore",
        "global attributes": f"echo '* text eol=crlf working-tree-encoding=UTF-16' >{config}/attributes",
        "hooks": "printf '#!/bin/sh\\nexit 1\\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git config --global core.hooksPath .git/hooks",
        "a locked index": "touch .git/index.lock",
        "replaced objects": "rm .git/index.lock; git replace -f HEAD $(git commit-tree -m x HEAD^{tree}) || true",
        "another worktree": "git config core.worktree /tmp",
        "a broken HEAD": "echo nonsense >.git/HEAD",
        "git's variables in the profile": "echo 'export GIT_DIR=/tmp GIT_INDEX_FILE=/tmp/x GIT_LITERAL_PATHSPECS=1' >>/home/user/.profile",
        "no objects": "rm -rf .git/objects",
        "no .git": "rm -rf .git",
        "a file .git": "echo 'gitdir: /tmp' >.git",
    }  # fmt: skip
    cases = {
        name: (f"printf '# {i}\\r\\n' >>calculator.py; {command}", committed("M calculator.py"))
        for i, (name, command) in enumerate(tricks.items())
    }
    answers, _ = commit_each(stage, act, cases)

    assert expected(cases) == answers
    shown = stage.repository.git("show", f"{BRANCH}:calculator.py")
    assert shown.endswith("".join(f"# {i}\r\n" for i in range(len(tricks))))
    assert str(len(tricks)) == stage.repository.git("rev-list", "--count", f"main..{BRANCH}").strip()


@pytest.mark.parametrize(
    "command", ["git stash -q", "git commit -qam x; git reset -q --hard HEAD~1"], ids=["stash", "reset"]
)
def test_work_taken_back(stage, act, command):
    """Work that the model put aside or took back is not delivered, and it is told that nothing has changed."""
    used = use(stage, act, call("apply_patch", patch=FIX), sh(command), COMMIT)

    assert "Nothing has changed since the last commit, so there was nothing to commit." == used.answer
    assert "unchanged" == used.result.outputs["status"]
    assert {} == stage.repository.pulls


def test_ignored_files_are_named(stage, act):
    """The model learns which of its files git ignored: the repository's rules, and what building leaves behind."""
    used = use(
        stage,
        act,
        sh("echo 'out/' >.gitignore; mkdir -p out __pycache__ node_modules/x; touch out/a.txt 'out/b c' __pycache__/x.pyc node_modules/x/y"),
        COMMIT,
        sh("echo '*' >.gitignore; touch 'new ü'"),
        COMMIT,
    )  # fmt: skip

    ignored = "\nNot committed, because git ignores it: __pycache__/, node_modules/, out/"
    _, first, _, second = told(used.answers)
    assert committed("A .gitignore", more=ignored) == first
    assert second.startswith(committed("M .gitignore", more="\nNot committed, because git ignores it: "))
    assert "new" in second


def test_message(stage, act):
    """The commit carries the model's message with nothing live in it, then the run and the person who asked."""
    use(
        stage,
        act,
        sh("echo >>calculator.py"),
        call(
            "commit", message="Fix @you [skip ci]\0\n\nIt fixes #5.\r\nSigned-off-by: Boss <b@example.com>\nend\x1b[31m"
        ),
    )

    message = stage.repository.git("log", "-1", "--format=%B", BRANCH)
    subject, body = message.split("\n", 1)
    assert "Fix @\u200byou …" == subject
    assert "It fixes #\u200b5.\n\nend" in body
    assert "Boss" not in body
    assert "\n\nAI-Dev-Run: " in body
    assert "Co-authored-by: octo <" in body


def test_empty_message(stage, act):
    """A commit without a message is refused, and the work is still delivered in the end."""
    messages = ("", " \n ", "\u200b\x07", "\n\n")
    used = use(stage, act, sh("echo >>calculator.py"), *(call("commit", message=message) for message in messages))

    assert ["Error: The message is empty: say what the change does."] * len(messages) == used.answers[1:]
    assert "opened" == used.result.outputs["status"]
    assert stage.repository.git("log", "-1", "--format=%s", BRANCH).strip()


def test_make_pull_request(stage, act):
    """Before a commit there is nothing to propose; then it opens one, once: called again it gives it another title."""
    used = use(
        stage,
        act,
        call("make_pull_request", title="Early", body="x"),
        sh("echo >>calculator.py"),
        call("make_pull_request", title="Early", body="x"),
        COMMIT,
        call("make_pull_request", title=" ", body="x"),
        call("make_pull_request", title="First", body="one"),
        call("make_pull_request", title="Second", body=""),
    )

    url = f"{stage.github.server_url}/octo/demo/pull/2"
    early = "Error: Nothing is committed yet, so there is nothing to propose: call commit first."
    assert [early, early] == used.answers[:3:2]
    assert [
        "Error: The title is empty: say what the change does.",
        f"Pull request #2 is open: {url}",
        f"Pull request #2 is open: {url}",
    ] == used.answers[4:]
    (pull,) = stage.repository.pulls.values()
    assert ("Second", True) == (pull.title, pull.body.startswith("Fixes #1\n\nDone.\n\n---\n"))
    assert "opened" == used.result.outputs["status"]


def test_hostile_pull_request(stage, act):
    """Title and body are the model's text with nothing live in it, cut to what GitHub takes."""
    use(
        stage,
        act,
        sh("echo >>calculator.py"),
        COMMIT,
        call(
            "make_pull_request",
            title="Fixes #7\nand @you " + "x" * 300,
            body="Closes #8, fixes octo/demo#9, @team/all\n/close\n<img src=x> ![i](http://x)\n" + "😀y" * 35_000,
        ),
    )

    (pull,) = stage.repository.pulls.values()
    assert pull.title.startswith("Fixes #\u200b7 and @\u200byou xxx")
    assert (True, False) == (len(pull.title) <= 256, "\n" in pull.title)
    assert pull.body.startswith(
        "Fixes #1\n\nCloses #\u200b8, fixes octo/demo#\u200b9, @\u200bteam/all\n\u200b/close\n<\u200bimg"
    )
    assert "!\u200b[i]\u200b(http:\u200b//" in pull.body
    assert len(pull.body) < 60_000
    assert "bytes left out" in pull.body
    assert ["@octo"] == re.findall(r"@\w+", pull.body)
