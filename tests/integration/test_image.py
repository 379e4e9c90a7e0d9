from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from envlock import lockfile, store

pytestmark = [pytest.mark.tensorflow, pytest.mark.docker]

TAG = "envlock-test:house"


@pytest.fixture(scope="module")
def built(engine, keras3, saved, tmp_path_factory):
    """The image of the project's model, and what `envlock build` said of it."""
    model = saved(keras3, "house.keras")
    said = keras3.envlock(
        "build", str(model), "-t", TAG, "--format", "json", cwd=tmp_path_factory.mktemp("build")
    )
    yield json.loads(said)
    engine.images.remove(TAG, force=True)


def test_the_image_gives_the_recorded_numbers(built):
    assert built["verdict"] in {"same", "compatible"}
    assert built["target"] == f"image {TAG}"
    assert built["proof"]["rows"] == 3
    assert built["proof"]["difference"] <= 1e-6


def test_the_image_runs_as_nobody_and_holds_no_envlock(built, engine):
    config = engine.images.get(TAG).attrs["Config"]

    names = engine.containers.run(
        TAG, entrypoint=["python", "-m", "pip", "freeze"], command=[], remove=True
    ).decode()

    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python", "/app/predict.py"]
    assert "envlock" not in names
    assert "pytest" not in names


def test_the_image_answers_a_request(built, keras3, saved):
    import numpy

    expected = numpy.load(f"{saved(keras3, 'house.keras')}.numbers.npz")
    request = json.dumps({"instances": expected["rows"].tolist()})

    done = subprocess.run(
        ["docker", "run", "-i", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", TAG],
        input=request.encode(),
        capture_output=True,
        check=True,
    )

    found = numpy.array(json.loads(done.stdout)["predictions"], "float32")
    assert numpy.abs(found - expected["numbers"]).max() < 1e-6


def test_a_build_of_other_weights_under_the_same_lock_fails(built, engine, keras3, saved, tmp_path):
    model, other = tmp_path / "house.h5", tmp_path / "other.h5"
    source = saved(keras3, "house.h5")
    shutil.copytree(lockfile.place(source).attachments, lockfile.place(model).attachments)
    spoil = (
        "import h5py, shutil, sys\n"
        "shutil.copy(sys.argv[1], sys.argv[2])\n"
        "with h5py.File(sys.argv[2], 'r+') as file:\n"
        "    kernels = []\n"
        "    keep = lambda name, item: kernels.append(item) if name.endswith('scores/kernel') else None\n"
        "    file.visititems(keep)\n"
        "    kernels[0][...] = kernels[0][...] * 1.5\n"
    )
    keras3.run("-c", spoil, str(source), str(other), cwd=tmp_path)
    other.rename(model)
    text = lockfile.place(source).lock.read_text()
    lockfile.place(model).lock.write_text(text)

    refused = keras3.envlock(
        "build", str(model), "-t", "envlock-test:other", "--format", "json", cwd=tmp_path, expected=1
    )
    # The digest in the lock is made to fit as well: now only the numbers tell.
    locked = lockfile.read(lockfile.place(source).lock).artifact.files[0].sha256
    lockfile.place(model).lock.write_text(text.replace(locked, store.sha256(model)))
    disproved = keras3.envlock(
        "build", str(model), "-t", "envlock-test:other", "--format", "json", cwd=tmp_path, expected=1
    )

    engine.images.remove("envlock-test:other", force=True)
    assert "house.h5 has another sha256 than was locked" in json.loads(refused)["error"]
    report = json.loads(disproved)
    assert report["verdict"] == "breaks"
    assert report["findings"][0]["code"] == "EL003"
    assert report["proof"]["difference"] > report["proof"]["tolerance"]


def test_a_base_image_that_cannot_be_had_is_one_clear_error(engine, keras3, saved, tmp_path):
    model = saved(keras3, "house.keras")

    said = keras3.envlock(
        "build",
        str(model),
        "-t",
        TAG,
        "--base",
        "no-such-image-here:1",
        "--format",
        "json",
        cwd=tmp_path,
        expected=2,
    )

    assert "no-such-image-here:1" in json.loads(said)["error"]


def test_the_context_builds_with_the_plain_client(built, keras3, saved, tmp_path):
    model = saved(keras3, "house.keras")
    context = tmp_path / "context.tar"

    printed = keras3.envlock("dockerfile", str(model), "--context", str(context), cwd=tmp_path)
    again = keras3.envlock("dockerfile", str(model), "--context", str(tmp_path / "again.tar"), cwd=tmp_path)

    assert printed == again
    assert context.read_bytes() == (tmp_path / "again.tar").read_bytes()
    subprocess.run(
        ["docker", "build", "-q", "--network=host", "-t", "envlock-test:plain", "-"],
        input=context.read_bytes(),
        env={"DOCKER_BUILDKIT": "0", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        check=True,
        capture_output=True,
    )
    subprocess.run(["docker", "rmi", "-f", "envlock-test:plain"], check=True, capture_output=True)


@pytest.mark.parametrize("request_", ["not json", '{"rows": []}', '{"instances": [[1, 2]]}'])
def test_the_image_refuses_a_wrong_request_in_one_line(built, request_):
    done = subprocess.run(
        ["docker", "run", "-i", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", TAG],
        input=request_.encode(),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
