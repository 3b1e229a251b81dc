"""The main job on this machine: an issue becomes a pull request, with stand-ins for the three services."""
