"""The repository in the sandbox is the one on GitHub, whatever it holds, and only what was meant to change changes."""

import pytest

from standins.openai import call, last_outputs, reply, say
from standins.stage import E2B_KEY, OPENAI_KEY, TOKEN
from tests.projects import CALCULATOR, FIX

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4d" * 32 + "\nsize 12345\n"


@pytest.fixture
def ask(act):
    """Lets the model run commands in a job, then its other calls; gives what the commands printed."""

    def run(stage, job, *commands, then=()):
        printed = []

        def go_on(body):
            outputs = last_outputs(body).values()
            printed.extend(output.partition("Output:\n\n")[2].strip() or output for output in outputs)
            return reply(*then) if then else reply(say("Done."))

        stage.openai.play(reply(*(call("run_command", command=command) for command in commands)), go_on)
        if then:
            stage.openai.play(reply(say("Done.")))
        result = act(job)
        assert 0 == result.exit_code, result.log
        return printed

    return run


@pytest.fixture
def history(stage):
    """Three commits on main, each with a tag, one of them annotated; and a branch of its own."""
    stage.repository.git("tag", "v0.1", "main")
    stage.repository.push("main", {"two.py": b"2\n"}, message="Second")
    stage.repository.git(
        "-c", "user.name=Octo", "-c", "user.email=octo@example.com", "tag", "-a", "-m", "One", "v1.0", "main"
    )
    stage.repository.push("main", {"three.py": b"3\n"}, message="Third")
    stage.repository.push("develop", {"four.py": b"4\n"}, message="Fourth")
    return stage


def changed(stage):
    """What the pushed branch changes, as git tells it."""
    return stage.repository.git("diff", "--raw", "--no-abbrev", "main", "ai-dev/issue-1")


def test_fresh_repository(stage, ask):
    """The model finds a clean checkout of the true commit on its branch, an identity, and no remote."""
    commit = stage.repository.git("rev-parse", "main").strip()

    printed = ask(
        stage,
        stage.label(1),
        "git status --porcelain --ignored; echo end",
        "git rev-parse HEAD main ai-dev/issue-1 'HEAD^{tree}'; git branch --show-current",
        "git remote; git config --local --get-regexp 'remote|url|credential|extraheader'; echo end",
        "git config user.name; git config user.email",
        "git log --format=%s; git fsck --strict && echo sound",
        "git commit -q --allow-empty -m Mine && git log -1 --format='%an <%ae>'",
    )

    tree = stage.repository.git("rev-parse", "main^{tree}").strip()
    assert [
        "end",
        f"{commit}\n{commit}\n{commit}\n{tree}\nai-dev/issue-1",
        "end",
        "ai-dev\nai-dev@users.noreply.github.com",
        "Start\nsound",
        "ai-dev <ai-dev@users.noreply.github.com>",
    ] == printed


@pytest.mark.parametrize(
    ("depth", "log", "described"),
    [
        ("1", "Third", "fatal: No names found, cannot describe anything."),
        ("2", "Third\nSecond", "fatal: No names found, cannot describe anything."),
        ("0", "Third\nSecond\nStart", "v1.0-1-g"),
    ],
)
def test_depth(history, ask, depth, log, described):
    """The history is as deep as asked for; all of it comes with the tags, so that versions can be made of them."""
    job = history.label(1, inputs={"fetch-depth": depth})

    printed = ask(history, job, "git log --format=%s", "git describe; git tag", "git status --porcelain; echo end")

    assert (log, "end") == (printed[0], printed[2])
    assert printed[1].startswith(described)
    assert ("v0.1\nv1.0" in printed[1]) == (depth == "0")


def test_many_tags(stage, ask):
    """Thousands of tags come along."""
    commit = stage.repository.git("rev-parse", "main").strip()
    tags = "".join(f"create refs/tags/release/2026/v{i}.0.0 {commit}\n" for i in range(2000))
    stage.repository.objects.run("update-ref", "--stdin", data=tags.encode())

    printed = ask(stage, stage.label(1, inputs={"fetch-depth": "0"}), "git tag | wc -l")

    assert ["2000"] == printed


def test_base_branch(history, ask):
    """The input base-branch says where the work starts and where the pull request goes."""
    fix = call("apply_patch", patch=FIX), call("commit", message="Make add() add")

    printed = ask(history, history.label(1, inputs={"base-branch": "develop"}), "ls; git log --format=%s", then=fix)

    assert "four.py" in printed[0]
    assert printed[0].endswith("Fourth")
    (pull,) = history.repository.pulls.values()
    assert ("ai-dev/issue-1", "develop") == (pull.head, pull.base)
    assert "calculator.py" == history.repository.git("diff", "--name-only", "develop", "ai-dev/issue-1").strip()


def test_line_ends(set_stage, ask):
    """Files keep the line ends that they have on GitHub, whatever the attributes make of them in the checkout."""
    stage = set_stage(
        {
            ".gitattributes": "* text=auto\n*.bat text eol=crlf\n*.bin -text\n",
            "run.bat": b"@echo off\nrem one\nrem two\n",
            "data.bin": b"one\r\ntwo\r\n\0",
            "plain.py": "x = 1\n",
        }
    )
    stage.repository.push("main", {"old.txt": b"one\r\ntwo\r\nthree\r\n"}, message="Older than the attributes")
    stage.repository.add_issue("Number them", "From 1 to 3.", user="octo")
    patch = (
        "*** Begin Patch\n*** Update File: old.txt\n@@\n one\n-two\n+2\n three\n"
        "*** Update File: run.bat\n@@\n @echo off\n-rem one\n+rem 1\n*** End Patch"
    )
    edit = call("apply_patch", patch=patch), call("commit", message="Number")

    printed = ask(
        stage, stage.label(1), "git status --porcelain; file=$(od -c run.bat | head -1); echo $file", then=edit
    )

    assert [r"0000000 @ e c h o o f f \r \n r e m o"] == printed
    show = stage.repository.objects.run
    assert b"one\r\n2\r\nthree\r\n" == show("show", "ai-dev/issue-1:old.txt")
    assert b"@echo off\nrem 1\nrem two\n" == show("show", "ai-dev/issue-1:run.bat")
    assert ["old.txt", "run.bat"] == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1").split()


