"""
What loading a saved model would run, read or allocate, told from its bytes alone.

Every format has a list of what Keras itself writes; whatever is not on it is a hazard. Nothing is unpickled,
unmarshalled or imported, and no link is followed.
"""

from __future__ import annotations

from envlock.inspection.formats import inspect
from envlock.inspection.values import KINDS, Asked, Hazard, Inspection

__all__ = ["KINDS", "Asked", "Hazard", "Inspection", "inspect"]
