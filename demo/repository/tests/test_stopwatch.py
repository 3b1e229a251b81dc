import unittest

from stopwatch import format_duration


class FormatDuration(unittest.TestCase):
    def test_seconds(self):
        self.assertEqual("45s", format_duration(45))

    def test_minutes(self):
        self.assertEqual("2m 30s", format_duration(150))

    def test_hours(self):
        self.assertEqual("1h 05m", format_duration(3900))
