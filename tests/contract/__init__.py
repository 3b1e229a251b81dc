"""What we send, what we read and what the stand-in says, held against GitHub's own descriptions."""
