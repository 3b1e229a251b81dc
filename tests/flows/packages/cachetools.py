"""cachetools 4.2.0: a ``__missing__()`` that stores nothing breaks three caches; fixed in 4.2.1."""

from typing import Final

NAME: Final = "cachetools"
VERSION: Final = "4.2.0"
SDIST: Final = "cachetools-4.2.0.tar.gz"
SHA256: Final = "3796e1de094f0eaca982441c92ce96c68c89cced4cd97721ab297ea4b16db90e"

REPRODUCE: Final = (
    """python3 -B -c "import cachetools; C = type('C', (cachetools.LRUCache,), {'__missing__': lambda self, key: 0}); """
    """c = C(maxsize=1); c['a']; c['b'] = 1; c['d'] = 2" """.strip()
)
TESTS: Final = "python3 -B -m unittest"
"""``-B``: bytecode files would be changes, too, in a tree that ignores none."""

ISSUE_TITLE: Final = "KeyError on assignment when __missing__() does not store the value"
ISSUE_BODY: Final = f"""\
My cache is a subclass of `LRUCache` with a `__missing__` that gives a default for some keys and does not store it.
Looking such a key up works. Some time later, when the cache is full, an assignment to a *different* key fails:

```
{REPRODUCE}
```

```
KeyError: 'a'
```

`'a'` was never stored, only looked up; I expect that the cache drops `'b'` and takes `'d'`. From then on every
assignment of a new key fails. With `LFUCache` it is the same. I have not tried the others.

cachetools 4.2.0, Python 3.11
"""

PATCH: Final = """\
*** Begin Patch
*** Update File: cachetools/lfu.py
@@     def __getitem__(self, key, cache_getitem=Cache.__getitem__):
         value = cache_getitem(self, key)
-        self.__counter[key] -= 1
+        if key in self:  # else the value is from __missing__(), which need not store it
+            self.__counter[key] -= 1
         return value
*** Update File: cachetools/lru.py
@@     def __getitem__(self, key, cache_getitem=Cache.__getitem__):
         value = cache_getitem(self, key)
-        self.__update(key)
+        if key in self:  # else the value is from __missing__(), which need not store it
+            self.__update(key)
         return value
*** Update File: cachetools/mru.py
@@     def __getitem__(self, key, cache_getitem=Cache.__getitem__):
         value = cache_getitem(self, key)
-        self.__update(key)
+        if key in self:  # else the value is from __missing__(), which need not store it
+            self.__update(key)
         return value
*** Update File: tests/__init__.py
@@         self._test_missing_getsizeof(Cache(maxsize=2, getsizeof=lambda x: x))

+    def test_missing_that_stores_nothing(self):
+        class Cache(self.Cache):
+            def __missing__(self, key):
+                return -key
+
+        cache = Cache(maxsize=1)
+        self.assertEqual(-1, cache[1])
+        self.assertNotIn(1, cache)
+
+        cache[2] = 2
+        cache[3] = 3
+        self.assertEqual([3], list(cache))
+        self.assertEqual((3, 3), cache.popitem())
+        with self.assertRaises(KeyError):
+            cache.popitem()
+
     def _test_getsizeof(self, cache):
*** End Patch
"""
CHANGED: Final = ("cachetools/lfu.py", "cachetools/lru.py", "cachetools/mru.py", "tests/__init__.py")
