"""Stands in while the walks are written; the type is in `envlock.knowledge.problem`."""

from envlock.knowledge.problem import Problem

__all__ = ["Problem"]
