"""Scenarios for the user's own code: what is saved, what is loaded, and what comes of it."""
