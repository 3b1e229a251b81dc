"""What may be committed, in whole runs: refused, ended, allowed, flagged; in a commit, at the end, in the post step."""

from __future__ import annotations

import base64
import signal
import threading
from pathlib import Path

import pytest

from standins.github.objects import Commit, Entry, Person
from standins.openai import call, reply, say
from standins.runner import spawn
from standins.stage import E2B_KEY, OPENAI_KEY, TOKEN
from tests.flows.tools import sh, use
from tests.projects import CALCULATOR, FIX

BRANCH = "ai-dev/issue-1"
COMMIT = call("commit", message="Change")
LINK = "ln -s /etc/passwd link"
REASON = "link: it is a symbolic link; only ordinary files may be committed. Remove it."
WORKFLOW = "mkdir -p .github/workflows && echo 'on: push' >.github/workflows/ci.yml"


def branches(stage):
    """The names of all branches."""
    return stage.repository.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()


def cut_off(stage, act, *steps, **job):
    """A run whose model has taken these steps and is killed in a silent command; then its post step."""
    begun = threading.Event()
    stage.e2b.on_command("sleep 300", lambda _: begun.set())
    stage.openai.play(*steps, reply(call("run_command", command="sleep 300")))
    cut = stage.label(1, **job)
    environ = cut.environ()
    log = Path(environ["GITHUB_STATE"]).parent / "log"
    with log.open("wb") as file:
        process = spawn(environ, file)
    try:
        assert begun.wait(30)
    finally:
        process.send_signal(signal.SIGKILL)
    cut.collect(process.wait(30), log)
    return act(cut)


def ended_comment(stage):
    """What our comment on the issue says in the end."""
    return stage.repository.issues[1].comments[-1].body


def leak(secret):
    """Commands that put a secret into a change, by how."""
    encoded = base64.b64encode(b"x" + secret.encode()).decode()
    return {
        "in a file": f"echo 'key = \"{secret}\"' >>calculator.py",
        "in base64, on two lines": f"printf '%s\\n%s\\n' {encoded[:30]} {encoded[30:]} >notes.txt",
        "in hex": f"echo {secret.encode().hex()} >notes.txt",
        "reversed": f"echo '{secret[::-1]}' >notes.txt",
        "in a name": f"touch 'x{secret}.txt'",
    }


SECRETS = {"token": TOKEN, "OpenAI key": OPENAI_KEY, "E2B key": E2B_KEY}
CASES = {f"{name}, {way}": text for name, secret in SECRETS.items() for way, text in leak(secret).items()}


def assert_blocked(stage, result):
    """The run ended as blocked, and nothing of the change is anywhere on GitHub or in the files of the runner."""
    assert (1, "blocked") == (result.exit_code, result.outputs["status"])
    assert [] == [name for name in branches(stage) if name != "main"]
    assert {} == stage.repository.pulls
    assert "One of the workflow's own secrets was found in a change" in ended_comment(stage)
    assert "Rotate the keys" in ended_comment(stage)
    assert "Rotate the keys" in result.summary
    sent = "".join(str(request) for request in stage.github.journal)
    assert "notes.txt" not in sent + ended_comment(stage) + result.summary


@pytest.mark.parametrize("command", list(CASES.values())[::2], ids=list(CASES)[::2])
def test_secret_ends_the_run(stage, act, command):
    """A secret of the workflow in a change ends the run before anything of the change leaves, however it is written."""
    stage.openai.play(reply(sh(command), COMMIT))

    assert_blocked(stage, act(stage.label(1)))


def test_secret_in_a_message(stage, act):
    """The same for the commit's message."""
    stage.openai.play(reply(call("apply_patch", patch=FIX), call("commit", message=f"Fix\n\n{TOKEN[::-1]}")))

    assert_blocked(stage, act(stage.label(1)))


def test_secret_in_a_pull_request(stage, act):
    """The same for what the pull request would say; the commit before it stays."""
    pull = call("make_pull_request", title="Add", body=f"It is {base64.b64encode(TOKEN.encode()).decode()}.")
    stage.openai.play(reply(call("apply_patch", patch=FIX), COMMIT, pull))

    result = act(stage.label(1))

    assert (1, "blocked", BRANCH) == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert {} == stage.repository.pulls


