"""
A machine with secrets of 27 kinds planted in 12 places: none may stand in anything that envlock emits.

The values are put together when the test runs, so that this file holds none.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envlock import lockfile

pytestmark = [pytest.mark.tensorflow]

ROOT = Path(__file__).parent.parent.parent
LETTERS = string.ascii_letters + string.digits
_random = random.Random(20261121)


def _of(count: int, letters: str = LETTERS) -> str:
    """Random text that holds a digit and both cases, as real tokens do."""
    while True:
        text = "".join(_random.choices(letters, k=count))
        if len(letters) < 40 or (any(map(str.isdigit, text)) and text.lower() != text != text.upper()):
            return text


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"

KINDS: dict[str, Callable[[], str]] = {
    "github": lambda: "ghp" + "_" + _of(36),
    "github fine-grained": lambda: "github" + "_pat_" + _of(22) + "_" + _of(59),
    "gitlab": lambda: "glpat" + "-" + _of(20),
    "aws key id": lambda: "AKIA" + _of(16, UPPER),
    "google api": lambda: "AIza" + _of(35),
    "google oauth": lambda: "ya29" + "." + _of(60),
    "hugging face": lambda: "hf" + "_" + _of(34),
    "slack": lambda: "xoxb" + "-" + _of(12, string.digits) + "-" + _of(24),
    "stripe": lambda: "sk" + "_live_" + _of(24),
    "npm": lambda: "npm" + "_" + _of(36),
    "pypi": lambda: "pypi" + "-AgEIcHlwaS5vcmc" + _of(80),
    "jwt": lambda: "eyJhbGciOiJIUzI1NiJ9" + ".eyJ" + _of(40) + "." + _of(43),
    "openai": lambda: "sk" + "-proj-" + _of(48),
    "anthropic": lambda: "sk" + "-ant-api03-" + _of(80),
    "databricks": lambda: "dapi" + _of(32, HEX),
    "sendgrid": lambda: "SG" + "." + _of(22) + "." + _of(43),
    "digitalocean": lambda: "dop" + "_v1_" + _of(64, HEX),
    "docker hub": lambda: "dckr" + "_pat_" + _of(27),
    "vault": lambda: "hvs" + "." + _of(24),
    "linear": lambda: "lin" + "_api_" + _of(40),
    "new relic": lambda: "NRAK" + "-" + _of(27, UPPER),
    "shopify": lambda: "shpat" + "_" + _of(32, HEX),
    "atlassian": lambda: "ATATT3" + _of(180),
    "grafana": lambda: "glsa" + "_" + _of(32) + "_" + _of(8, HEX),
    "rubygems": lambda: "rubygems" + "_" + _of(48, HEX),
    "private key": lambda: "".join(_of(64) for _ in range(3)),
    "password": lambda: "Tr0ub4dor" + _of(12),
}

# Which kinds stand where; of some there is no other form than this.
PLACES: dict[str, list[str]] = {
    "pip": ["gitlab", "pypi", "password"],
    "environment": ["aws key id", "openai", "anthropic", "databricks", "slack", "jwt"],
    "listed variable": ["github", "hugging face", "stripe"],
    "origin": ["password", "github", "google api", "gitlab"],
    "git": ["github", "github fine-grained", "gitlab", "atlassian"],
    "notebook": ["hugging face", "openai", "sendgrid", "npm", "vault"],
    "docstring": ["slack", "digitalocean", "private key", "password", "jwt"],
    "source": ["github", "aws key id", "google oauth", "docker hub", "anthropic"],
    "layer name": ["github", "stripe", "linear", "new relic", "shopify", "npm", "hugging face"],
    "layer config": ["password", "jwt", "google api", "rubygems", "private key", "vault"],
    "file path": ["github", "npm", "grafana", "pypi"],
    "settings": ["password", "gitlab", "databricks"],
    "example": ["github", "openai", "sendgrid", "jwt", "docker hub"],
}
SECRETS = {place: [KINDS[kind]() for kind in kinds] for place, kinds in PLACES.items()}


def test_there_are_sixty_of_twenty_five_kinds_in_twelve_places():
    assert sum(map(len, PLACES.values())) >= 60
    assert len({kind for kinds in PLACES.values() for kind in kinds}) >= 25
    assert len(PLACES) >= 12


def _pem(body: str) -> str:
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return "-----BEGIN " + f"RSA PRIVATE KEY-----\n{lines}\n-----END RSA " + "PRIVATE KEY-----"


SAVE = """
import json
import sys
import warnings

import keras
import numpy as np
import tensorflow as tf

import envlock
import gates
import keys

# Python itself puts the path of the program, which is the user's own, before a warning.
warnings.formatwarning = lambda message, *_: f"{message}\\n"
told = json.loads(open(sys.argv[1]).read())
names = [gates.Named(name=name) for name in told["names"]]
gate = gates.Gate(told["settings"])
model = keras.Sequential([keras.layers.Input((4,)), gate, *names, keras.layers.Dense(2)])
envlock.save_model(model, sys.argv[2])

