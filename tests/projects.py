"""Small repositories, and what a scripted model does in them."""

from __future__ import annotations

from collections.abc import Mapping

from standins.openai import Step, call, reply, say

CALCULATOR: Mapping[str, str | bytes] = {
    "README.md": "# Calculator\n",
    "calculator.py": "def add(a, b):\n    return a - b\n\n\ndef double(a):\n    return a * 2\n",
    "test_calculator.py": (
        "import unittest\n\nfrom calculator import double\n\n\n"
        "class Test(unittest.TestCase):\n    def test_double(self):\n        self.assertEqual(double(2), 4)\n"
    ),
}
FIX = """*** Begin Patch
*** Update File: calculator.py
@@
 def add(a, b):
-    return a - b
+    return a + b
*** End Patch"""


def fix_script(**pull: str) -> list[Step]:
    """The replies of a model that fixes ``add``, commits, opens the pull request and says so."""
    title = pull.get("title", "Make add() add")
    return [
        reply(call("run_command", command="python3 -c 'import calculator; print(calculator.add(1, 2))'")),
        reply(call("apply_patch", patch=FIX)),
        reply(call("commit", message="Make add() add\n\nIt subtracted.")),
        reply(call("make_pull_request", title=title, body=pull.get("body", "`add` subtracted; now it adds."))),
        reply(say("add() adds now.")),
    ]
