"""parse 1.12.0: ``compile()`` takes ``case_sensitive`` and drops it; fixed in 1.12.1."""

from typing import Final

NAME: Final = "parse"
VERSION: Final = "1.12.0"
SDIST: Final = "parse-1.12.0.tar.gz"
SHA256: Final = "1b68657434d371e5156048ca4a0c5aea5afc6ca59a2fea4dd1a575354f617142"

REPRODUCE: Final = (
    """python3 -B -c "import parse; assert parse.compile('SPAM', case_sensitive=True).parse('spam') is None" """.strip()
)
TESTS: Final = "python3 -B -m unittest"
"""``-B``: bytecode files would be changes, too, in a tree that ignores none."""

ISSUE_TITLE: Final = "compile(..., case_sensitive=True) still ignores case"
ISSUE_BODY: Final = f"""\
I match many lines against one format, so I compile it first. Upper and lower case matter in my files, and the
docstring of `compile` says that `case_sensitive=True` is for that. It has no effect: the compiled parser matches
text in the wrong case.

```
{REPRODUCE}
```

This ends with an `AssertionError`, because `.parse('spam')` gives `<Result () {{}}>`. I expect `None`, as from
`parse.parse('SPAM', 'spam', case_sensitive=True)`, which is right.

parse 1.12.0, Python 3.11
"""

PATCH: Final = """\
*** Begin Patch
*** Update File: parse.py
@@ def compile(format, extra_types=None, case_sensitive=False):
     Returns a Parser instance.
     '''
-    return Parser(format, extra_types=extra_types)
+    return Parser(format, extra_types=extra_types, case_sensitive=case_sensitive)
*** Update File: test_parse.py
@@     def test_case_sensitivity(self):
         self.assertEqual(r[0], 'spam')
         self.assertEqual(parse.parse('SPAM {} SPAM', 'spam spam spam', case_sensitive=True), None)

+    def test_case_sensitivity_of_a_compiled_format(self):
+        parser = parse.compile('SPAM {}', case_sensitive=True)
+        self.assertEqual(parser.parse('SPAM eggs')[0], 'eggs')
+        self.assertIsNone(parser.parse('spam eggs'))
+        self.assertEqual(parse.compile('SPAM {}').parse('spam eggs')[0], 'eggs')
+
     def test_decimal_value(self):
*** End Patch
"""
CHANGED: Final = ("parse.py", "test_parse.py")