words = keras.Input((1,), dtype="string", name="words")
found = keras.layers.StringLookup(vocabulary=["a", "b"])(words)
texts = keras.Model(words, keras.layers.Embedding(3, 2)(found))
rows = tf.constant([[text] for text in told["example"]])
envlock.save_model(texts, sys.argv[3], example=np.array([[text] for text in told["example"]]))
"""

GATES = '''
"""DOC"""
import keras
import keys

@keras.saving.register_keras_serializable("shop")
class Gate(keras.layers.Layer):
    def __init__(self, settings=None, **more):
        super().__init__(**more)
        self.settings = settings

    def call(self, x):
        return x * keys.SCALE

    def get_config(self):
        return super().get_config() | {"settings": self.settings}

@keras.saving.register_keras_serializable("shop")
class Named(keras.layers.Layer):
    def call(self, x):
        return x
'''


@pytest.fixture(scope="module")
def emitted(keras3, tmp_path_factory) -> dict[str, bytes]:
    """Everything that envlock wrote and printed on such a machine, by what it was."""
    home = tmp_path_factory.mktemp("home")
    project = home / SECRETS["file path"][0] / "project"
    project.mkdir(parents=True)
    environment = _planted(home, project)
    _program(project)
    found: dict[str, bytes] = {}

    def run(what: str, *words: str) -> None:
        done = subprocess.run(
            [keras3.python, *words], cwd=project, env=environment, capture_output=True, check=False
        )
        found[f"{what}: output"] = done.stdout + done.stderr

    folder = project / SECRETS["file path"][1]
    model, texts = folder / f"{SECRETS['file path'][2]}.keras", folder / "texts.keras"
    run("save", "train.py", "told.json", str(model), str(texts))
    assert model.exists(), found["save: output"].decode()[-2000:]
    bare = folder / "bare.keras"
    bare.write_bytes(model.read_bytes())
    run("lock", "-m", "envlock", "lock", str(bare), "--from-here")
    for name, path in (("model", model), ("texts", texts), ("bare", bare)):
        for words in (["show"], ["diff", "-v"], ["verify", "-v"]):
            for form in ("text", "json"):
                run(f"{words[0]} {name} {form}", "-m", "envlock", *words, str(path), "--format", form)
        run(f"dockerfile {name}", "-m", "envlock", "dockerfile", str(path), "--context", f"{name}.tar")
    run("show", "-m", "envlock", "show")
    run("show json", "-m", "envlock", "show", "--format", "json")
    for text in ("missing/" + SECRETS["file path"][3], "requirements-" + SECRETS["file path"][3] + ".txt"):
        run(f"error {text[:7]}", "-m", "envlock", "diff", str(model), "--against", text)
    run("error model", "-m", "envlock", "show", SECRETS["file path"][3])
    _add_files(found, project, (model, texts, bare))
    return found


def _planted(home: Path, project: Path) -> dict[str, str]:
    gitlab, pypi, password = SECRETS["pip"]
    (home / "pip.conf").write_text(f"[global]\nindex-url = https://u:{gitlab}@pypi.example.org/simple\n")
    (home / ".pypirc").write_text(f"[pypi]\nusername = __token__\npassword = {pypi}\n")
    (home / ".netrc").write_text(f"machine example.org login ada password {password}\n")
    password, gitlab, databricks = SECRETS["settings"]
    (home / "keras").mkdir()
    settings = {"floatx": "float32", "password": password, "token": gitlab, "key": databricks}
    (home / "keras" / "keras.json").write_text(json.dumps(settings))
    _install(home / "site")
    names = ("AWS_ACCESS_KEY_ID", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DATABRICKS_TOKEN", "SLACK", "JWT")
    listed = ("XLA_FLAGS", "KERAS_BACKEND_", "TF_XLA_FLAGS")
    plain = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {
        **plain,
        **dict(zip(names, SECRETS["environment"], strict=True)),
        **{name: f"--xla_{secret}" for name, secret in zip(listed, SECRETS["listed variable"], strict=True)},
        "XLA_FLAGS": "",
        "OPENBLAS_CORETYPE": SECRETS["listed variable"][0] + "!",
        "HOME": str(home),
        "PIP_CONFIG_FILE": str(home / "pip.conf"),
        "KERAS_HOME": str(home / "keras"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_XLA_FLAGS": "",
        "CUDA_VISIBLE_DEVICES": SECRETS["listed variable"][1],
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(project), str(home / "site")]),
    }


def _install(site: Path) -> None:
    """Distributions that were installed from addresses which hold credentials."""
    password, github, google, gitlab = SECRETS["origin"]
    origins: list[dict[str, Any]] = [
        {"url": f"https://ada:{password}@example.org/one-1.0-py3-none-any.whl", "archive_info": {}},
        {
            "url": f"https://{github}@github.com/ada/two",
            "vcs_info": {"vcs": "git", "commit_id": "0" * 40, "requested_revision": "main"},
        },
        {"url": f"https://example.org/three.whl?key={google}&sig={gitlab}#sha256=00", "archive_info": {}},
    ]
    for name, origin in zip(("one", "two", "three"), origins, strict=True):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\n{gitlab}\n")
        (info / "direct_url.json").write_text(json.dumps(origin))


def _program(project: Path) -> None:
    (project / "train.py").write_text(SAVE)
    slack, ocean, key, password, jwt = SECRETS["docstring"]
    text = f"Uses {slack} and {ocean}.\n\n{_pem(key)}\n\npassword: {password}\ntoken {jwt}"
    (project / "gates.py").write_text(GATES.replace("DOC", text))
    lines = [f"KEY_{number} = {secret!r}" for number, secret in enumerate(SECRETS["source"])]
    (project / "keys.py").write_text("\n".join(["SCALE = 2.0", *lines]) + "\n")
    cells = [{"cell_type": "code", "source": [f"token = {secret!r}\n"]} for secret in SECRETS["notebook"]]
    (project / "train.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    password, jwt, google, gems, key, vault = SECRETS["layer config"]
    settings = {"password": password, "header": f"Authorization: Bearer {jwt}", "maps": google, "gems": gems}
    settings |= {"pem": _pem(key), "packed": base64.b64encode(f"vault token {vault}".encode() * 3).decode()}
    told = {"names": SECRETS["layer name"], "settings": settings, "example": SECRETS["example"]}
    (project / "told.json").write_text(json.dumps(told))
    github, fine, gitlab, atlassian = SECRETS["git"]
    for words in (
        ["init", "-q", "-b", f"feature-{github}"],
        ["remote", "add", "origin", f"https://ada:{fine}@github.com/ada/shop"],
        ["config", "http.extraheader", f"Authorization: Bearer {gitlab}"],
        ["add", "train.py"],
        ["commit", "-q", "-m", f"Use {atlassian}"],
    ):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        environment = {**os.environ, "HOME": str(project)}
        subprocess.run(["git", *who, *words], cwd=project, check=True, env=environment)


def _add_files(found: dict[str, bytes], project: Path, models: tuple[Path, ...]) -> None:
    """Every file that envlock wrote; the models themselves are Keras', and hold what their layers hold."""
    for model in models:
        where = lockfile.place(model)
        found[f"{model.stem[:5]}: lock"] = where.lock.read_bytes()
        for file in filter(Path.is_file, where.attachments.rglob("*")):
            found[f"{model.stem[:5]}: {file.name}"] = file.read_bytes()
            if file.suffix == ".npz":
                with np.load(file, allow_pickle=False) as arrays:
                    listed = [arrays[name].tolist() for name in arrays]
                found[f"{model.stem[:5]}: arrays"] = repr(listed).encode()
    for context in project.glob("*.tar"):
        with tarfile.open(context) as archive:
            for member in archive.getmembers():
                if member.isfile() and not member.name.endswith(".keras"):
                    data = archive.extractfile(member)
                    assert data
                    found[f"{context.name}: {member.name[-30:]}"] = data.read()


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_stands_in_anything_that_is_emitted(emitted, place):
    leaks = [
        (PLACES[place][number], what)
        for number, secret in enumerate(SECRETS[place])
        for what, data in emitted.items()
        if any(piece in data for piece in _pieces(secret))
    ]

    assert leaks == []


