"""Workspace -> what in its tree is no ordinary file, in words for the model: it is to be left as it is."""

from __future__ import annotations

import contextlib
import re

from .errors import ToolError
from .redaction import one_line
from .workspace import OURS, Workspace

_NAMED = 5
_SCRIPT = """
git ls-tree -r {tree} > {ours}/tree
show() {{ wc -l < {ours}/$1; head -n {named} {ours}/$1 | head -c 2000; echo; }}
tab=$(printf '\\t')
sed -n "/^120000 /s/^[^$tab]*$tab//p" {ours}/tree > {ours}/links; show links
sed -n "/^160000 /s/^[^$tab]*$tab//p" {ours}/tree > {ours}/modules; show modules
: > {ours}/pointers
if git grep -q -F filter=lfs {tree} -- ':(glob)**/.gitattributes'; then
  git grep -l -F 'version https://git-lfs.github.com/spec/' {tree} |
    sed 's/^\\("\\{{0,1\\}}\\)[0-9a-f]*:/\\1/' > {ours}/pointers
fi
show pointers
"""
_KINDS = (
    "symbolic links, which may be followed and not changed",
    "submodules, whose folders are empty here",
    "Git LFS pointers, which stand for large files that are not here",
)


def survey(workspace: Workspace, tree: str) -> str:
    """Count what is no ordinary file in this tree, and name a few; empty where all are, or where git cannot tell."""
    with contextlib.suppress(ToolError):
        return parse_survey(workspace.git(_SCRIPT.format(tree=tree, ours=OURS, named=_NAMED)))
    return ""


def parse_survey(answer: str) -> str:
    """Put the sandbox's answer in words: for each kind the count, some names, and an empty line."""
    told = []
    for kind, part in zip(_KINDS, answer.split("\n\n"), strict=False):
        count, *names = part.strip("\n").split("\n")
        if re.fullmatch(r"\s*[1-9][0-9]{0,8}\s*", count):
            named = ", ".join(one_line(name, 100) for name in names[:_NAMED])
            told.append(f"- {int(count):,} {kind}, such as {named}")
    return "\n".join(told)
