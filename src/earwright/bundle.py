"""What a recognizer is on disk: a folder `NAME.ear/` or one `.zip` of it, described by its `bundle.toml`.

    write_bundle("clinic.ear", BundleMeta(name="clinic", ...), {"encoder.onnx": Path("encoder.onnx"), ...})
    bundle = Bundle.open("clinic.ear")
    bundle.meta.sample_rate, bundle.names, bundle.read("tokens.txt")

Nothing in a bundle is ever executed: it holds TOML, text and ONNX graphs. `bundle.toml` lists every file with
its SHA-256; the sums are checked when a bundle is first seen and whenever a size or time changed (that is
remembered in the user's cache folder, so that loading stays fast), and by `earwright bundle verify`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from earwright.bundle_description import (
    DESCRIPTION,
    FILE_NAME,
    MAX_DESCRIPTION,
    MAX_TOTAL,
    REPAIR,
    BundleMeta,
    FileRecord,
    describe,
    parse,
)
from earwright.errors import EarwrightError, first_line
from earwright.files import atomic_directory, atomic_write, describe_os_error

__all__ = ["Bundle", "BundleMeta", "FileRecord", "seal_bundle", "verify_bundle", "write_bundle"]

# What file managers and zip programs leave behind; not ours to complain about.
_DROPPINGS = re.compile(r"\..*|Thumbs\.db|desktop\.ini", re.IGNORECASE)

_BLOCK = 1 << 20
# Weights hardly compress. A zip that promises to grow a hundredfold is a bomb, not a bundle.
_MAX_EXPANSION = 100


class Bundle:
    """A recognizer on disk, its list of files checked; made by `Bundle.open`.

    Attributes:
        path: the folder or the zip.
        meta: the description.
        files: name -> FileRecord of every file but bundle.toml.
    """

    def __init__(self, path: Path, meta: BundleMeta, files: Mapping[str, FileRecord], prefix: str) -> None:
        self.path = path
        self.meta = meta
        self.files = dict(files)
        self._prefix = prefix  # "clinic.ear/" where a zip holds the folder itself, else ""

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Bundle:
        """Open a bundle, and check it if it is new here or has changed.

        Args:
            path: the folder, or a zip of it.

        Raises:
            EarwrightError: not a bundle, a newer format, or a missing, altered or unlisted file.
        """
        from earwright.verified import Verified

        bundle, description = cls._read(Path(path))
        mark = bundle._fingerprint(description)
        seen = Verified()
        if not seen.knows(bundle.path, mark):
            for problem in bundle.problems():
                raise EarwrightError(problem)
            seen.remember(bundle.path, mark)
        return bundle

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, bundle.toml not among them."""
        return tuple(self.files)

    @property
    def is_zip(self) -> bool:
        """Whether this is one file rather than a folder."""
        return self.path.is_file()

    def file_path(self, name: str) -> Path | None:
        """Where a file of the bundle is on the disk; None inside a zip."""
        return None if self.is_zip else self.path / name

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            EarwrightError: the bundle has no such file, or it cannot be read.
        """
        with self._open_file(name) as file:
            data = file.read(self.files[name].size + 1)
        if len(data) != self.files[name].size:
            raise EarwrightError(f"{self.path}: {name} is not as long as {DESCRIPTION} says; {REPAIR}")
        return data

    def problems(self) -> Iterator[str]:
        """Compare every file with its checksum, and yield a sentence for each that is wrong."""
        from earwright.graphs import graph_problem

        present = self._present()
        for name in sorted(set(present) - set(self.files) - {DESCRIPTION}):
            yield f"{self.path}: {name} is not in the list of files in {DESCRIPTION}; remove it or {REPAIR}"
        for name, record in self.files.items():
            if name not in present:
                yield f"{self.path}: {name} is missing; {REPAIR}"
            elif present[name] != record.size or self._sha256(name) != record.sha256:
                yield f"{self.path}: {name} was altered (its checksum is not the recorded one); {REPAIR}"
            elif name.endswith(".onnx") and (problem := graph_problem(self, name)):
                yield f"{self.path}: {name} {problem}; do not use this bundle."

    @classmethod
    def _read(cls, path: Path, *, sealed: bool = True) -> tuple[Bundle, bytes]:
        if path.is_dir():
            prefix = ""
            source = path / DESCRIPTION
            if not source.is_file():
                raise EarwrightError(
                    f"{path}: not a bundle (it has no {DESCRIPTION}); give a folder NAME.ear or its .zip."
                )
            with _plain_errors(path), source.open("rb") as file:
                description = file.read(MAX_DESCRIPTION + 1)
        elif path.is_file():
            with _plain_errors(path), _open_zip(path) as archive:
                prefix = _zip_prefix(path, archive)
                with archive.open(prefix + DESCRIPTION) as file:
                    description = file.read(MAX_DESCRIPTION + 1)
        else:
            raise EarwrightError(f"{path}: no such bundle; give a folder NAME.ear or its .zip.")
        meta, files = parse(path, description, sealed=sealed)
        return cls(path, meta, files, prefix), description

    def _present(self) -> dict[str, int]:
        """Name -> size in bytes of what is really there."""
        if self.is_zip:
            with _plain_errors(self.path), _open_zip(self.path) as archive:
                return _zip_members(self.path, archive, self._prefix)
        with _plain_errors(self.path):
            return {
                entry.name: entry.stat().st_size if entry.is_file() else -1
                for entry in os.scandir(self.path)
                if not _DROPPINGS.fullmatch(entry.name)
            }

    @contextlib.contextmanager
    def _open_file(self, name: str) -> Iterator[IO[bytes]]:
        if name not in self.files:
            raise EarwrightError(f"{self.path}: the bundle has no {name}; {REPAIR}")
        with contextlib.ExitStack() as stack:
            with _plain_errors(self.path):
                if self.is_zip:
                    archive = stack.enter_context(_open_zip(self.path))
                    file = stack.enter_context(archive.open(self._prefix + name))
                elif (self.path / name).is_file():
                    file = stack.enter_context((self.path / name).open("rb"))
                else:
                    raise EarwrightError(f"{self.path}: {name} is missing; {REPAIR}")
            with _plain_errors(self.path):
                yield file

    def _sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._open_file(name) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except EarwrightError:  # a zip notices damage by itself; for us that is a wrong checksum
            return ""
        return digest.hexdigest()

    def _fingerprint(self, description: bytes) -> str:
        """Names, sizes and times of everything in the bundle: what changes when a file does."""
        digest = hashlib.sha256(description)
        paths = [self.path] if self.is_zip else sorted(self.path / name for name in self._present())
        for path in paths:
            with contextlib.suppress(OSError):  # a file that went missing changes the fingerprint too
                status = path.stat()
                digest.update(f"{path.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return digest.hexdigest()


def write_bundle(
    path: str | os.PathLike[str], meta: BundleMeta, files: Mapping[str, bytes | os.PathLike[str]]
) -> Path:
    """Write a bundle, whole or not at all: an older bundle at `path` survives a failure.

    Args:
        path: the folder to make (by custom NAME.ear), or a file ending in .zip.
        meta: the description.
        files: name -> content, or the path of a file to copy.

    Returns:
        The path that was written.

    Raises:
        EarwrightError: a name that is not a plain file name, something else in the way, or a full disk.
    """
    target = Path(path)
    for name in files:
        if not FILE_NAME.fullmatch(name) or name == DESCRIPTION:
            raise EarwrightError(f"{target}: {name!r} cannot be a file of a bundle; use a plain file name.")
    if target.suffix == ".zip":
        _write_zip(target, meta, files)
    else:
        if target.is_file() or (
            target.is_dir() and any(target.iterdir()) and not (target / DESCRIPTION).is_file()
        ):
            raise EarwrightError(
                f"{target}: there is something here that is not a bundle; choose another place."
            )
        with atomic_directory(target) as folder:
            records = {name: _write_file(folder / name, content) for name, content in files.items()}
            _write_file(folder / DESCRIPTION, describe(meta, records))
    return target


def verify_bundle(path: str | os.PathLike[str]) -> tuple[int, list[str]]:
    """Compare every file of a bundle with its checksum, whatever is remembered of it.

    Returns:
        How many files it lists, and a sentence for each thing that is wrong.

    Raises:
        EarwrightError: it cannot be read as a bundle at all.
    """
    bundle, _ = Bundle._read(Path(path))
    return len(bundle.files), list(bundle.problems())


def _write_zip(target: Path, meta: BundleMeta, files: Mapping[str, bytes | os.PathLike[str]]) -> None:
    with atomic_write(target, "wb") as handle, zipfile.ZipFile(handle, "w") as archive:
        records = {}
        for name, content in files.items():
            with archive.open(_zip_entry(name), "w", force_zip64=True) as out:
                records[name] = _copy(content, out)
        archive.writestr(_zip_entry(DESCRIPTION), describe(meta, records))


def _zip_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # dated 1980, so that the same files make the same zip
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def seal_bundle(path: str | os.PathLike[str]) -> Path:
    """Record the files of a bundle folder as they are now, after a wanted change (of card.md, say).

    Raises:
        EarwrightError: not a bundle folder, or it cannot be written.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise EarwrightError(f"{folder}: not a folder; unpack the zip, change it there and seal the folder.")
    bundle, _ = Bundle._read(folder, sealed=False)
    present = set(bundle._present()) - {DESCRIPTION}
    kept = [name for name in bundle.files if name in present]
    records = {}
    for name in [*kept, *sorted(present - set(kept))]:
        if not FILE_NAME.fullmatch(name) or not (folder / name).is_file():
            raise EarwrightError(f"{folder}: {name} cannot be in a bundle; take it out.")
        with _plain_errors(folder), open(os.devnull, "wb") as nowhere:
            records[name] = _copy(folder / name, nowhere)
    with atomic_write(folder / DESCRIPTION, "wb") as file:
        file.write(describe(bundle.meta, records))
    return folder


