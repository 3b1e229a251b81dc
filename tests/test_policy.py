"""What may be committed, rule by rule."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.errors import Blocked
from ai_dev.leaks import Leaks
from ai_dev.policy import (
    _CREDENTIALS,
    File,
    Policy,
    check_content,
    check_mode,
    check_path,
    find_protected,
    fold,
    is_pointer,
)

NONE = Policy(Leaks.of([]))

ORDINARY = [
    *["a", "src/app.py", ".gitignore", "größe/ß.txt", "日本語", "a b/c'd\"e", "-f", "~", "a.git", "x" * 255, "git"],
    *[".gitx", "...a", "a/.b", "$(id)", "workflows/ci.yml", ".git1", "git~", "a.py.~1~", "file~", "e\u0301t", "a~b"],
    *["README.md", "package.json", "yarn.lock", "docs/github/workflows/x", "src/.env.example", "Dockerfile"],
    *["😀.txt", "C", "con", "a" * 200 + "/" + "b" * 200, "/".join("a" * 40), ".editorconfig", "src/.hidden/x"],
]


@pytest.mark.parametrize("path", ORDINARY, ids=ascii)
def test_ordinary_paths(path):
    """Names that only look odd may be committed."""
    assert [] == NONE.check_place(path, "100644")


HOSTILE = {
    "not plain": [
        *["", "/", "/etc/passwd", "a//b", "a/", "./a", "a/.", "..", "../a", "a/../../b", "\u2025/a", "a/\u2024"],
        *["~/../x/..", "\u2100"],
    ],
    "long": ["x" * 256, "é" * 128, "/".join("a" * 41), "/".join(["x" * 200] * 6)],
    "git's own": [
        *[".git", ".git/config", "a/.git/hooks/x", ".GIT/x", ".Git", ".git.", ".git ", ".git\u200c/x", "\uff0egit/x"],
        *["\u2024git/x", ".g\u200dit", ".\uff27\uff29\uff34/x", ".gi\u0074\u00ad", ".git::$INDEX_ALLOCATION/x"],
        *[".g\u0131t\u200b", ".git\u3164", ".g\ufe0fit", ".gi\u034ft", ".git\u180e", ".git\u2060", "sub/.GiT"],
    ],
    "short names": [
        *["git~1", "GIT~2/x", "GITMOD~1", "GI7EBA~1", "GITHUB~1/WORKFL~1/x.yml", "CODEOW~1", "gi7d29~1", "A~1.TXT"],
        *["ACTION~1.YML", "src/GIT~1/config", "AI-DEV~1.YML", "~1"],
    ],
    "characters": [
        *["a\\..\\b", "C:/x", "a:b", "a.", "a ", "a /b", "a./b", "a\nb", "a\rb", "a\tb", "a\0b", "a\x7f", "a\x1b[2K"],
        *["a\u202eb", "\ufeffa", "a\u2028b", "a\u2029", "a\udcffb", "a\u200bb", "a\u2066b", "a\U000e0041", "\u3164"],
        *["a\u115fb", "a\u2800", "a\ufe00", "a\x85", "a\ue000", "a\u00a0", "a\ud800"],
    ],
}


@pytest.mark.parametrize("path", [path for paths in HOSTILE.values() for path in paths], ids=ascii)
def test_hostile_paths(path):
    """A path that is not plain, or that some file system takes for another one, is refused with the reason."""
    assert check_path(path)


@given(
    st.lists(
        st.sampled_from([".git", ".github", "workflows", "a", "..", ".", "", "\u200d", " ", "\\", "\n", "~1"])
        | st.text()
    )
)
def test_paths_that_may_be_committed_are_plain(parts):
    """Whatever the path: if it may be committed, no file system makes another one of it."""
    path = "/".join(parts)
    if NONE.check_place(path, "100644"):
        return

    folded = unicodedata.normalize("NFKC", path).casefold().split("/")
    assert not {"", ".", "..", ".git"} & set(folded)
    assert not folded[0].startswith(".") or len(folded) == 1
    assert not set("\\:\0\n\r\u200d") & set(path)
    assert path == path.encode().decode()


@given(st.text())
def test_folding_is_stable(name):
    """A name that is folded folds to itself, in any case and in either of the forms that file systems use."""
    assert fold(name) == fold(fold(name))
    assert fold(name) == fold(unicodedata.normalize("NFD", name))


PROTECTED = {
    "CI": [
        *[".github/workflows/ci.yml", ".GitHub/Workflows/x", ".github/WORKFLOWS/a", ".github/work\ufb02ows/x"],
        *[".github/actions/x/run.sh", "action.yml", "a/b/Action.YAML", ".gitlab-ci.yml", "Jenkinsfile", "a/Jenkinsfile"],
        *["azure-pipelines.yml", ".travis.yml", "jenkinsfile.release", ".github/workflows"],
    ],
    "git's own configuration": [".gitattributes", "src/.gitattributes", ".gitmodules", ".lfsconfig", ".GITMODULES"],
    "the owners of the code": ["CODEOWNERS", "docs/CODEOWNERS", ".github/CODEOWNERS", "codeowners"],
    "instructions for assistants": ["AGENTS.md", "a/CLAUDE.md", "GEMINI.md", ".cursorrules", ".mcp.json"],
    "a package manager's configuration": [
        *[".npmrc", "web/.npmrc", ".yarnrc", ".yarnrc.yml", "pip.conf", "bunfig.toml", "a/.cargo/config.toml"],
        *["NuGet.Config", ".pnpmfile.cjs"],
    ],
    "the folder .github at the top": [".github/dependabot.yml", ".github/ISSUE_TEMPLATE/x.md", ".github/a"],
    "the folder .vscode at the top": [".vscode/settings.json"],
    "the folder .claude at the top": [".claude/settings.json", ".Claude/x"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, paths in PROTECTED.items() for path in paths if path != ".github/workflows"],
    ids=ascii,
)
def test_protected_paths(kind, path):
    """A protected path may be added, changed or deleted only where the workflow names it or a folder that it is in."""
    folder = path.rpartition("/")[0] + "/"

    for mode in ("", "100644", "100755"):
        (reason,) = NONE.check_place(path, mode)
        assert f"{path}: it is protected ({kind})." in str(reason) or not path.isascii()
        assert [] == Policy(NONE.leaks, ("x", path)).check_place(path, mode)
        assert [] == Policy(NONE.leaks, (folder,) if folder != "/" else (path,)).check_place(path, mode)
    for other in (
        path + "x",
        path[:-1].rstrip("/"),
        path.upper() + "!",
        folder[:-1],
        "",
        "/",
        "*",
        "**",
        path + "/",
        "x" + folder,
    ):
        assert NONE.check_place(path, "") == Policy(NONE.leaks, (other,)).check_place(path, "")


@pytest.mark.parametrize("path", [".github/ai-dev.yml", ".GITHUB/AI-DEV.YAML", ".github/ai-dev.yaml"])
def test_own_configuration(path):
    """Nothing lets the assistant change what the next run is configured by."""
    allowed = Policy(NONE.leaks, (path, ".github/", ".GITHUB/"))

    assert "AI Dev's own configuration" == find_protected(path)
    assert f"{path}: it is AI Dev's own configuration" in str(allowed.check_place(path, "")[0])


@given(st.text(st.sampled_from("01467 "), max_size=7))
def test_modes(mode):
    """Two modes may be committed, and what is deleted has none."""
    assert (not check_mode(mode)) == (mode in ("", "100644", "100755"))


def content(data, base=b"", verb="M"):
    """The reasons against a content."""
    return list(map(str, check_content(File("f", "100644", "", data, verb, base))))


JWT = b"eyJ" + b"hbGciOiJIUzI1NiJ9" + b".eyJ" + b"zdWIiOiIxMjM0In0" + b".dozjgNryP4J3jVmN"
CREDENTIALS = {
    "GitHub token": [b"ghp_" + b"aB3" * 12, b"github_pat_" + b"11ABC_" * 12, b"ghs_" + b"x" * 36],
    "OpenAI key": [b"sk-" + b"proj-" + b"Ab1_" * 10, b"sk-" + b"T3" * 24],
    "E2B key": [b"e2b_" + b"0f" * 20],
    "AWS key": [b"AKIA" + b"QWERTYUIOPASDFGH", b"ASIA" + b"QWERTYUIOPASDFG1"],
    "Slack token": [b"xox" + b"b-1234567890-abc", b"https://hooks." + b"slack.com/services/T0123ABCD/B01/x"],
    "private key (PEM)": [b"-----BEGIN " + kind + b"PRIVATE KEY-----" for kind in (b"", b"RSA ", b"OPENSSH ")],
    "JSON web token": [JWT],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in CREDENTIALS.items() for value in values])
def test_credentials(kind, value):
    """What looks like somebody's key is refused, with its line and without the key, unless the base had it already."""
    text = b"a = 1\nkey = '" + value + b"'\n"

    (reason,) = content(text)
    assert reason.startswith(f"f: line 2 has what looks like a real credential: {kind}.")
    assert value.decode() not in reason
    assert [] == content(b"moved\n\n" + text, base=text)
    assert [] == content(text, verb="D")
    (reason,) = content(
        text + value.replace(b"b", b"c").replace(b"1", b"2").replace(b"Q", b"W").replace(b"x", b"y")
    ) or (reason,)
    assert "line 2" in reason


