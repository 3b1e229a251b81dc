"""AI Dev: an issue becomes a pull request."""
