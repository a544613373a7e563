"""What is in shards: their cuts, one after the other, and the audio of any of them."""

from __future__ import annotations

import json
import os
import tarfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from earwright.audio.read import read_audio
from earwright.cuts import Cut, cut_from_dict, manifest_lines
from earwright.data.packed import Examples
from earwright.data.shards.copies import Copies
from earwright.data.shards.places import ShardFiles, find_shards
from earwright.errors import EarwrightError, first_line

SLACK = 0.01  # seconds by which a cut may be shorter than its recording: lengths are rounded
TAR_BLOCK = 512  # bytes
# What lhotse puts where a cut has no audio.
NO_DATA = (".nodata", ".nometa")


class Place(NamedTuple):
    """Where an utterance lies: the number of its shard, and its own in it."""

    shard: int
    member: int


class ShardSet:
    """The shards of one place.

    Args:
        place: a folder or an address.
        copies: of what is far away.
    """

    def __init__(self, place: str, copies: Copies) -> None:
        self.place, self.copies = place, copies
        self.shards = find_shards(place)

    def cuts(self) -> Iterator[Cut]:
        """The cuts alone; see `placed_cuts`."""
        for _, cut in self.placed_cuts():
            yield cut

    def placed_cuts(self) -> Iterator[tuple[Place, Cut]]:
        """The cuts, shard by shard, as often as they are asked for: they are read each time and held nowhere.

        `Cut.path` is the address of the tar, or "" where a cut has no audio in it.

        Raises:
            EarwrightError: a file of cuts cannot be fetched or read, or holds what only lhotse can load.
        """
        for number, shard in enumerate(self.shards):
            for member, cut in enumerate(_read_cuts(self.copies.path(shard.cuts), shard)):
                yield Place(number, member), cut


class ShardAudio:
    """The audio of utterances in shards, decoded at every use, with a few shards open at a time.

    Args:
        shards: of one place.
        places: (N, 2) int32, shard and member of each example.
        examples: the same examples: their ids.
        counts: cuts of each shard.
        sample_rate: Hz to resample to.
        most_open: shards that are held open.
    """

    def __init__(
        self,
        shards: ShardSet,
        places: npt.NDArray[np.int32],
        examples: Examples,
        counts: Sequence[int],
        sample_rate: int,
        most_open: int,
    ) -> None:
        self.shards, self.places, self.examples, self.counts = shards, places, examples, counts
        self.sample_rate, self.most_open = sample_rate, most_open
        self._open: OrderedDict[int, TarShard] = OrderedDict()

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """Utterance `index`.

        Raises:
            EarwrightError: its shard cannot be fetched, is damaged, or is not the one that its cuts tell of.
        """
        number, member = self.places[index].tolist()
        identity = self.examples.id(index)
        data = self._shard(number).data(member, identity)
        try:
            return read_audio(data, self.sample_rate)
        except EarwrightError as error:
            raise EarwrightError(
                f"{self.shards.shards[number].recording.address}: utterance {identity!r}: {error}"
            ) from error

    def expect(self, index: int) -> None:
        """Fetch the shard of example `index` in the background, if it is far away."""
        file = self.shards.shards[int(self.places[index, 0])].recording
        if not file.is_here:
            Thread(target=self._fetch, args=(file,), daemon=True).start()

    def _fetch(self, file: Any) -> None:
        try:
            self.shards.copies.path(file)
        except EarwrightError:  # who needs it will meet it too, and say so
            return

    def _shard(self, number: int) -> TarShard:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        while len(self._open) >= self.most_open:
            self._open.popitem(last=False)[1].close()
        files = self.shards.shards[number]
        self._open[number] = TarShard(self.shards.copies.path(files.recording), files, self.counts[number])
        return self._open[number]

    def __getstate__(self) -> dict[str, Any]:
        """Without open files, for worker processes that are not forked."""
        return {**self.__dict__, "_open": OrderedDict()}


