"""Processor, memory and graphics cards."""

from __future__ import annotations

from envlock.capture.cgroups import memory, memory_limit
from envlock.capture.cpu import cpu
from envlock.capture.gpu import glance_at_gpu, gpu

__all__ = ["cpu", "glance_at_gpu", "gpu", "memory", "memory_limit"]