def test_secret_among_the_leftovers(stage, act):
    """The same for what the model left uncommitted."""
    stage.openai.play(reply(sh(f"echo {E2B_KEY} >notes.txt")), reply(say("Done.")))

    result = act(stage.label(1))

    assert_blocked(stage, result)
    assert "Done." not in ended_comment(stage)


def test_secret_in_the_last_words(stage, act):
    """The same for the model's last words, which are published as well."""
    stage.openai.play(reply(say("The key is " + TOKEN.encode().hex())))

    assert_blocked(stage, act(stage.label(1)))


def test_secret_after_a_commit(stage, act):
    """What was pushed before stays, and the comment names the branch."""
    stage.openai.play(
        reply(call("apply_patch", patch=FIX), COMMIT),
        reply(sh(f"echo {OPENAI_KEY} >notes.txt"), COMMIT),
    )

    result = act(stage.label(1))

    assert (1, "blocked", BRANCH) == (result.exit_code, result.outputs["status"], result.outputs["branch"])
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", BRANCH)
    assert f"kept on the branch `{BRANCH}`" in ended_comment(stage)


def test_secret_found_by_the_post_step(stage, act):
    """A run that was killed is blocked as well, when its post step finds a secret in what it left."""
    post = cut_off(stage, act, reply(sh(f"echo {E2B_KEY} >notes.txt")))

    assert ["main"] == branches(stage)
    assert "One of the workflow's own secrets was found" in ended_comment(stage)
    assert "notes.txt" not in ended_comment(stage) + post.summary
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


def test_leftovers_are_refused_with_the_same_words(stage, act):
    """What may not be committed by the model is not committed for it either; the reasons are told, the rest is kept."""
    stage.openai.play(reply(sh(f"{LINK}; echo >>calculator.py")), reply(say("Done.")))

    result = act(stage.label(1))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert REASON in ended_comment(stage)
    assert stage.repository.pulls[2].body.startswith("Refs #1\n")


def test_leftovers_that_are_all_refused(stage, act):
    """Where nothing of it may be committed there is no branch, and the run has failed."""
    stage.openai.play(reply(sh(LINK)), reply(say("Done.")))

    result = act(stage.label(1))

    assert (1, "failed", ["main"]) == (result.exit_code, result.outputs["status"], branches(stage))
    assert REASON in ended_comment(stage)


def test_post_step_refuses_with_the_same_words(stage, act):
    """Nor does the post step commit it."""
    cut_off(stage, act, reply(sh(f"{LINK}; echo >>calculator.py")))

    assert "calculator.py\n" == stage.repository.git("diff", "--name-only", "main", "ai-dev/issue-1")
    assert REASON in ended_comment(stage)


def test_protected_paths(stage, act):
    """Protected files are refused, added, changed or deleted, and the model can undo them and go on."""
    used = use(
        stage,
        act,
        sh(f"{WORKFLOW}; echo x >AGENTS.md; echo >>calculator.py"),
        COMMIT,
        sh("rm -r .github AGENTS.md"),
        COMMIT,
    )

    assert ".github/workflows/ci.yml: it is protected (CI)." in used.answers[1]
    assert "AGENTS.md: it is protected (instructions for assistants)." in used.answers[1]
    assert used.answer.endswith("M calculator.py")


def test_allowed_paths(set_stage, act):
    """What the workflow names may be changed and deleted, and is listed on top of the pull request."""
    stage = set_stage({**CALCULATOR, "AGENTS.md": "Old\n", ".npmrc": "x=y\n", ".vscode/a.json": "{}\n"})
    stage.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
    command = "echo New >AGENTS.md; rm .npmrc; echo '[]' >.vscode/a.json"
    allowed = {"allow-paths": "AGENTS.md, .npmrc\n.vscode/"}

    used = use(stage, act, sh(command), COMMIT, inputs=allowed)

    assert "M AGENTS.md" in used.answer
    (pull,) = stage.repository.pulls.values()
    flagged = "> [!IMPORTANT]\n> Look at these with care before you merge:\n"
    flagged += "> - `.vscode/a.json`: a protected path that the workflow allows\n"
    flagged += "> - `AGENTS.md`: a protected path that the workflow allows\n\nFixes #1\n"
    assert pull.body.startswith(flagged)


def test_own_configuration_stays(stage, act):
    """Our own configuration is not changed, whatever is allowed."""
    used = use(stage, act, sh("mkdir .github; echo >.github/ai-dev.yml"), COMMIT, inputs={"allow-paths": ".github/"})

    assert ".github/ai-dev.yml: it is AI Dev's own configuration" in used.answer


