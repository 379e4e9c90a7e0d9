"""
The whole way once: train, save, look, compare, load elsewhere, make an image.

    python demo.py FOLDER

Each step is a process of its own. Safe to run again: FOLDER is overwritten.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
OLDER = "python==3.11,tensorflow-cpu==2.15.1,keras==2.15.0"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def step(title: str, *command: str, folder: Path = HERE, expected: int = 0) -> None:
    """Say what happens, run it, and stop the demo unless it ends as expected."""
    print(f"\n== {title}", flush=True)
    environment = {**os.environ, **QUIET}
    code = subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=False).returncode
    if code != expected:
        sys.exit(f"demo: this step ended with {code}, expected {expected}")


def engine_answers() -> bool:
    """Whether images can be built here."""
    import docker

    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException:
        return False
    return True


def main(folder: Path) -> None:
    """Run every step with the model in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    model = str(folder / "digits.keras")
    step("Train a CNN with a custom layer, and save it through envlock", "train.py", model)
    step("What the lock says", "-m", "envlock", "show", model)
    step("This environment: envlock diff digits.keras", "-m", "envlock", "diff", model)
    step(f"An older one: --against {OLDER}", "-m", "envlock", "diff", model, "--against", OLDER, expected=1)
    with tempfile.TemporaryDirectory() as elsewhere:
        step(
            "Load it in a fresh process, in another folder",
            str(HERE / "predict.py"),
            model,
            folder=Path(elsewhere),
        )
    step("The Dockerfile of its image", "-m", "envlock", "dockerfile", model)
    if engine_answers():
        step("Build the image and prove it", "-m", "envlock", "build", model, "-t", "envlock-demo:digits")
    else:
        print("\n== No Docker engine answers here: the image is not built.")
    print("\ndemo: everything held.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