def _write_file(path: Path, content: bytes | os.PathLike[str]) -> FileRecord:
    with path.open("wb") as out:
        record = _copy(content, out)
        out.flush()
        os.fsync(out.fileno())
    return record


def _copy(content: bytes | os.PathLike[str], out: IO[bytes]) -> FileRecord:
    digest, size = hashlib.sha256(), 0
    with io.BytesIO(content) if isinstance(content, bytes) else open(content, "rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
            size += len(block)
            out.write(block)
    return FileRecord(digest.hexdigest(), size)


def _open_zip(path: Path) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(path)
    total = sum(info.file_size for info in archive.infolist())
    if total > min(MAX_TOTAL, _MAX_EXPANSION * path.stat().st_size + (64 << 20)):
        archive.close()
        raise EarwrightError(
            f"{path}: would unpack to {total / 1e6:,.0f} MB, too much for its size; do not use it."
        )
    return archive


def _zip_prefix(path: Path, archive: zipfile.ZipFile) -> str:
    """Where bundle.toml is inside the zip: in "" (at the top) or in one folder, such as "clinic.ear/"."""
    place = re.compile(rf"([^/\\.][^/\\]*/)?{re.escape(DESCRIPTION)}")
    found = [name for name in archive.namelist() if place.fullmatch(name)]
    if len(found) != 1:
        count = "no" if not found else "more than one"
        raise EarwrightError(f"{path}: not a bundle (it has {count} {DESCRIPTION}).")
    return found[0].removesuffix(DESCRIPTION)


def _zip_members(path: Path, archive: zipfile.ZipFile, prefix: str) -> dict[str, int]:
    members: dict[str, int] = {}
    for info in archive.infolist():
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        name = info.filename.removeprefix(prefix)
        if _DROPPINGS.fullmatch(name) and "/" not in name and "\\" not in name:
            continue
        if name in members:
            raise EarwrightError(f"{path}: holds {name} twice; do not use it.")
        members[name] = info.file_size
    return members


# What zipfile raises for damaged, encrypted and unusual archives.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError
)  # fmt: skip


@contextlib.contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    """Turn what zip files and disks can say into our one sentence."""
    try:
        yield
    except OSError as error:
        raise EarwrightError(
            describe_os_error(error, path).replace("to write here", "to read here")
        ) from error
    except _UNREADABLE as error:
        raise EarwrightError(f"{path}: not readable as a bundle ({first_line(error)}); {REPAIR}") from error
