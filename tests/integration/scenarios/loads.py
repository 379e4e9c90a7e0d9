"""The programs that load, where it takes more than a line."""

from __future__ import annotations

__all__ = ["APPROVED", "DIFFERING", "INSTALLED", "MODULE_NAMES", "RELOCKED", "TAMPERED"]

MODULE_NAMES = """import importlib.util
import sys
import envlock

model = envlock.load_model("model.keras", trust="captured")
kind = type(model.layers[-1])
checks = {
    "private": kind.__module__.startswith("envlock_captured_") and kind.__module__.endswith(".layers"),
    "shadows": "layers" in sys.modules,
    "installed": "site-packages" in (importlib.util.find_spec("layers") or sys).__dict__.get("origin", ""),
}
"""

APPROVED = """import sys
import envlock
from envlock.cli import main
from io import StringIO
from contextlib import redirect_stdout

with redirect_stdout(StringIO()):
    before = main(["inspect", "model.keras"])
    after = main(["inspect", "--trust", "model.keras"])
model = envlock.load_model("model.keras")
checks = {"inspected": [before, after]}
"""

DIFFERING = """import envlock

found = envlock.diff("model.keras").findings
checks = {"diff": [line for item in found for line in item.detail]}
model = envlock.load_model("model.keras")
"""

INSTALLED = """import keras
import envlock

envlock.install()
model = keras.models.load_model("model.keras")
"""

TAMPERED = """from pathlib import Path
import envlock

for file in Path("model.keras.envlock", "code").rglob("layers.py"):
    file.write_text(file.read_text().replace("inputs * self.by", "inputs * self.bY"))
model = envlock.load_model("model.keras", trust="captured")
"""

RELOCKED = """import hashlib
from pathlib import Path
import envlock

for file in Path("model.keras.envlock", "code").rglob("layers.py"):
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text(file.read_text().replace("inputs * self.by", "inputs / self.by"))
    after = hashlib.sha256(file.read_bytes()).hexdigest()
    lock = Path("model.keras.envlock.toml")
    lock.write_text(lock.read_text().replace(before, after))
model = envlock.load_model("model.keras")
"""