class TarShard:
    """A tar whose members can be read in any order.

    Args:
        path: of the tar on this disk.
        files: what it is and what it goes with, for messages.
        count: utterances that it must hold.

    Raises:
        EarwrightError: it is cut off, or is no tar of lhotse's Shar format, or does not hold that many.
    """

    def __init__(self, path: Path, files: ShardFiles, count: int) -> None:
        self._files = files
        try:
            self._file = open(path, "rb")  # noqa: SIM115  # held open
        except OSError as error:
            raise EarwrightError(f"{self._name}: {error.strerror or error}.") from error
        try:
            self._members = self._scan()
            if len(self._members) != count:
                raise EarwrightError(
                    f"{self._name}: it holds {len(self._members)} utterances, and {files.cuts.address} "
                    f"{count}: the two do not belong together."
                )
        except BaseException:
            self._file.close()
            raise

    def data(self, member: int, identity: str) -> bytes:
        """The file of one utterance.

        Args:
            member: its number.
            identity: the id that it must have.

        Raises:
            EarwrightError: another one is in its place, or it has no audio.
        """
        name, offset, size = self._members[member]
        stem, ending = os.path.splitext(name)
        if stem != identity:
            raise EarwrightError(
                f"{self._name}: utterance {member + 1} is {stem!r}, and {identity!r} in "
                f"{self._files.cuts.address}: the two do not belong together."
            )
        data = b"" if ending in NO_DATA else os.pread(self._file.fileno(), size, offset)
        if not data or len(data) < size:
            raise EarwrightError(f"{self._name}: there is no audio of utterance {identity!r}.")
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def _name(self) -> str:
        return self._files.recording.address

    def _scan(self) -> list[tuple[str, int, int]]:
        """(name, offset, bytes) of the audio of each utterance: its description comes behind it."""
        found = []
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                for info in tar:
                    found.append((info.name, info.offset_data, info.size))
                end = tar.offset
        except (tarfile.TarError, EOFError) as error:
            if found:
                raise self._cut_off(len(found)) from error
            raise EarwrightError(f"{self._name}: this is no tar file ({first_line(error)}).") from error
        except OSError as error:
            raise EarwrightError(f"{self._name}: {error.strerror or error}.") from error
        # Python's reader takes a file that ends between two members for whole; a tar ends with zeros.
        if os.pread(self._file.fileno(), TAR_BLOCK, end) != bytes(TAR_BLOCK):
            raise self._cut_off(len(found))
        pairs = list(zip(found[::2], found[1::2], strict=False))
        if len(found) % 2 or any(os.path.splitext(a[0])[0] != os.path.splitext(b[0])[0] for a, b in pairs):
            raise EarwrightError(
                f"{self._name}: its files are not in pairs of audio and description, as lhotse's Shar format "
                "has them."
            )
        return [audio for audio, _ in pairs]

    def _cut_off(self, members: int) -> EarwrightError:
        return EarwrightError(
            f"{self._name}: the shard is cut off after about {members // 2} utterances; write it or copy it "
            "again."
        )


def _read_cuts(path: Path, shard: ShardFiles) -> Iterator[Cut]:
    try:
        for number, line in enumerate(manifest_lines(path), 1):
            if line.strip():
                yield _cut(line, shard, number)
    except EarwrightError as error:  # a copy's name says nothing
        raise EarwrightError(str(error).replace(str(path), shard.cuts.address)) from error


def _cut(line: str, shard: ShardFiles, number: int) -> Cut:
    where = f"{shard.cuts.address}, line {number}"
    try:
        told = json.loads(line)
        recording = told.get("recording")
        if recording is None:  # lhotse writes such cuts, with nothing in the tar
            return Cut(str(told["id"]), "", 0.0, float(told["duration"]), 0)
        source = {**recording["sources"][0], "type": "file", "source": shard.recording.address}
        cut = cut_from_dict({**told, "recording": {**recording, "sources": [source]}})
        whole = float(recording["duration"])
    except EarwrightError as error:
        raise EarwrightError(f"{where}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EarwrightError(f"{where}: this is no cut of a shard ({first_line(error)}).") from error
    if cut.start > SLACK or cut.duration < whole - SLACK:
        raise EarwrightError(
            f"{where}: cut {cut.id!r} is a part of what lies in the shard, and only lhotse can load it."
        )
    return cut
