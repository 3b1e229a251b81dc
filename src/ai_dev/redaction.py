"""Text -> text that may leave: secrets hidden, log lines made inert, published text neutralised, long text cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

HIDDEN = "***"
_SHORTEST_SECRET = 6
_TOKENS = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{40,255}|\bsk-[A-Za-z0-9_-]{20,255}|e2b_[a-f0-9]{32,64}"
    r"|eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}|AKIA[A-Z0-9]{16}|xox[abprs]-[\w-]{10,255}"
)
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,1000}(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_LENGTH = 2000


@dataclass(frozen=True)
class Redactor:
    """Hides the run's secrets: by exact value first, by the shapes of known credentials second."""

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Redactor:
        """A redactor of these values, longest first so that none hides a part of another."""
        return cls(tuple(sorted({v for v in values if len(v) >= _SHORTEST_SECRET}, key=len, reverse=True)))

    def clean(self, text: str) -> str:
        """Foreign text that may be shown: plain first, so that nothing invisible takes a secret apart, then hidden."""
        return self.hide(plain(text))

    def hide(self, text: str) -> str:
        """The text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return _TOKENS.sub(HIDDEN, text)


def plain(text: str) -> str:
    """The text without terminal escapes and control characters; line ends become newlines."""
    text = _TERMINAL.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


def log_lines(text: str) -> list[str]:
    """Untrusted text as lines that the runner takes for no command.

    The runner reads ``::command::`` at the start of a line and ``##[command]`` anywhere in one.
    """
    return ["│ " + line[:_LINE_LENGTH].replace("##[", "# #[") for line in plain(text).split("\n")]


def one_line(text: str, limit: int) -> str:
    """The text on one line, white space folded, cut at ``limit`` characters with an ellipsis."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def cut_middle(text: str, limit: int, where: str = "") -> str:
    """Keep about ``limit`` bytes of UTF-8, half from the start and half from the end, and say what is missing.

    ``where`` says where the whole can be read.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    head = data[: limit // 2].decode("utf-8", "ignore")
    tail = data[len(data) - limit // 2 :].decode("utf-8", "ignore")
    return head + left_out(len(data) - limit, where) + tail


def left_out(size: int, where: str = "") -> str:
    """The line that stands for ``size`` bytes left out of the middle."""
    return f"\n\n[… {size:,} bytes left out{'; ' + where if where else ''} …]\n\n"


_ENTITY = re.compile(r"&(?=#|commat;|num;)")
"""GitHub looks for mentions and references when ``&#64;`` is an @ already."""
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=\w)")
_REFERENCE = re.compile(r"#(?=\d)|(?<![A-Za-z0-9])GH-(?=\d)", re.IGNORECASE)
_HTML = re.compile(r"<(?=[a-zA-Z/!?])")
_IMAGE = re.compile(r"!(?=\[)")
_SLASH = re.compile(r"^([^\S\n]*)/(?=[a-zA-Z])", re.MULTILINE)
_FORGED = re.compile(r"^[^\S\n]*(?:[A-Z][A-Za-z]*(?:-[A-Za-z]+)+|(?i:[a-z]+(?:-[a-z]+)*-by))[^\S\n]*:.*$", re.MULTILINE)
_SKIP_CI = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^[^\S\n]*skip-checks[^\S\n]*:.*$",
    re.IGNORECASE | re.MULTILINE,
)


def inert(text: str) -> str:
    """The model's Markdown with nothing live in it: no mention, cross-reference, closing keyword, HTML, image, command.

    A zero-width space is put behind the character that would make it live, so that it still reads the same.
    """
    text = _SKIP_CI.sub("…", plain(text))  # by something, or the text around it could close to another
    text = _ENTITY.sub("&\u200b", text)
    text = _MENTION.sub("@\u200b", text)
    text = _REFERENCE.sub(lambda m: m.group() + "\u200b", text)
    text = re.sub(r"(?<=/)(issues|pull|pulls|commit)(?=/[0-9a-f])", "\\1\u200b", text)
    text = _HTML.sub("<\u200b", text)
    text = _IMAGE.sub("!\u200b", text)
    return _SLASH.sub("\\1\u200b/", text)


def title(text: str, limit: int = 200) -> str:
    """The model's title: one line, nothing live in it, of a length that GitHub takes."""
    return inert(one_line(text, limit))[:256].strip()


def commit_message(text: str, limit: int = 10_000) -> str:
    """The model's commit message: subject cut to one line, trailers and CI switches taken out, references inert."""
    subject, _, body = plain(text[:limit]).strip().partition("\n")
    body = _FORGED.sub("", inert(body)).strip()
    return title(subject) + (f"\n\n{body}" if body else "")
