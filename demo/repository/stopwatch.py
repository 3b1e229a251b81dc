"""How long something took, in words."""


def format_duration(seconds: int) -> str:
    """The two largest units of a duration: hours and minutes, minutes and seconds, or seconds."""
    if seconds < 60:
        return f"{seconds}s"
    if seconds <= 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60:02}m"
