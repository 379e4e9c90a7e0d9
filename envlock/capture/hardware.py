"""Processor, memory and graphics cards."""

from __future__ import annotations

from envlock.capture.cgroups import memory, memory_limit
from envlock.capture.cpu import cpu
from envlock.capture.gpu import gpu

__all__ = ["cpu", "gpu", "memory", "memory_limit"]
