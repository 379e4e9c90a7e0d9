"""What a test imports of its own modules, and what finds them, is forgotten after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from envlock.custom.isolated import PREFIX

_OWN = ("stand_", "keras", "tf_keras", "gates", PREFIX)


@pytest.fixture(autouse=True)
def forgetting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.startswith(_OWN)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.startswith(_OWN)]:
        del sys.modules[name]
