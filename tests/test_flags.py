"""What may be committed and deserves a look."""

import pytest

from ai_dev.flags import add_flags, describe_flags, flag, load_flags, place_flags, read_flags, save_flags
from ai_dev.policy import File


def file(path, data=b"text\n", verb="A", base=b""):
    """A file of a change."""
    return File(path, "" if verb == "D" else "100644", "", data, verb, base)


LOOK = {
    "a lockfile": [file("package-lock.json"), file("a/Cargo.lock"), file("go.sum"), file("uv.lock")],
    "a manifest that runs code when it is installed": [
        file("package.json", b'{"scripts": {"postinstall": "node x"}}'),
        file("a/package.json", b'"prepare" : ""'),
        file("setup.py"),
        file("build.rs"),
    ],
    "part of the build": [file("Dockerfile"), file("a/dockerfile.dev"), file("Makefile"), file("tox.ini")],
    "a script": [file("run.sh"), file("ci/deploy"), file("scripts/x.py"), file("a.ps1")],
    "binary": [file("a.png", b"\x89PNG\0"), file("latin.txt", b"caf\xe9")],
    "lines too long to read": [file("a.min.js", b"x" * 2001), file("a.js", b"\n" + b"y" * 3000)],
    "less than half of its lines are left": [file("a.py", b"1\n", "M", b"x\n" * 100)],
    "characters that show nothing": [file("a.md", "a\U000e0041b".encode()), file("b.py", "\u3164 = 1".encode())],
    "a protected path that the workflow allows": [file("AGENTS.md"), file(".npmrc")],
    "": [
        *[file("src/app.py"), file("package.json", b'{"name": "x"}'), file("README.md"), file("a.py", b"x\n" * 5000)],
        *[file("é.txt", "größe 😀\n".encode()), file("a.py", b"x\n" * 60, "M", b"x\n" * 100)],
    ],
}


@pytest.mark.parametrize(("kind", "looked_at"), [(k, f) for k, files in LOOK.items() for f in files], ids=str)
def test_kinds(kind, looked_at):
    """Each kind of file that has hidden an attack before is flagged, and ordinary work is not."""
    assert kind == flag(looked_at)


def test_flags_grow_with_the_branch():
    """Each commit adds to what was flagged; a file that is an ordinary one again is flagged no more."""
    flags = add_flags({}, [file("a.bin", b"\0"), file("b.bin", b"\0"), file("c.py")])
    flags = add_flags(flags, [file("a.bin", b"text"), file("d.sh"), file("b.bin", verb="D")])

    assert {"b.bin": "deleted", "d.sh": "a script"} == flags
    assert flags == load_flags(save_flags(flags))
    assert {} == load_flags("")


def test_description():
    """They are listed with a cap; deleted files only where there are many."""
    assert describe_flags({}) == describe_flags({f"{i}": "deleted" for i in range(9)}) == ""
    text = describe_flags({f"f{i:02}`@x`.sh": "a script" for i in range(40)} | {f"{i}": "deleted" for i in range(10)})

    lines = text.split("\n")
    assert ["> [!IMPORTANT]", "> Look at these with care before you merge:"] == lines[:2]
    assert "> - 10 files are deleted, such as `0`" == lines[2]
    assert "> - `f00'@x'.sh`: a script" == lines[3]
    assert ("> - … and 11 more", 33) == (lines[-1], len(lines))


def test_flags_are_read_again():
    """What an earlier run listed stays on top of the pull request, whose text stays too, also when people edit it."""
    flags = {f"f{i}": kind for i, kind in enumerate(LOOK) if kind}
    body = place_flags(flags, "The text.\n\nMore.")

    assert flags == read_flags(body) == read_flags(body.replace("\n", "\r\n"))
    assert place_flags({"x": "binary"}, "The text.\n\nMore.") == place_flags(
        {"x": "binary"}, body.replace("\n", "\r\n")
    )
    assert body == place_flags({}, body)
    assert {} == read_flags("") == read_flags("x" + body) == read_flags("> - `a`: b")


def test_state_is_bounded():
    """What the post step is told has an end, whatever the names."""
    flags = {f"{i}" + "\U00020000" * 245: "a script" for i in range(5000)}

    assert len(save_flags(flags).encode()) < 100_000
