"""Where shards lie: a folder, or an address (https://, s3://, zip://, ...), and what is in it."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from earwright.data.shards.fetch import fetch_bytes, list_names
from earwright.errors import EarwrightError, first_line

# Says what belongs to the shards of a folder. lhotse, which takes any file for data that goes with the cuts,
# passes over one that is called so.
INDEX_NAME = "cuts.index.json"
FORMAT_VERSION = 1
SHARDS_FOLDER = "shards"  # in a prepared folder
CUTS_FILE = re.compile(r"cuts\.(\d+)\.jsonl(\.gz)?")
SHARD_FILE = re.compile(rf"{CUTS_FILE.pattern}|recording\.\d+\.tar")


@dataclass(frozen=True)
class FileFacts:
    """A file of a shard. `size` in bytes and `sha256` are None where nobody has said them."""

    address: str
    size: int | None = None
    sha256: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is a file of this machine."""
        return not is_address(self.address)


@dataclass(frozen=True)
class ShardFiles:
    """One shard: what is said, and the audio."""

    cuts: FileFacts
    recording: FileFacts


def plain(place: str) -> str:
    """A folder of this machine as a path, whether it came as one or as file://; an address as it is."""
    if place.startswith("file://") and "::" not in place:
        return urllib.request.url2pathname(urllib.parse.urlsplit(place).path)
    return place if is_address(place) else str(Path(place).expanduser())


def is_address(place: str) -> bool:
    """Whether it is an address for fsspec rather than a folder."""
    return "://" in place or "::" in place


def is_sharded(place: str) -> bool:
    """Whether there are shards rather than a prepared folder: an address always has shards."""
    if is_address(plain(place)):
        return True
    folder = Path(plain(place))
    return folder.is_dir() and any(
        CUTS_FILE.fullmatch(name) or name == INDEX_NAME for name in os.listdir(folder)
    )


def short_name(place: str) -> str:
    """What to call a source where its place does not matter: without its folders and without its keys (?)."""
    path = urllib.parse.urlsplit(place.partition("::")[0]).path if is_address(place) else place
    whole = PurePath(path)
    return f"{whole.parent.name}/{whole.name}" if whole.name == SHARDS_FOLDER else whole.name


def find_shards(place: str) -> list[ShardFiles]:
    """The shards of a folder or an address, in the order of their numbers.

    An index that earwright wrote says which there are. Without one (lhotse writes none) the folder is listed,
    which a web server does not allow.

    Raises:
        EarwrightError: there are none, cuts have no audio or the other way round, or the place cannot be
            reached.
    """
    place = plain(place)
    index = fetch_bytes(join(place, INDEX_NAME), missing_is_none=True)
    shards = _listed(place) if index is None else _indexed(place, index)
    if not shards:
        raise EarwrightError(
            f"{place}: there are no shards in it (cuts.000000.jsonl.gz and recording.000000.tar)."
        )
    for shard in shards:
        if shard.recording.is_here:
            _check_size(shard.cuts)
            _check_size(shard.recording)
    return shards


def join(place: str, name: str) -> str:
    """The address of a file in a place; what is chained behind (::) or asked for (?) stays behind."""
    if not is_address(place):
        return os.path.join(place, name)
    head, chain, tail = place.partition("::")
    if head.startswith(("http://", "https://")):
        parts = urllib.parse.urlsplit(head)
        return urllib.parse.urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}")) + chain + tail
    return (head if head.endswith("://") else f"{head.rstrip('/')}/") + name + chain + tail


def _indexed(place: str, index: bytes) -> list[ShardFiles]:
    where = join(place, INDEX_NAME)
    try:
        told = json.loads(index)
        if told["format"] != FORMAT_VERSION:
            raise EarwrightError(
                f"{where}: written by another version of earwright (format {told['format']})."
            )
        return [
            ShardFiles(_facts(place, one["cuts"]), _facts(place, one["recording"])) for one in told["shards"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise EarwrightError(f"{where}: this is no index of shards ({first_line(error)}).") from error


def _facts(place: str, told: dict[str, Any]) -> FileFacts:
    name = str(told["name"])
    if name != os.path.basename(name):
        raise ValueError(f"{name!r} is no name of a file")
    return FileFacts(join(place, name), int(told["size"]), str(told["sha256"]))


def _listed(place: str) -> list[ShardFiles]:
    names = list_names(place)
    shards = []
    for name in sorted(names):
        found = CUTS_FILE.fullmatch(name)
        if not found:
            continue
        audio = f"recording.{found[1]}.tar"
        if audio not in names:
            raise EarwrightError(f"{join(place, name)}: the audio of this shard, {audio}, is not beside it.")
        shards.append(
            ShardFiles(FileFacts(join(place, name), names[name]), FileFacts(join(place, audio), names[audio]))
        )
    known = {os.path.basename(shard.recording.address.partition("::")[0]) for shard in shards}
    tars = {name for name in names if re.fullmatch(r"recording\.\d+\.tar", name)}
    if alone := sorted(tars - known):
        raise EarwrightError(
            f"{join(place, alone[0])}: there is audio and no file of cuts that goes with it."
        )
    return shards


def _check_size(file: FileFacts) -> None:
    """Compare a file of this machine with what its index says of it."""
    try:
        size = os.path.getsize(file.address)
    except OSError as error:
        raise EarwrightError(f"{file.address}: {error.strerror or error}; its index names it.") from error
    if file.size is not None and size != file.size:
        how = "cut off" if size < file.size else "another file"
        raise EarwrightError(
            f"{file.address}: it has {size} bytes and should have {file.size}: it is {how}; write it or copy "
            "it again."
        )
