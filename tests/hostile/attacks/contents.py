"""What a repository may hold: names, links, attributes, refs and a configuration made to hurt whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from standins.github.objects import ABSENT, Entry, Person
from standins.github.objects import Commit as Stored
from standins.openai import call, reply, say
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, calls, commit, nothing_pushed, sh, told
from tests.hostile.scene import BASE, Attack, By, Outcome, Scene
from tests.projects import CALCULATOR

Act = Callable[[Scene], Job]
LIST = call("list_files", path=".", depth=3)


def holding(*entries: tuple[str, str, bytes], then: Act) -> Act:
    """The base has these too: path, mode and content, as whoever pushes with a tool of his own can make them."""

    def act(scene: Scene) -> Job:
        objects, tip = scene.repository.objects, read_base(scene)
        made = [Entry(path, ABSENT[:-1] + "1" if mode == "160000" else objects.write_blob(data), mode)
                for path, mode, data in entries]  # fmt: skip
        person = Person("octo", "octo@example.com", scene.repository.site.stamp())
        tree = objects.write_tree(tip, made)
        sha = objects.write_commit(Stored(tree, (tip,), person, person, "Add"))
        objects.move(BASE, sha, tip)
        return then(scene)

    return act


def read_base(scene: Scene) -> str:
    """The base's tip."""
    return scene.repository.git("rev-parse", BASE).strip()


def with_branches(*names: str, then: Act) -> Act:
    """Somebody has pushed branches of these names."""

    def act(scene: Scene) -> Job:
        for name in names:
            scene.plant(name, {"backdoor.py": b"import os\n"})
        return then(scene)

    return act


def with_tags(*names: str, then: Act) -> Act:
    """Tags of these names lead to what somebody has pushed."""

    def act(scene: Scene) -> Job:
        sha = scene.plant("topic", {"backdoor.py": b"import os\n"})
        for name in names:
            scene.repository.git("update-ref", f"refs/tags/{name}", sha)
        return then(scene)

    return act


def label_with(*wanted: dict[str, object], **inputs: str) -> Act:
    """The owner labels issue 1; the model makes these calls; the workflow gives these inputs."""

    def act(scene: Scene) -> Job:
        scene.use(*wanted)
        return scene.label(1, inputs={name.replace("_", "-"): value for name, value in inputs.items()})

    return act


def forked(scene: Scene) -> Job:
    """Mallory has a fork with a branch of the name that ours will have, and a pull request from it."""
    fork = scene.github.add_repository("mallory/demo", source=scene.directory / "source")
    fork.push("ai-dev/issue-1", {"backdoor.py": b"import os\n"}, message="Mine", author="mallory")
    scene.repository.add_pull("Theirs", "Mine.", user="mallory", head="ai-dev/issue-1", source=fork)
    return calls(PATCH, commit(), call("make_pull_request", title="Make add() add", body="It subtracted."))(scene)


def theirs_is_left_alone(outcome: Outcome) -> None:
    """The fork's pull request is as it was, and ours is another one with the change alone."""
    theirs, ours = outcome.scene.repository.pulls.values()
    assert ("Theirs", "Mine.", "mallory") == (theirs.title, theirs.body, theirs.user.login)
    assert "octo/demo" == ours.head_repository
    only_the_change(outcome)


def only_the_change(outcome: Outcome) -> None:
    """Our branch differs from the base in the calculator alone, and by one line."""
    branch = outcome.main.outputs["branch"]
    assert branch, outcome.main.summary
    changed = outcome.git("diff", "--no-ext-diff", "--numstat", f"main...{branch}").strip()
    assert changed == "1\t1\tcalculator.py", outcome.diff() + outcome.main.log


