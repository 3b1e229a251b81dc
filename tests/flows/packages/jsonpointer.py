"""jsonpointer 2.3: a list's index may have zeros in front, and letters behind a zero; RFC 6901 forbids both."""

from typing import Final

NAME: Final = "jsonpointer"
VERSION: Final = "2.3"
SDIST: Final = "jsonpointer-2.3.tar.gz"
SHA256: Final = "97cba51526c829282218feb99dab1b1e6bdf8efd1c43dc9d57be093c0d69c99a"

REPRODUCE: Final = (
    """python3 -B -c "import jsonpointer as j; assert j.resolve_pointer(['a', 'b'], '/01', None) is None" """.strip()
)
TESTS: Final = "python3 -B -m unittest"
"""``-B``: bytecode files would be changes, too, in a tree that ignores none."""

ISSUE_TITLE: Final = "'/01' is taken for the index 1"
ISSUE_BODY: Final = f"""\
We store JSON pointers next to documents, and compare them as text. A pointer with a zero in front resolves, though
RFC 6901 (section 4) says that an index has no leading zeros:

```
{REPRODUCE}
```

This ends with an `AssertionError`: it gives `'b'`, and I expect the default, as for any index that is none.
`resolve_pointer(['a', 'b'], '/0x')` is odd as well: a `ValueError` instead of a `JsonPointerException`.

jsonpointer 2.3, Python 3.11
"""

PATCH: Final = """\
*** Begin Patch
*** Update File: jsonpointer.py
@@ class JsonPointer(object):
-    _RE_ARRAY_INDEX = re.compile('0|[1-9][0-9]*$')
+    _RE_ARRAY_INDEX = re.compile('(0|[1-9][0-9]*)$')
     _RE_INVALID_ESCAPE = re.compile('(~[^01]|~$)')
*** Update File: tests.py
@@ class WrongInputTests(unittest.TestCase):
         doc = [0, 1, 2]
         self.assertRaises(JsonPointerException, resolve_pointer, doc, '/a')

+    def test_zero_in_front_of_an_index(self):
+        doc = [0, 1, 2]
+        self.assertEqual(resolve_pointer(doc, '/0'), 0)
+        for pointer in ('/00', '/01', '/0x'):
+            self.assertRaises(JsonPointerException, resolve_pointer, doc, pointer)
+
     def test_oob(self):
*** End Patch
"""
CHANGED: Final = ("jsonpointer.py", "tests.py")
