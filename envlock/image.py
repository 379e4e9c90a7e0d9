"""
Images on a Docker engine: the build context, the build, and the proof inside a container.

The context is a tar that we write ourselves from an explicit list, in a fixed order and with fixed
times and owners, so that the same lock gives the same bytes and nothing else gets in.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from envlock import resources
from envlock.emit.dockerfile import dockerfile
from envlock.emit.image_plan import USER, ImagePlan
from envlock.errors import ImageError
from envlock.lockfile import Place
from envlock.values import frozen

__all__ = ["Proved", "build", "engine", "prove", "write_context"]

Say = Callable[[str], None]

_CHECK = "/opt/envlock-check"


@frozen
class Proved:
    """What the check inside a container printed, and its exit code."""

    code: int
    output: str
    log: str


@contextmanager
def engine() -> Iterator[Any]:
    """A connection to the Docker engine; `ImageError` where there is no SDK or none answers."""
    try:
        import docker
        from docker.errors import DockerException
    except ModuleNotFoundError:
        raise ImageError("the Docker SDK is not installed", hint="pip install 'envlock-tf[docker]'") from None
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        raise ImageError(f"no Docker engine answers: {_first_line(error)}") from None
    try:
        yield client
    except (DockerException, OSError) as error:  # an OSError is the connection's: cut, or too slow
        raise ImageError(f"the Docker engine refused: {_first_line(error)}") from error
    finally:
        client.close()


def build(client: Any, plan: ImagePlan, where: Place, *, tag: str, network: str, say: Say) -> None:
    """
    Build the image that `plan` describes and call it `tag`.

    `say` is told each step of the Dockerfile as it begins. `ImageError` carries the last lines that
    a failing step printed.
    """
    with tempfile.TemporaryFile() as file:
        write_context(file, plan, where)
        file.seek(0)
        steps = client.api.build(
            fileobj=file,
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            decode=True,
            network_mode=network,
        )
        _follow(steps, say)


def prove(client: Any, image: str, model: str) -> Proved:
    """
    Run `envlock verify` on the model inside a container of the image and give back what it said.

    The container has no network, no capabilities and a read-only root; our own code comes in
    through a volume that goes with the container.
    """
    volume = client.volumes.create(labels={"dev.envlock": "check"})
    try:
        return _run_check(client, image, model, volume.name)
    finally:
        volume.remove(force=True)


def _run_check(client: Any, image: str, model: str, volume: str) -> Proved:
    container = client.containers.create(
        image,
        entrypoint=["python", "-m", "envlock"],
        command=["verify", f"/app/model/{model}", "--format", "json"],
        environment={"PYTHONPATH": f"{_CHECK}:/app/code", "TF_CPP_MIN_LOG_LEVEL": "2"},
        volumes={volume: {"bind": _CHECK, "mode": "rw"}},
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": "size=256m,mode=1777"},  # noqa: S108 - inside the container
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        user=USER,
    )
    try:
        container.put_archive(_CHECK, _own_code())
        container.start()
        code = container.wait(timeout=600)["StatusCode"]
        output = container.logs(stdout=True, stderr=False).decode("utf-8", "replace")
        log = container.logs(stdout=False, stderr=True).decode("utf-8", "replace")
        return Proved(code, output, log)
    finally:
        container.remove(force=True)


def _follow(steps: Iterator[Mapping[str, Any]], say: Say) -> None:
    lines: list[str] = []
    for step in steps:
        if "error" in step:
            told = [line for line in lines[-6:] if line]
            raise ImageError("\n".join(["the image could not be built", *told, str(step["error"]).strip()]))
        text = str(step.get("stream", "")).strip()
        lines.append(text)
        if text.startswith("Step "):
            say(textwrap.shorten(text, 110, placeholder=" …"))


def write_context(file: IO[bytes], plan: ImagePlan, where: Place) -> None:
    """Write the build context: a tar with the Dockerfile and everything that it copies."""
    generated = {
        **plan.files,
        "Dockerfile": dockerfile(plan),
        "app/predict.py": resources.template("predict.py"),
    }
    code = where.attachments / "code"
    found = {name: text.encode() for name, text in generated.items()}
    paths = dict(_files(where.model, f"model/{where.model.name}"))
    if not where.model.is_dir():
        paths |= {f"model/{where.lock.name}": where.lock}
        paths |= dict(_files(where.attachments, f"model/{where.attachments.name}"))
    paths |= dict(_files(code, "code"))
    with tarfile.open(fileobj=file, mode="w") as archive:
        for folder in ("app", "code", "model"):
            archive.addfile(_entry(folder, kind=tarfile.DIRTYPE))
        for name in sorted(found.keys() | paths.keys()):
            if name in found:
                archive.addfile(_entry(name, size=len(found[name])), io.BytesIO(found[name]))
            else:
                _add_file(archive, name, paths[name])


def _files(root: Path, name: str) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield name, root
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            yield f"{name}/{path.relative_to(root).as_posix()}", path


def _own_code() -> bytes:
    """The package itself as a tar."""
    buffer = io.BytesIO()
    root = resources.package_folder()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in _files(root, "envlock"):
            if "__pycache__" not in path.parts:
                _add_file(archive, name, path)
    return buffer.getvalue()


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    with path.open("rb") as content:
        archive.addfile(_entry(name, size=path.stat().st_size), content)


def _entry(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """A member that belongs to root, can be read by all, and was changed at the epoch."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return entry


def _first_line(error: Exception) -> str:
    return textwrap.shorten(str(error), 200, placeholder=" …") or type(error).__name__