def test_line_ends_that_git_would_rewrite(set_stage, ask):
    """Files that break their own attributes are no change as long as nobody touches them, nor altogether if one does."""
    stage = set_stage({**CALCULATOR, ".gitattributes": "*.txt text\n"})
    old = {f"{name}.txt": b"one\r\ntwo\r\n" for name in ("a", "b c", "d/\u00fc", '"e"', "f*")}
    stage.repository.push("main", old, message="Break the rules")
    stage.repository.add_issue("Number it", None, user="octo")
    patch = "*** Begin Patch\n*** Update File: a.txt\n@@\n one\n-two\n+2\n*** End Patch"
    edit = call("apply_patch", patch=patch), call("commit", message="Number")

    printed = ask(stage, stage.label(1), "git status --porcelain; echo end", then=edit)

    assert ["end"] == printed
    assert "a.txt" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1").strip()
    assert b"one\r\n2\r\n" == stage.repository.objects.run("show", "ai-dev/issue-1:a.txt")


def test_special_files(set_stage, ask):
    """Links, submodules, pointers to large files and files that no archive has are there, and stay as they are."""
    stage = set_stage(
        {
            **CALCULATOR,
            ".gitattributes": "test_* export-ignore\n*.psd filter=lfs diff=lfs merge=lfs -text\n",
            "image.psd": POINTER,
            ".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = https://example.com/lib.git\n',
            "tool.sh": "#!/bin/sh\n",
        }
    )
    link = stage.repository.objects.write_blob(b"calculator.py")
    away = stage.repository.objects.write_blob(b"/etc/passwd")
    entries = (
        f"120000 {link}\tlink.py\n120000 {away}\tdocs/away\n160000 {'ab' * 20}\tlib\n"
        f"100755 {stage.repository.git('rev-parse', 'main:tool.sh').strip()}\ttool.sh\n"
    )
    amend(stage, entries)
    stage.repository.add_issue("add() subtracts", None, user="octo")
    fix = call("apply_patch", patch=FIX), call("commit", message="Make add() add")

    printed = ask(
        stage,
        stage.label(1),
        "git status --porcelain; ls; readlink link.py docs/away; ls lib; test -x tool.sh && cat image.psd",
        then=fix,
    )

    names = "README.md\ncalculator.py\ndocs\nimage.psd\nlib\nlink.py\ntest_calculator.py\ntool.sh\n"
    assert f"{names}calculator.py\n/etc/passwd\n{POINTER.strip()}" == printed[0]
    assert [":100644 100644"] == [line[:14] for line in changed(stage).splitlines()]
    assert "\tcalculator.py\n" in changed(stage)


def amend(stage, entries):
    """Put entries, as ``git update-index`` reads them, into main's commit."""
    objects, index = stage.repository.objects, {"GIT_INDEX_FILE": str(stage.directory / "index")}
    objects.run("read-tree", "main", extra=index)
    objects.run("update-index", "--index-info", data=entries.encode(), extra=index)
    tree = objects.run("write-tree", extra=index).decode().strip()
    who = {f"GIT_{role}_{what}": "octo@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    commit = objects.run("commit-tree", tree, "-m", "Start", extra=who).decode().strip()
    stage.repository.git("update-ref", "refs/heads/main", commit)


def test_large_base(set_stage, ask):
    """A repository with thousands of files and large ones is there in full, and a small change of it stays small."""
    many = {f"package_{i % 50}/module_{i}.py": f"x = {i}\n" for i in range(1500)}
    stage = set_stage({**CALCULATOR, **many, "large.bin": bytes(range(256)) * (40 << 10)})
    stage.repository.add_issue("add() subtracts", None, user="octo")
    fix = call("apply_patch", patch=FIX), call("commit", message="Make add() add")

    printed = ask(stage, stage.label(1), "git ls-files | wc -l; git status --porcelain; stat -c %s large.bin", then=fix)

    assert [f"{len(CALCULATOR) + 1501}\n{10 << 20}"] == printed
    assert 1 == len(changed(stage).splitlines())


def test_broken_git_folder(stage, ask):
    """Whatever becomes of the repository's .git in the sandbox, what was changed is committed."""
    fix = call("apply_patch", patch=FIX), call("commit", message="Make add() add")

    ask(stage, stage.label(1), "rm -rf .git; echo broken > .git", then=fix)

    assert "\tcalculator.py\n" in changed(stage)
    assert 1 == len(changed(stage).splitlines())


def test_no_secret_in_the_sandbox(stage, ask):
    """No file, no process's environment and no argument in the sandbox holds a key or the token, at any time."""
    found = []

    def search(sandbox):
        for path in sandbox.machine.directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                found.extend((path, name) for name in (TOKEN, OPENAI_KEY, E2B_KEY) if name.encode() in data)

    stage.e2b.on_command("", search)
    everything = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
    fix = call("apply_patch", patch=FIX), call("commit", message="Make add() add")

    printed = ask(stage, stage.label(1), everything, "env", "git config --list --show-origin", then=fix)

    assert [] == found
    assert "PAGER=cat" in printed[0]
    secrets = (TOKEN, OPENAI_KEY, E2B_KEY, stage.github.url, stage.openai.url)
    assert [] == [secret for secret in secrets for text in printed if secret in text]
