"""What runs in a sandbox, as its process 1.

It starts with each sandbox, without the packages that the stand-in needs: so it imports the standard library and its
own modules, by relative names, for there it is a package on its own.
"""