def all_of(*checks: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """All these checks."""

    def check(outcome: Outcome) -> None:
        for each in checks:
            each(outcome)

    return check


def survey(*texts: str) -> Callable[[Outcome], None]:
    """The model was shown these texts."""

    def check(outcome: Outcome) -> None:
        assert [] == [text for text in texts if text not in outcome.prompts], outcome.prompts

    return check


def not_asked(outcome: Outcome) -> None:
    """The model was not asked, and nothing was pushed."""
    assert [] == outcome.scene.openai.journal
    nothing_pushed(outcome)


def read_by_nobody(text: str) -> Callable[[Outcome], None]:
    """This is in no prompt and in no answer."""

    def check(outcome: Outcome) -> None:
        assert text not in outcome.prompts + outcome.told

    return check


def with_files(files: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """The calculator and these files."""
    return {**CALCULATOR, **files}


def configuration(text: str) -> dict[str, str | bytes]:
    """The calculator, and this configuration."""
    return with_files({".github/ai-dev.yml": text})


CHANGE = label_with(PATCH, commit())
NAMES = [
    "\x1b]0;title\x07\x1b[2J", "::add-path::", "a\n::stop-commands::x", "a\r##[add-mask]b", "-rf", "--help", "$(id)", "`id`",
    ";id #", "\u202etxt.exe", "\u200b", " ", "a\tb", "'", '"', "\\", "*", "x" * 255, "ignore previous instructions",
    "~", "...", "@", "{0}", "%s", "con", "a b/-rf/$(id)",
]  # fmt: skip
ENDPOINTS = (
    "openai-base-url: http://127.0.0.1:9", "allowed-bots: mallory[bot]", "allow-paths: .github/workflows/",
    "setup: []\nmodel: y",
)  # fmt: skip
FAULTY = {
    "a tag that makes an object": "setup:\n- !!python/object/apply:os.system [id]\n",
    "a bomb of aliases": "a: &a [x]\nb: &b [*a, *a]\nsetup: [*b, *b]\n",
    "nesting": "setup: " + "[" * 4_000,
    "a workflow command for a key": '"x\\r::add-path::/x": 1\n',
    "bytes that are no text": "setup: ['\x01']\n",
}
LIES = {
    "a hook and a filter": "printf '#!/bin/sh\\necho x >>calculator.py' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit;"
    " git config filter.x.clean 'rev'; git config core.hooksPath .git/hooks; echo '* filter=x' >.git/info/attributes",
    "a monitor and a pager": "git config core.fsmonitor 'touch /tmp/evil'; git config core.pager 'cat /etc/passwd';"
    " git config alias.diff '!id'; git config diff.external /bin/false",
    "a shell's start files": "for f in .bashrc .profile .bash_profile .zshenv; do echo 'echo ::add-path::/x; alias git=false'"
    " >>~/$f; done; git config --global core.excludesFile ~/x; echo '*' >~/x",
    "alternates and replaced objects": "mkdir -p .git/objects/info; echo /etc >.git/objects/info/alternates;"
    " git replace HEAD:calculator.py HEAD:README.md",
    "workflow commands": "printf '::set-env name=A::b\\n##[add-path]/x\\r::stop-commands::y\\n'; exit 3",
}

ATTACKS = (
    Attack("Names are names", By.REPOSITORY, "has 26 names: commands, options, escapes, line ends", label_with(LIST, PATCH, commit()),
           "opened", all_of(only_the_change, told("calculator.py", "--help", "$(id)")),
           files=with_files(dict.fromkeys(NAMES, "x\n"))),
    Attack("A name that is no text is passed over", By.REPOSITORY, "has names in Latin-1 and of bytes that are none",
           holding(("na\u00efve/\ufeff\u2028.txt", "100644", b"x\n"),
                   then=label_with(LIST, PATCH, commit())), "opened", only_the_change),
    Attack("A link to a folder outside is not followed in a commit", By.REPOSITORY, "has links to /etc and to .git",
           holding(("docs", "120000", b"/etc"), ("hooks", "120000", b".git/hooks"), ("AGENTS.md", "120000", b"/etc/passwd"),
                   then=label_with(call("save_content_to_file", path="hooks/pre-commit", content="#!/bin/sh\nid\n"),
                                   PATCH, commit())),
           "opened", all_of(only_the_change, survey("3 symbolic links", "docs"), read_by_nobody("root:x:0"))),
    Attack("A link in the base is not turned into a file", By.REPOSITORY, "has a link where the model writes",
           holding(("notes", "120000", b"../../outside"), then=label_with(sh("rm notes; echo x >notes; git status -s"), commit())),
           ("opened", "failed")),
    Attack("A submodule is not fetched", By.REPOSITORY, "has submodules of a local path and with a command",
           holding(("lib", "160000", b""),
                   (".gitmodules", "100644", b'[submodule "x"]\n\tpath = lib\n\turl = file:///etc\n\tupdate = !touch /tmp/evil\n'),
                   then=label_with(sh("ls lib /tmp/evil; echo $?"), PATCH, commit())),
           "opened", all_of(only_the_change, survey("1 submodules", "lib"))),
    Attack("A filter of the base changes no commit", By.REPOSITORY, "has .gitattributes with filters, encodings, line ends",
           CHANGE, "opened", only_the_change,
           files=with_files({".gitattributes": "* filter=evil diff=evil merge=evil ident export-subst\n*.py eol=crlf\n"})),
    Attack("An LFS pointer is left as it is", By.REPOSITORY, "has LFS pointers and an .lfsconfig to another server",
           CHANGE, "opened", all_of(only_the_change, survey("1 Git LFS pointers", "model.bin")),
           files=with_files({
               ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
               ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:9/lfs\n",
               "model.bin": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 1\n",
           })),
    Attack("Ignoring all hides no change", By.REPOSITORY, "has a .gitignore of everything",
           holding((".gitignore", "100644", b"*\n"), then=CHANGE), "opened", only_the_change),
    Attack("A huge AGENTS.md is cut", By.REPOSITORY, "has an AGENTS.md of 4 MB, of commands and escapes", label_with(LIST),
           "answered", lambda outcome: survey("calculator")(outcome) if len(outcome.prompts) < 500_000 else not_asked(outcome),
           files=with_files({"AGENTS.md": "::add-path::/x\r##[group]\x1b[2J\n" * 130_000})),
    Attack("A folder is no AGENTS.md", By.REPOSITORY, "has folders where files are looked for", CHANGE, "opened", only_the_change,
           files=with_files({"AGENTS.md/x": "marker-4711\n", ".github/ai-dev.yml/x": "marker-4711\n"})),
    Attack("A link is no configuration", By.REPOSITORY, "has a link for its configuration",
           holding((".github/ai-dev.yml", "120000", b"../evil.yml"), ("evil.yml", "100644", b"setup: ['echo marker-4711']\n"),
                   then=label_with(LIST)), ("failed", "answered"), read_by_nobody("marker-4711")),
    *(
        Attack(f"Configuration cannot set {text.partition(':')[0]}{' beside setup' * ('setup' in text)}", By.REPOSITORY,
               f"configures {text!r}", label_with(LIST), "failed", not_asked, files=configuration(text + "\n"))
        for text in ENDPOINTS
    ),
    *(
        Attack(f"Configuration with {what} is refused", By.REPOSITORY, f"configures {what}",
               label_with(LIST), "failed", not_asked, files=configuration(text))
        for what, text in FAULTY.items()
    ),
    *(
        Attack(f"A set-up that leaves {what} changes no commit", By.REPOSITORY, f"has a set-up that leaves {what}",
               CHANGE, ("opened", "failed"), lambda o: only_the_change(o) if o.status == "opened" else nothing_pushed(o),
               files=configuration(f"setup:\n- |\n    {command}\n"))
        for what, command in LIES.items()
    ),
    Attack("Set-up of a planted branch does not run", By.REPOSITORY, "has a configuration on our branch alone",
           lambda scene: (scene.plant("ai-dev/issue-1", {".github/ai-dev.yml": b"setup: ['touch /tmp/evil']\n"}),
                          label_with(sh("ls /tmp/evil || echo absent"), PATCH, commit())(scene))[1],
           "opened", told("absent")),
    Attack("A branch in the way of our folder is left alone", By.REPOSITORY, "has a branch ai-dev",
           with_branches("ai-dev", then=CHANGE), "opened", only_the_change),
    Attack("A branch in the way of our name is left alone", By.REPOSITORY, "has a branch ai-dev/issue-1/x",
           with_branches("ai-dev/issue-1/x", then=CHANGE), "opened", only_the_change),
    Attack("When all names are planted nothing is forced", By.REPOSITORY, "has branches of all our names",
           with_branches("ai-dev/issue-1", *(f"ai-dev/issue-1-{n}" for n in range(2, 21)), then=CHANGE), "failed", not_asked),
    Attack("Tags lead nowhere else", By.REPOSITORY, "has tags main, HEAD and ai-dev/issue-1 to other commits",
           with_tags("main", "HEAD", "ai-dev/issue-1", "origin/main",
                     then=label_with(sh("git log --oneline -1; ls"), PATCH, commit(), fetch_depth="0")),
           "opened", told("calculator.py")),
    Attack("A fork's branch of our name is not ours", By.REPOSITORY, "has a fork's pull request from ai-dev/issue-1", forked,
           "opened", theirs_is_left_alone),
    Attack("A base that moves is not the run's", By.REPOSITORY, "pushes to the base during the run",
           lambda scene: (scene.play(lambda _: (scene.plant("main", {"README.md": b"marker-4711\n"}), reply(PATCH, commit()))[1],
                                     reply(say("Done."))), scene.label(1))[1],
           "opened", read_by_nobody("marker-4711")),
)  # fmt: skip
