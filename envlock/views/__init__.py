"""A report or a lock as text for people, and as data for programs: functions from value to text."""