@pytest.mark.parametrize(
    "text",
    [
        *[b"ghp_short", b"sk-circle-fade-dot-that-spins-slowly", b"task-0123456789012345678901234", b"e2b_template"],
        *[b"AKIA" + b"IOSFODNN7EXAMPLE", b"-----BEGIN PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----", b"eyJhbGciOi"],
        *[b"risk-assessment-2024-for-the-whole-company", b"xoxb-", b"", b"\0" * 100],
    ],
)
def test_what_only_looks_like_a_credential(text):
    """Ordinary text is no credential."""
    assert [] == content(text)


BIDI = [chr(c) for c in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@pytest.mark.parametrize("char", BIDI, ids=ascii)
def test_characters_that_turn_text(char):
    """Added lines have no characters that turn the direction of text; those of the base may stay and move."""
    line = f"x = 'a{char}b'"

    assert "f: line 2 has characters that turn" in content(f"\n{line}".encode())[0]
    assert "line 1 has" in content(f"{line}".encode("utf-16"))[0]
    assert [] == content(f"\n\n{line}\nmore".encode(), base=f"{line}\n".encode())
    assert content(f"{line}\n{line} ".encode(), base=line.encode())


def test_binary_files_are_no_text():
    """Bytes that git does not show as text turn nothing."""
    assert [] == content(b"\0" + BIDI[5].encode())
    assert content(b"\xff" + BIDI[5].encode())


def test_pointers():
    """What Git LFS keeps in place of a file is refused, new or changed; text about it is not."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"

    assert "Git LFS pointer" in content(pointer)[0]
    assert "Git LFS pointer" in content(pointer, base=pointer.replace(b"0", b"1"))[0]
    assert not is_pointer(b"# " + pointer)
    assert not is_pointer(pointer + b"x" * 1024)


def test_guard_names_nothing():
    """The error for a secret of ours does not have it, nor any part of it."""
    secret = "sk-secret-0123456789-secret-9876543210"
    with pytest.raises(Blocked) as raised:
        Policy(Leaks.of([secret])).guard("fine", b"also fine", f"x{secret}x")
    assert not any(secret[i : i + 8] in str(raised.value) for i in range(len(secret) - 8))


@pytest.mark.parametrize(
    "unit", [b"eyJ", b"eyJ0.", b"eyJ0123456789.", b"sk-", b"sk-a", b" sk-", b"ghs_", b"github_pat_", b"xoxb-", b"AKIA", b"e2b_0", b"-----BEGIN ", b"-----BEGIN A ", b"hooks.slack.com/services/T", b"\xe2\x80\xae\n", b"\xff\xfe"]
)  # fmt: skip
def test_time_is_linear(unit):
    """The largest file that may be committed is checked in no time, whatever is in it."""
    data = (unit * ((1 << 20) // len(unit) + 1))[: 1 << 20]
    began = time.process_time()
    content(data, base=data)
    assert time.process_time() - began < 3


def test_patterns_are_all_tried():
    """Each pattern has its examples here."""
    assert _CREDENTIALS.keys() == CREDENTIALS.keys()