def test_workflow_that_github_refuses(stage, act):
    """A workflow that may be changed and that GitHub takes from no such token: the model learns it, nothing is lost."""
    used = use(
        stage,
        act,
        sh(f"{WORKFLOW}; echo >>calculator.py"),
        COMMIT,
        sh("rm -r .github"),
        COMMIT,
        inputs={"allow-paths": ".github/workflows/ci.yml"},
    )

    assert "GitHub does not let this token change files under .github/workflows." in used.answers[1]
    assert used.answer.endswith("M calculator.py")
    assert "opened" == used.result.outputs["status"]


def test_workflow_among_the_leftovers(stage, act):
    """The same at the end: the person who asked learns why it is not delivered."""
    stage.openai.play(reply(sh(WORKFLOW)), reply(say("Done.")))

    result = act(stage.label(1, inputs={"allow-paths": ".github/workflows/"}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "GitHub does not let this token change files under" in ended_comment(stage)


def test_flags_are_those_of_all_commits(stage, act):
    """What deserves a look is listed for every commit of the run, those of a main step that was killed too."""
    first = "mkdir scripts; echo 'exit' >scripts/a.sh; head -c 99 /dev/zero >a.bin"
    cut_off(stage, act, reply(sh(first), COMMIT), reply(sh("rm a.bin; echo '{}' >package-lock.json")))

    (pull,) = stage.repository.pulls.values()
    listed = [line for line in pull.body.split("\n") if line.startswith("> - ")]
    assert ["> - `scripts/a.sh`: a script", "> - `package-lock.json`: a lockfile"] == listed


def test_flags_outlive_the_run(stage, act):
    """A second run lists what the first one flagged too, also on top of a text that a person has rewritten."""
    use(stage, act, sh("echo exit >a.sh"), COMMIT)
    (pull,) = stage.repository.pulls.values()
    use(stage, act, sh("echo exit >b.sh"), COMMIT)
    assert ["> - `a.sh`: a script", "> - `b.sh`: a script"] == [
        x for x in pull.body.split("\n") if x.startswith("> - ")
    ]
    pull.body = "Mine."
    use(stage, act, sh("echo exit >c.sh"), COMMIT)
    assert "> - `c.sh`: a script\n\nMine." in pull.body


def test_names_that_are_one_elsewhere(stage, act):
    """A file that another file system takes for one that is there is refused."""
    used = use(stage, act, sh("echo x >Calculator.py; mkdir Docs docs; touch Docs/a docs/b"), COMMIT)

    assert "- Calculator.py: Calculator.py and calculator.py are one name where case" in used.answer
    assert "- Docs/a: Docs and docs are one name" in used.answer


def add_odd_files(repository):
    """Push links, a submodule and Git LFS pointers to main."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    repository.push(
        "main", {"a/.gitattributes": b"*.bin filter=lfs\n", "a/x.bin": pointer, "a/y.bin": pointer}, message="LFS"
    )
    objects, main = repository.objects, repository.git("rev-parse", "main").strip()
    link = objects.write_blob(b"README.md")
    entries = [*(Entry(f"link{i}", link, "120000") for i in range(7)), Entry("vendor", main, "160000")]
    person = Person("octo", "octo@example.com", repository.site.stamp())
    sha = objects.write_commit(Commit(objects.write_tree(main, entries), (main,), person, person, "Odd"))
    objects.move("refs/heads/main", sha, main)


def test_model_is_told_of_odd_files(stage, act):
    """Links, submodules and pointers of the base are counted and named to the model, and stay as they are."""
    add_odd_files(stage.repository)

    used = use(stage, act, call("apply_patch", patch=FIX), COMMIT, sh("echo >>a/x.bin"), COMMIT)

    asked = stage.openai.journal[0].body.decode()
    assert (
        "7 symbolic links, which may be followed and not changed, such as link0, link1, link2, link3, link4\\n" in asked
    )
    assert "1 submodules, whose folders are empty here, such as vendor\\n" in asked
    assert "2 Git LFS pointers, which stand for large files that are not here, such as a/x.bin, a/y.bin" in asked
    assert used.answers[1].endswith("M calculator.py")
    assert "a/x.bin: it is a Git LFS pointer" in used.answer