def _pieces(secret: str) -> list[bytes]:
    """Its random part in pieces, so that half of one is found too."""
    tail = secret[-24:] if len(secret) > 30 else secret[8:]
    return [secret.encode(), tail.encode(), secret[len(secret) // 2 - 8 : len(secret) // 2 + 8].encode()]


def test_the_home_folder_stands_in_nothing_that_is_emitted(emitted):
    assert [what for what, data in emitted.items() if b"/home" in data and "tar" not in what] == []


def test_what_is_told_is_told_all_the_same(emitted):
    show = emitted["show model json: output"].decode()

    assert json.loads(show)["git"]["is-dirty"] is False
    assert {row["name"]: row.get("origin", {}).get("url") for row in json.loads(show)["packages"]} | {
        "one": "https://example.org/one-1.0-py3-none-any.whl",
        "two": "https://github.com/ada/two",
        "three": "https://example.org/three.whl#sha256=00",
    } == {row["name"]: row.get("origin", {}).get("url") for row in json.loads(show)["packages"]}


def test_the_source_that_holds_a_secret_is_refused_by_file_and_line(emitted):
    said = emitted["save: output"].decode()

    assert "line 2 of gates.py holds what looks like a secret" in said
    assert "line 2 of keys.py holds what looks like a secret" in said
    assert "pragma: allowlist secret" in said


def test_nothing_in_a_lock_of_a_thousand_packages_is_taken_for_a_secret(tmp_path):
    from builders import fingerprint, lock, package

    hexadecimal = random.Random(1)
    packages = tuple(
        package(
            f"package-{number}",
            f"1.{number}.0",
            wheel=f"package_{number}-1.{number}.0-cp311-cp311-manylinux_2_28_x86_64.whl",
            record=f"{hexadecimal.getrandbits(256):064x}",
            installer="pip",
        )
        for number in range(1000)
    )

    text = lockfile.dumps(lock(fingerprint=fingerprint(packages=packages)))

    assert "redacted" not in text
    assert lockfile.loads(text).fingerprint.packages == packages
