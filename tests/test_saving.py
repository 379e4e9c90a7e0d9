"""What a save records of the user's own code, whatever that code does."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from envlock import keras_state, saving
from envlock.custom import recorded
from envlock.errors import StoreError
from envlock.facts import Content, Unknown


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Records what was written before the user's code raised."""

    def run(raised: BaseException) -> Any:
        def found(_model: Any, _content: Content, folder: Path, **_: Any) -> Any:
            folder.mkdir()
            raise raised

        monkeypatch.setattr(recorded, "record", found)
        monkeypatch.setattr(keras_state, "names_kept", nullcontext)
        return saving._own_code(object(), Content(), tmp_path, saving.Recording(), {})

    return run


@pytest.mark.parametrize("raised", [RuntimeError("lost"), SystemExit(1)])
def test_what_the_users_code_raises_is_said_and_ends_no_save(
    record: Any, tmp_path: Path, raised: BaseException
) -> None:
    objects, said = record(raised)

    reason = f"looking at the model's own code ended with {type(raised).__name__}"
    assert (objects, said) == (Unknown(reason), (f"{reason}, and nothing of it was recorded",))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("raised", [OSError(28, "No space left"), StoreError("full"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_users_code_passes_through(record: Any, raised: BaseException) -> None:
    with pytest.raises(type(raised)):
        record(raised)
