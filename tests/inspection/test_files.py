"""What files say of themselves by how they are built: archives, HDF5, NumPy's, pickles, and anything else."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from envlock.inspection import inspect

SAVED = Path(__file__).parent.parent / "examples" / "saved" / "digits.keras"
WHOLE = SAVED.read_bytes()
h5py = pytest.importorskip("h5py")
numpy = pytest.importorskip("numpy")


def verdict(path):
    found = inspect(path)
    return found.verdict, found.hazards[0].code if found.hazards else ""


def written(folder, data, name="model.keras"):
    path = folder / name
    path.write_bytes(data)
    return path


def opened(folder, name="weights.h5", **how):
    return h5py.File(folder / name, "w", **how)


@pytest.mark.parametrize(
    "data",
    [
        b"x" + WHOLE,
        WHOLE + b"x",
        WHOLE[:-2] + b"\x01\x00" + b"c",
        WHOLE[:-30],
        WHOLE[: len(WHOLE) // 2],
        WHOLE.replace(b"config.json", b"c0nfig.json", 1),
        WHOLE[:6] + b"\x01" + WHOLE[7:],
        b"PK\x03\x04",
    ],
)
def test_an_archive_that_is_no_longer_whole_is_refused(tmp_path, data):
    assert verdict(written(tmp_path, data))[0] == "refuse"


def test_every_cut_archive_is_refused(tmp_path):
    step = max(1, len(WHOLE) // 60)

    found = {verdict(written(tmp_path, WHOLE[:size]))[0] for size in range(0, len(WHOLE) - 1, step)}

    assert found == {"refuse"}


def test_a_member_that_stands_twice_is_refused(tmp_path):
    path = written(tmp_path, WHOLE)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")

    assert verdict(path) == ("refuse", "EL601")


def test_a_linked_member_is_refused(tmp_path):
    path = written(tmp_path, WHOLE)
    with zipfile.ZipFile(path, "a") as archive:
        item = zipfile.ZipInfo("assets/x")
        item.create_system, item.external_attr = 3, 0o120777 << 16
        archive.writestr(item, "/etc/passwd")

    assert verdict(path) == ("refuse", "EL601")


def test_a_second_name_in_an_extra_field_is_refused(tmp_path):
    path = written(tmp_path, WHOLE)
    with zipfile.ZipFile(path, "a") as archive:
        item = zipfile.ZipInfo("assets/x")
        other = b"\x01" + struct.pack("<I", zlib.crc32(b"assets/x")) + b"config.json"
        item.extra = struct.pack("<HH", 0x7075, len(other)) + other
        archive.writestr(item, "{}")

    assert verdict(path) == ("refuse", "EL601")


def test_bombs_are_refused_at_once(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (300 << 20))

    begun = time.perf_counter()
    found = verdict(path)

    assert found == ("resource", "EL615") or found[0] == "refuse"
    assert time.perf_counter() - begun < 0.5


def test_an_hdf5_file_that_is_a_zip_archive_too_is_refused(tmp_path):
    with opened(tmp_path) as file:
        file["a"] = [1.0]
    path = tmp_path / "weights.h5"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("config.json", "{}")

    assert verdict(written(tmp_path, path.read_bytes() + inner.getvalue(), "b.keras"))[0] == "refuse"
    assert verdict(written(tmp_path, inner.getvalue(), "c.h5"))[0] == "refuse"


def test_plain_weights_are_clean(tmp_path):
    with opened(tmp_path) as file:
        file["layers/dense/vars/0"] = [[1.0, 2.0]]
        file.create_dataset(
            "packed", data=list(range(1000)), compression="gzip", shuffle=True, fletcher32=True
        )
        file.attrs["layer_names"] = ["a", "b"]

    assert verdict(tmp_path / "weights.h5") == ("clean", "")


@pytest.mark.parametrize("how", [{}, {"libver": "latest"}])
@pytest.mark.parametrize("kind", ["soft", "external", "stored", "virtual"])
def test_arrays_that_lie_elsewhere_are_seen(tmp_path, kind, how):
    with opened(tmp_path, "other.h5") as other:
        other["x"] = [1.0]
    with opened(tmp_path, **how) as file:
        file["layers/a"] = [1.0]
        if kind == "soft":
            file["layers/b"] = h5py.SoftLink("/layers/a")
        elif kind == "external":
            file["layers/b"] = h5py.ExternalLink("other.h5", "/x")
        elif kind == "stored":
            file.create_dataset("layers/b", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        else:
            layout = h5py.VirtualLayout((1,), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (1,))
            file.create_virtual_dataset("layers/b", layout)

    assert verdict(tmp_path / "weights.h5") == ("file-read", "EL613")


@pytest.mark.parametrize("how", [{}, {"libver": "latest"}])
def test_an_array_that_holds_nothing_of_what_it_declares_is_seen(tmp_path, how):
    with opened(tmp_path, **how) as file:
        file.create_dataset("a", (1 << 20, 1 << 14), "f4", chunks=(1024, 1024), compression="gzip")

    assert verdict(tmp_path / "weights.h5") == ("resource", "EL615")


def test_an_array_that_inflates_beyond_measure_is_seen_without_a_child(tmp_path):
    with opened(tmp_path) as file:
        file.create_dataset(
            "a", data=numpy.zeros((5000, 5000), "f4"), chunks=(1000, 1000), compression="gzip"
        )

    begun = time.perf_counter()
    found = verdict(tmp_path / "weights.h5")

    assert (found, time.perf_counter() - begun < 0.2) == (("resource", "EL615"), True)


def test_references_and_unknown_filters_are_refused(tmp_path):
    with opened(tmp_path) as file:
        file["a"] = [1.0]
        file["b"] = file["a"].ref

    assert verdict(tmp_path / "weights.h5")[0] == "refuse"


def array(descr="'<f4'", shape="(2,)", data=b"\0" * 8):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (array(), "clean"),
        (array("'|O'"), "code"),
        (array("[('a', '|O')]"), "code"),
        (array("'<f4'", "(1000000, 1000000)"), "resource"),
        (array("'|S1000000000'", "(1,)"), "refuse"),
        (array("('<f4', (1000000,))", "(1,)"), "refuse"),
        (array(data=b""), "refuse"),
        (array(shape="__import__('os')"), "refuse"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "refuse"),
    ],
)
def test_arrays_of_numpy_are_read_by_their_headers(tmp_path, data, told):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", data)

    assert verdict(written(tmp_path, data, "a.npy"))[0] == told
    assert verdict(written(tmp_path, packed.getvalue(), "a.npz"))[0] == told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x80\x04\x95\x10", "code"),
        (b"\x80\x02cos\nsystem\n", "code"),
        (b"cos\nsystem\n(S'x'\ntR.", "code"),
        (b"(dp0\n.", "code"),
        (b"", "refuse"),
        (b"\x7fELF", "refuse"),
        (b"import os\n", "refuse"),
        (b"\x1f\x8b\x08", "refuse"),
    ],
)
def test_what_is_no_model_is_never_clean(tmp_path, data, told):
    assert verdict(written(tmp_path, data))[0] == told


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    assert verdict(tmp_path)[0] == "refuse"


def test_a_path_that_leads_nowhere_is_refused(tmp_path):
    assert verdict(tmp_path / "nothing") == ("refuse", "EL602")


def test_an_empty_attribute_is_no_hazard(tmp_path):
    with opened(tmp_path, libver="latest") as file:
        file["a"] = [1.0]
        file.attrs["weight_names"] = numpy.zeros((0,), "S1")

    assert verdict(tmp_path / "weights.h5") == ("clean", "")
