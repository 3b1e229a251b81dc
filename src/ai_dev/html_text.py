"""HTML -> the text that it shows: no tags, no comments, nothing of elements that hide their content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import quote

_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*+([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)))?+")
_TAG_END = re.compile(r"[\s/]*+>")
_MARKUP = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", "?>"), ("</", ">"))
"""How what is no tag begins and ends."""
_HIDING = frozenset(
    (
        *("audio", "canvas", "datalist", "dialog", "head", "iframe", "math", "noembed", "noframes", "noscript"),
        *("object", "rp", "script", "style", "svg", "template", "title", "video"),
    )
)
"""Elements whose content a page does not show, or not as it is written."""
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
"""Elements without content."""
_LINES = frozenset(
    (
        *("blockquote", "br", "dd", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li"),
        *("ol", "p", "pre", "section", "summary", "table", "tr", "ul"),
    )
)
"""Elements that begin and end a line."""
_HARMLESS = frozenset(
    ("font-style", "font-weight", "list-style", "text-align", "text-decoration", "vertical-align", "white-space")
)
"""Properties of a style that cannot hide anything; one that is not named here may."""
_PLAIN = frozenset(("align", "alt", "height", "href", "open", "src", "width"))
_LONGEST_NAME = 10
_SIZE = re.compile(r"[0-9.]{1,8}(?:px|em|%)?|left|right|center|image", re.IGNORECASE)
"""Attributes, the names of elements, and values that nobody would call hidden text."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):")
_ENTITY = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)")


def web_address(url: str) -> str:
    """The address with nothing in it that is markup; empty for a scheme that GitHub makes no link of."""
    scheme = _SCHEME.match(url.strip())
    if scheme and scheme[1].lower() not in ("http", "https", "mailto"):
        return ""
    return _ENTITY.sub("%26", quote(url.strip(), safe="/:?#[]@!$&'*+,;=%~"))


@dataclass
class Html:
    """Reads a page piece by piece, for an element may hide what stands in a later one. In doubt what follows is hidden.

    The pieces are what a Markdown parser takes for HTML; text between them is no HTML.
    """

    hiding: bool = False
    """Whether what comes next is hidden."""
    markup: str = ""
    """What was read and is no text: the names of tags and attributes, and sizes."""
    added: str = ""
    """Words that stand in no source."""
    _name: str = ""
    """The element that hides; empty when the rest of the page is hidden."""
    _depth: int = 0

    def read(self, source: str) -> str:
        """The text that this piece of the page shows."""
        shown, at = [], 0
        while at < len(source):
            end = source.find("<", at)
            text, after = (source[at:], len(source)) if end < 0 else (source[at:end], end)
            shown.append("" if self.hiding else unescape(text))
            if end >= 0:
                text, after = self._read_markup(source, end)
                shown.append("" if self.hiding else text)
            at = after
        return "".join(shown)

    def _read_markup(self, source: str, at: int) -> tuple[str, int]:
        """What the markup at this place shows, and where it ends."""
        if name := _NAME.match(source, at):
            return self._read_tag(source, name)
        for opening, closing in _MARKUP:
            if source.startswith(opening, at):
                end = source.find(closing, at + len(opening))
                return self._break_off(source) if end < 0 else ("", end + len(closing))
        return "<", at + 1

    def _read_tag(self, source: str, found: re.Match[str]) -> tuple[str, int]:
        name, at, values = found[1].lower(), found.end(), dict[str, str]()
        while attribute := _ATTRIBUTE.match(source, at):
            at = attribute.end()
            key, value = attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or ""
            values.setdefault(key, unescape(value))
            self.markup += (key if key in _PLAIN else "") + (value if _SIZE.fullmatch(value) else "")
        end = _TAG_END.match(source, at)
        if not end:
            return self._break_off(source)
        self.markup += name if len(name) <= _LONGEST_NAME else ""
        if found[0].startswith("</"):
            self._close(name)
        else:
            self._open(name, values)
        return self._show(name, values), end.end()

    def _show(self, name: str, values: dict[str, str]) -> str:
        if name == "img" and "src" in values and not _is_hidden(values):
            self.added += "" if self.hiding else "image"
            return f"[image: {web_address(values['src'])}]"
        return "\n" if name in _LINES else " " if name in ("td", "th") else ""

    def _open(self, name: str, values: dict[str, str]) -> None:
        if name in _VOID:
            return
        if self.hiding:
            self._depth += name == self._name
        elif name in _HIDING or _is_hidden(values):
            self.hiding, self._name, self._depth = True, name, 1

    def _close(self, name: str) -> None:
        if self.hiding and name == self._name:
            self._depth -= 1
            self.hiding = self._depth > 0

    def _break_off(self, source: str) -> tuple[str, int]:
        """Markup without an end takes the rest of the page with it."""
        self.hiding, self._name = True, ""
        return "", len(source)


def _is_hidden(values: dict[str, str]) -> bool:
    """Whether the attributes of a tag may hide its element."""
    declared = {declaration.partition(":")[0].strip().lower() for declaration in values.get("style", "").split(";")}
    return "hidden" in values or values.get("aria-hidden") == "true" or bool(declared - _HARMLESS - {""})
