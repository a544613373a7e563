"""A bundle at work: audio in, words with times and confidence out.

audio -> pieces of at most 20 s -> batches of like length -> features.onnx -> encoder.onnx -> search -> words
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from earwright.audio.read import AudioSource, from_array, stream_audio
from earwright.audio.segment import Piece, cut_at_quiet
from earwright.bundle import Bundle, BundleMeta
from earwright.decoding import Decoder, GrammarMatch, GreedyDecoder, TimedTokens, timed_words
from earwright.decoding.words import geometric_mean
from earwright.errors import EarwrightError
from earwright.graphs import Graph
from earwright.text import load_tokenizer
from earwright.transcript import Segment, Transcript, Word

if TYPE_CHECKING:
    from earwright.decoding import Grammar, Keyterm, Rescorer, SearchOptions
    from earwright.lm.query import LanguageModel

Source = AudioSource | npt.NDArray[Any]

BATCH_SECONDS = 20.0  # of padded audio; more takes more memory and on a CPU is no faster
# Audio gathered before it is run: little the first time, to be quick, then more, to sort by length.
ROUND_SECONDS = (20.0, 160.0)
ROUND_STEPS = 256  # many short or bad files make a round too
# Shorter audio is padded with zeros to this, since convolutions need as many frames as their kernels have.
# Padding never changes a result.
LEAST_SECONDS = 0.5
PAUSE = 1.0  # seconds without a word that end a segment


class Recognizer:
    """Turns audio into text with a bundle, offline, on the CPU.

    Example:
        recognizer = Recognizer.load("clinic.ear")
        transcript = recognizer.transcribe("visit.wav")
        print(transcript.text)
        for word in transcript.words:
            print(word.start, word.end, word.text, word.confidence)

        recognizer.transcribe(samples, sample_rate=48000)  # a numpy array
        recognizer.transcribe(["a.wav", "b.mp3"])          # a list gives a list

    Attributes:
        meta: what the bundle says of itself.
        tokenizer: its vocabulary.
        decoder: what reads its log-probs.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.meta: BundleMeta = bundle.meta
        names = [name for name in ("tokens.txt", "tokenizer.model") if name in bundle.files]
        self.tokenizer = load_tokenizer({name: bundle.read(name) for name in names})
        self.decoder: Decoder = GreedyDecoder()
        self._tuned: dict[str, Any] = {}  # what `use_beam` begins with
        self._features = Graph(bundle, "features.onnx", ("waveform", "lengths"), threads)
        self._encoder = Graph(bundle, "encoder.onnx", ("features", "lengths"), threads)
        self._batch_samples = round(BATCH_SECONDS * self.meta.sample_rate)
        size = self._encoder.output_shape[-1]
        if size != self.tokenizer.vocab_size:
            raise EarwrightError(
                f"{self._encoder.where} gives {size} tokens, and tokens.txt has {self.tokenizer.vocab_size}; "
                "they do not belong together: export the model again."
            )
        if self.meta.search.get("method") == "beam":
            self._search_as_tuned(bundle)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int | None = None) -> Recognizer:
        """Load a bundle.

        Args:
            path: a folder NAME.ear, or its zip.
            threads: how many cores to use; None is all physical ones.

        Raises:
            EarwrightError: not a bundle, or one that is damaged, altered, or newer than this program.
        """
        return cls(Bundle.open(path), threads)

    def _search_as_tuned(self, bundle: Bundle) -> None:
        """With the options, the language model and the words that `earwright tune` put into the bundle."""
        from earwright.decoding.setup import read_words
        from earwright.lm.query import LanguageModel

        options = {name: value for name, value in self.meta.search.items() if name != "method"}
        self._tuned = {"options": options}
        readers: dict[str, tuple[str, Callable[[Path], Any]]] = {
            "lm.bin": ("lm", LanguageModel.load),
            "words.txt": ("lexicon", read_words),
        }
        with contextlib.ExitStack() as stack:
            for name in readers.keys() & bundle.files.keys():
                place = bundle.file_path(name)
                if place is None:  # inside a zip; what is mapped stays when the file goes
                    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
                    place = Path(stack.enter_context(folder)) / name
                    place.write_bytes(bundle.read(name))
                what, read = readers[name]
                self._tuned[what] = read(place)
        self.use_beam()

    def use_beam(
        self,
        *,
        lm: str | os.PathLike[str] | LanguageModel | None = None,
        lexicon: str | os.PathLike[str] | Iterable[str] | None = None,
        keyterms: str | os.PathLike[str] | Iterable[Keyterm | str] = (),
        options: SearchOptions | Mapping[str, Any] | None = None,
        rescorer: Rescorer | str | os.PathLike[str] | None = None,
        grammar: Grammar | str | os.PathLike[str] | None = None,
    ) -> None:
        """Search with a beam from now on; what is not given is as `earwright tune` left it in the bundle.

        Args:
            lm: an n-gram model of words or of this recognizer's tokens, or its file.
            lexicon: the words that there are, or a file of them, one a line; None: those of the language
                model, and any where there is none. See `SearchOptions.unknown_penalty` for others.
            keyterms: words and phrases to listen for, or a file of them.
            options: all, or those that differ from the defaults and from what was tuned.
            rescorer: orders the best hypotheses anew; or the file of a larger model, n-gram or neural.
            grammar: all that can be said, or its file (JSGF, FSG, or a list of phrases); then nothing is as
                it was tuned, and a language model, a lexicon or a rescorer is an error. A recording of up to
                20 s, or each piece of a longer one, must be a phrase of it, or is rejected: see `Segment`.

        Raises:
            EarwrightError: a file that cannot be read, or that does not fit this recognizer.

        Example:
            recognizer.use_beam(lm="novels.bin", keyterms=["Mr Knightley", "Hartfield"])
            recognizer.use_beam(grammar="commands.gram")
        """
        from earwright.decoding.options import SearchOptions
        from earwright.decoding.setup import build_decoder

        tuned = self._tuned if grammar is None else {}
        if not isinstance(options, SearchOptions):
            options = {**tuned.get("options", {}), **(options or {})}
        self.decoder = build_decoder(
            self.tokenizer,
            self.meta.normalizer,
            tuned.get("lm") if lm is None else lm,
            tuned.get("lexicon") if lexicon is None else lexicon,
            keyterms,
            options,
            rescorer,
            grammar,
        )

    @overload
    def transcribe(self, audio: list[Source], sample_rate: int | None = None) -> list[Transcript]: ...

    @overload
    def transcribe(self, audio: Source, sample_rate: int | None = None) -> Transcript: ...

    def transcribe(
        self, audio: Source | list[Source], sample_rate: int | None = None
    ) -> Transcript | list[Transcript]:
        """Transcribe one recording, or a list of them in batches (which changes no result).

        Args:
            audio: a path, the bytes of a file, an open binary file, or an array (N,) or (N, channels); or a
                list of those.
            sample_rate: Hz of arrays; None takes the bundle's own.

        Returns:
            A Transcript, or a list of them if a list was given.

        Raises:
            EarwrightError: audio that cannot be read. In bulk, `transcribe_each` goes on where this stops.
        """
        results = []
        for result in self.transcribe_each(
            audio if isinstance(audio, list | tuple) else [audio], sample_rate
        ):
            if isinstance(result, EarwrightError):
                raise result
            results.append(result)
        return results if isinstance(audio, list | tuple) else results[0]

    def transcribe_each(
        self,
        sources: Iterable[Source],
        sample_rate: int | None = None,
        on_piece: Callable[[int, tuple[Segment, ...], float], None] | None = None,
    ) -> Iterator[Transcript | EarwrightError]:
        """Transcribe many recordings of any length in bounded memory, and go on after a bad one.

        Args:
            sources: as for `transcribe`; drawn as they are needed.
            sample_rate: Hz of arrays; None takes the bundle's own.
            on_piece: told of each finished piece, in order: its source's index, its segments, its seconds.

        Yields:
            For each source, in order, its Transcript or the EarwrightError that it caused.
        """
        waiting: deque[_Job] = deque()
        for steps in _rounds(self._read_all(sources, sample_rate, waiting), self.meta.sample_rate):
            pieces = [(job, piece) for job, piece in steps if piece is not None]
            results = self._recognize([piece for _, piece in pieces])
            for (job, piece), found in zip(pieces, results, strict=True):
                if isinstance(found, EarwrightError):
                    job.error = job.error or found
                    continue
                job.segments.extend(found)
                if on_piece is not None:
                    on_piece(job.index, found, len(piece.samples) / self.meta.sample_rate)
            ended = {job.index for job, piece in steps if piece is None}
            while waiting and waiting[0].index in ended:
                yield self._result(waiting.popleft())

    def log_probs(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """Run the two graphs on one batch.

        Args:
            waveforms: float32 mono (N,) at the bundle's rate, of any lengths.

        Returns:
            Log-probs (T', V) of each, `meta.frame_shift` seconds a frame.

        Raises:
            EarwrightError: the graphs cannot be run.
        """
        lengths = np.array([len(waveform) for waveform in waveforms], np.int64)  # (B,)
        most = max(int(lengths.max()), round(LEAST_SECONDS * self.meta.sample_rate))
        batch = np.zeros((len(waveforms), most), np.float32)  # (B, N)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[: len(waveform)] = waveform
        features, frames = self._features.run(batch, lengths)  # (B, T, F), (B,)
        log_probs, frames = self._encoder.run(features, frames)  # (B, T', V), (B,)
        return [row[: int(count)] for row, count in zip(log_probs, frames, strict=True)]

    def _read_all(
        self, sources: Iterable[Source], sample_rate: int | None, waiting: deque[_Job]
    ) -> Iterator[_Step]:
        """Each source's pieces and then None, source by source; it joins `waiting` when its turn comes."""
        for index, source in enumerate(sources):
            job = _Job(index, os.fspath(source) if isinstance(source, str | os.PathLike) else None)
            waiting.append(job)
            try:
                for piece in cut_at_quiet(self._blocks(source, sample_rate), self.meta.sample_rate):
                    job.samples += len(piece.samples)
                    yield job, piece
            except EarwrightError as error:
                job.error = error
            yield job, None

    def _blocks(self, source: Source, sample_rate: int | None) -> Iterator[npt.NDArray[np.float32]]:
        if hasattr(source, "__array__"):
            yield from_array(np.asarray(source), sample_rate or self.meta.sample_rate, self.meta.sample_rate)
        elif isinstance(source, str | os.PathLike | bytes | bytearray) or hasattr(source, "read"):
            yield from stream_audio(source, self.meta.sample_rate)
        else:
            raise EarwrightError(
                "audio is given as a path, bytes, an open binary file or a numpy array, "
                f"not as {type(source).__name__}."
            )

    def _recognize(self, pieces: Sequence[Piece]) -> list[tuple[Segment, ...] | EarwrightError]:
        """The segments of each piece, computed in batches of pieces of like length."""
        results: list[tuple[Segment, ...] | EarwrightError] = [()] * len(pieces)
        for batch in _batches([len(piece.samples) for piece in pieces], self._batch_samples):
            try:
                outputs = self.log_probs([pieces[index].samples for index in batch])
                for index, found in zip(batch, self.decoder.decode(outputs), strict=True):
                    results[index] = self._heard(pieces[index], found)
            except EarwrightError as error:
                for index in batch:
                    results[index] = error
        return results

    def _heard(self, piece: Piece, found: TimedTokens) -> tuple[Segment, ...]:
        # The end of a piece and the start of the next are the same division of whole numbers, so that their
        # words do not overlap by a rounding.
        rate = self.meta.sample_rate
        start, end = piece.start_sample / rate, (piece.start_sample + len(piece.samples)) / rate
        words = timed_words(found, self.tokenizer, self.meta.frame_shift, start, end)
        if not isinstance(found, GrammarMatch):
            return _segments(words)
        whole = _segment(words) if words else Segment("", start, end)
        return (replace(whole, rejected=found.rejected, score=found.fit, tags=found.tags),)

    def _result(self, job: _Job) -> Transcript | EarwrightError:
        if job.error is not None:
            return job.error
        languages = self.meta.languages
        return Transcript(
            text=" ".join(segment.text for segment in job.segments if segment.text),
            segments=tuple(job.segments),
            duration=job.samples / self.meta.sample_rate,
            source=job.source,
            language=languages[0] if len(languages) == 1 else None,
        )


@dataclass
class _Job:
    """One source on its way through."""

    index: int
    source: str | None
    segments: list[Segment] = field(default_factory=list)
    samples: int = 0
    error: EarwrightError | None = None


# A piece of a source; None when it has been read to its end.
_Step = tuple[_Job, Piece | None]


def _rounds(steps: Iterable[_Step], sample_rate: int) -> Iterator[list[_Step]]:
    """Gather pieces until a round is full; rounds double from the first, quick one to the largest."""
    size, largest = (seconds * sample_rate for seconds in ROUND_SECONDS)
    gathered: list[_Step] = []
    held = 0
    for job, piece in steps:
        gathered.append((job, piece))
        held += 0 if piece is None else len(piece.samples)
        if held >= size or len(gathered) >= ROUND_STEPS:
            yield gathered
            gathered, held, size = [], 0, min(2 * size, largest)
    if gathered:
        yield gathered


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices in batches of like length, none larger than `most` with its padding (but for one alone)."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > most:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _segments(words: Sequence[Word]) -> tuple[Segment, ...]:
    """Words as segments, a new one after each long pause."""
    runs: list[list[Word]] = []
    for word in words:
        if not runs or word.start - runs[-1][-1].end > PAUSE:
            runs.append([])
        runs[-1].append(word)
    return tuple(map(_segment, runs))


def _segment(words: Sequence[Word]) -> Segment:
    """Words, at least one, as one segment."""
    return Segment(
        text=" ".join(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        words=tuple(words),
        confidence=geometric_mean(word.confidence for word in words),
    )
