"""A bundle at work: audio in, words with times and confidence out.

audio -> pieces of at most 20 s -> batches of like length -> features.onnx -> encoder.onnx -> search -> words
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from earwright.acoustics import Acoustics
from earwright.audio.segment import Piece, cut_at_quiet
from earwright.bundle import Bundle, BundleMeta
from earwright.codes import Codebooks, Encoded
from earwright.decoding import BeamDecoder, Decoded, Decoder, GreedyDecoder, timed_words
from earwright.errors import EarwrightError
from earwright.pace import Pace
from earwright.text import load_tokenizer
from earwright.transcribing import (
    Heard,
    Job,
    Source,
    audio_blocks,
    batches,
    read_all,
    rounds,
    segments_of,
    spoken_segments,
    whole_segment,
)
from earwright.transcript import Alternative, Alternatives, Segment, Transcript, Word

if TYPE_CHECKING:
    from earwright.decoding import Grammar, Keyterm, KeytermSet, Rescorer, SearchOptions
    from earwright.decoding.lattice.graph import Lattice
    from earwright.lm.neural import NeuralLanguageModel
    from earwright.lm.query import LanguageModel

Keyterms: TypeAlias = "str | os.PathLike[str] | Iterable[Keyterm | str] | KeytermSet"

BATCH_SECONDS = 20.0  # of padded audio; more takes more memory and on a CPU is no faster
_NO_LATTICES = (
    "lattices need a beam search, as with a language model, a lexicon, key terms or a beam's size; with a "
    "grammar or a neural model there are none."
)


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
        temperature: of the words' confidences, as `earwright tune` has fitted it; 1 where it has not.
        pace: of speech, by which words are rejected where a greedy search doubts them, whatever decoder has
            found them; None rejects none, as where the model was trained without noise alone.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.meta: BundleMeta = bundle.meta
        names = [name for name in ("tokens.txt", "tokenizer.model") if name in bundle.files]
        self.tokenizer = load_tokenizer({name: bundle.read(name) for name in names})
        self.decoder: Decoder = GreedyDecoder()
        self.temperature = float(self.meta.search.get("confidence_temperature", 1.0))
        self.pace = Pace.from_dict(self.meta.speech) if self.meta.speech.get("noise_alone") is True else None
        self._plain_beam: BeamDecoder | None = None  # for key terms where search is greedy
        self._tuned: dict[str, Any] = {}  # what `use_beam` begins with
        self._acoustics = Acoustics(bundle, threads)
        self._acoustics.check_tokens(self.tokenizer.vocab_size)
        self._batch_samples = round(BATCH_SECONDS * self.meta.sample_rate)
        if self.meta.search.get("method") == "beam":
            from earwright.tuned import read_tuned

            self._tuned = read_tuned(bundle)
            self.use_beam()

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

    def use_beam(
        self,
        *,
        lm: str | os.PathLike[str] | LanguageModel | NeuralLanguageModel | None = None,
        lexicon: str | os.PathLike[str] | Iterable[str] | None = None,
        keyterms: Keyterms = (),
        options: SearchOptions | Mapping[str, Any] | None = None,
        rescorer: Rescorer | str | os.PathLike[str] | None = None,
        grammar: Grammar | str | os.PathLike[str] | None = None,
        nbest: int = 1,
    ) -> None:
        """Search with a beam from now on; what is not given is as `earwright tune` left it in the bundle.

        Args:
            lm: an n-gram model of words or of this recognizer's tokens, a neural one of its tokens, or
                the file of one.
            lexicon: the words that there are, or a file of them, one a line; None: those of the language
                model, and any where there is none. See `SearchOptions.unknown_penalty` for others.
            keyterms: words and phrases to listen for, or a file of them.
            options: those that differ from the defaults (a grammar has its own) and from what was tuned; a
                `SearchOptions` says all, whatever was tuned.
            rescorer: orders the best hypotheses anew; or the file of a larger model, n-gram or neural.
            grammar: all that can be said, or its file (JSGF, FSG, or a list of phrases); then nothing is as
                it was tuned, and a language model, a lexicon or a rescorer is an error. A recording of up to
                20 s, or each piece of a longer one, must be a phrase of it, or is rejected: see `Segment`.
            nbest: above 1, so many hypotheses of each piece are in `Transcript.alternatives`.

        Raises:
            EarwrightError: a file that cannot be read, or that does not fit this recognizer.

        Example:
            recognizer.use_beam(lm="novels.bin", keyterms=["Mr Knightley", "Hartfield"])
            recognizer.use_beam(grammar="commands.gram")
        """
        from earwright.decoding.options import SearchOptions
        from earwright.decoding.setup import build_decoder

        if not isinstance(nbest, int) or nbest < 1:
            raise EarwrightError(f"nbest is {nbest!r}; give a whole number from 1 up.")
        tuned = self._tuned if grammar is None else {}
        if not isinstance(options, SearchOptions):
            options = {**tuned.get("options", {}), **(options or {})}
        decoder = build_decoder(
            self.tokenizer,
            self.meta.normalizer,
            tuned.get("lm") if lm is None else lm,
            tuned.get("lexicon") if lexicon is None else lexicon,
            keyterms,
            options,
            tuned.get("rescorer") if rescorer is None else rescorer,
            grammar,
        )
        self.decoder = replace(decoder, nbest=nbest)

    def keyterms(self, terms: Keyterms) -> KeytermSet:
        """Make words and phrases ready to be listened for in many calls.

        Args:
            terms: as for `use_beam`; at least one.

        Raises:
            EarwrightError: a file that cannot be read, or no term that can be heard.
        """
        from earwright.decoding.setup import build_keyterms

        found = build_keyterms(self._beam().search, self.meta.normalizer, terms)
        if found is None:
            raise EarwrightError("there are no key terms.")
        return found

    def _beam(self) -> BeamDecoder:
        """The decoder that hears key terms: the one in use, or a plain beam where that is greedy."""
        if isinstance(self.decoder, BeamDecoder):
            return self.decoder
        if not isinstance(self.decoder, GreedyDecoder):
            raise EarwrightError(f"a {type(self.decoder).__name__} hears no key terms; use a beam search.")
        if self._plain_beam is None:
            from earwright.decoding.setup import build_decoder

            self._plain_beam = build_decoder(self.tokenizer, self.meta.normalizer)
        return self._plain_beam

    def _listening(self, keyterms: Keyterms | None) -> Decoder:
        """The decoder for a call with these key terms; None: those in use."""
        from earwright.decoding.setup import build_keyterms

        if keyterms is None:
            return self.decoder
        beam = self._beam()
        found = build_keyterms(beam.search, self.meta.normalizer, keyterms)
        if found is None and beam is not self.decoder:
            return self.decoder
        return replace(beam, keyterms=found)

    @property
    def codebooks(self) -> Codebooks:
        """Those of its quantizer.

        Raises:
            EarwrightError: the model has none.
        """
        return self._acoustics.codebooks

    def use_codebooks(self, count: int | None) -> None:
        """Recognize by the first `count` codebooks alone from now on, as if there were no more; None: by all.

        Raises:
            EarwrightError: the model has no quantizer, or not so many codebooks.
        """
        self._acoustics.use_codebooks(count)

    def encode(self, audio: Source, sample_rate: int | None = None, codebooks: int | None = None) -> Encoded:
        """A recording as vectors, and as codes if the model has a quantizer.

        Args:
            audio: as for `transcribe`.
            sample_rate: Hz of an array; None takes the bundle's own.
            codebooks: codes of the first so many; None takes those in use.

        Raises:
            EarwrightError: the audio cannot be read, the bundle is older than this, or it has not so many
                codebooks.
        """
        pieces = cut_at_quiet(audio_blocks(audio, sample_rate, self.meta.sample_rate), self.meta.sample_rate)
        return self._acoustics.encode(pieces, codebooks)

    @overload
    def transcribe(
        self, audio: list[Source], sample_rate: int | None = None, *, keyterms: Keyterms | None = None
    ) -> list[Transcript]: ...

    @overload
    def transcribe(
        self, audio: Source, sample_rate: int | None = None, *, keyterms: Keyterms | None = None
    ) -> Transcript: ...

    def transcribe(
        self,
        audio: Source | list[Source],
        sample_rate: int | None = None,
        *,
        keyterms: Keyterms | None = None,
    ) -> Transcript | list[Transcript]:
        """Transcribe one recording, or a list of them in batches (which changes no result).

        Args:
            audio: a path, the bytes of a file, an open binary file, or an array (N,) or (N, channels); or a
                list of those.
            sample_rate: Hz of arrays; None takes the bundle's own.
            keyterms: words and phrases to listen for in this call, instead of those given to `use_beam`; what
                `keyterms` made of many need not be made again. A greedy recognizer searches this call with a
                beam.

        Returns:
            A Transcript, or a list of them if a list was given.

        Raises:
            EarwrightError: audio that cannot be read, no key term that can be heard. In bulk,
                `transcribe_each` goes on where this stops.
        """
        results = []
        for result in self.transcribe_each(
            audio if isinstance(audio, list | tuple) else [audio], sample_rate, keyterms=keyterms
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
        *,
        keyterms: Keyterms | None = None,
        on_lattice: Callable[[int, float, Lattice], None] | None = None,
    ) -> Iterator[Transcript | EarwrightError]:
        """Transcribe many recordings of any length in bounded memory, and go on after a bad one.

        Args:
            sources: as for `transcribe`; drawn as they are needed.
            sample_rate: Hz of arrays; None takes the bundle's own.
            on_piece: told of each finished piece, in order: its source's index, its segments, its seconds.
            keyterms: as for `transcribe`.
            on_lattice: told of each piece, too: its source's index, where it begins in seconds, its lattice.

        Returns:
            For each source, in order, its Transcript or the EarwrightError that it caused.

        Raises:
            EarwrightError: no key term can be heard, or lattices are wanted of a search that has none.
        """
        decoder = self._listening(keyterms)  # what is wrong is told before the first is asked for

        def hand_on(index: int, start: float, decoded: Decoded) -> None:
            if on_lattice is not None and decoded.lattice is not None:
                on_lattice(index, start, decoded.lattice)

        if on_lattice is not None:
            if not isinstance(decoder, BeamDecoder) or not decoder.search.has_lattices:
                raise EarwrightError(_NO_LATTICES)
            decoder = replace(decoder, with_lattice=True)
        found = self.transcribe_ways(sources, [decoder], sample_rate, on_piece, hand_on)
        return (one if isinstance(one, EarwrightError) else one[0] for one in found)

    def transcribe_ways(
        self,
        sources: Iterable[Source],
        decoders: Sequence[Decoder],
        sample_rate: int | None = None,
        on_piece: Callable[[int, tuple[Segment, ...], float], None] | None = None,
        on_decoded: Callable[[int, float, Decoded], None] | None = None,
    ) -> Iterator[tuple[Transcript, ...] | EarwrightError]:
        """`transcribe_each` with several decoders, which share what costs most: the log-probs.

        Args:
            sources, sample_rate: as for `transcribe_each`.
            decoders: to read each recording's log-probs with.
            on_piece: told of what the first of them finds.
            on_decoded: the same as its search has it, with the second at which the piece begins.

        Yields:
            For each source, in order, its Transcript by each decoder, or the EarwrightError that it caused.
        """
        languages, rate = self.meta.languages, self.meta.sample_rate
        language = languages[0] if len(languages) == 1 else None
        waiting: deque[Job] = deque()
        for steps in rounds(read_all(sources, sample_rate, rate, waiting), rate):
            pieces = [(job, piece) for job, piece in steps if piece is not None]
            judge = [GreedyDecoder()] if self.pace is not None else []
            results = self._recognize([piece for _, piece in pieces], [*decoders, *judge])
            for (job, piece), found in zip(pieces, results, strict=True):
                if isinstance(found, EarwrightError):
                    job.error = job.error or found
                    continue
                ways = zip(found[: len(decoders)], decoders, strict=True)
                plain = self._plain_segments(piece, found[-1]) if judge else None
                job.heard.append([self._heard(piece, one, way, plain) for one, way in ways])
                if on_piece is not None:
                    on_piece(job.index, job.heard[-1][0].segments, len(piece.samples) / rate)
                if on_decoded is not None:
                    on_decoded(job.index, piece.start_sample / rate, found[0])
            ended = {job.index for job, piece in steps if piece is None}
            while waiting and waiting[0].index in ended:
                job = waiting.popleft()
                yield job.error or job.transcripts(len(decoders), rate, language)

    def log_probs(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """Run the two graphs on one batch.

        Args:
            waveforms: float32 mono (N,) at the bundle's rate, of any lengths.

        Returns:
            Log-probs (T', V) of each, `meta.frame_shift` seconds a frame.

        Raises:
            EarwrightError: the graphs cannot be run.
        """
        return self._acoustics.log_probs(waveforms)

    def _recognize(
        self, pieces: Sequence[Piece], decoders: Sequence[Decoder]
    ) -> list[list[Decoded] | EarwrightError]:
        """What each decoder finds in each piece, computed in batches of pieces of like length."""
        results: list[list[Decoded] | EarwrightError] = [[] for _ in pieces]
        for batch in batches([len(piece.samples) for piece in pieces], self._batch_samples):
            try:
                outputs = self.log_probs([pieces[index].samples for index in batch])
                read = [decoder.decode(outputs) for decoder in decoders]
                for place, index in enumerate(batch):
                    results[index] = [found[place] for found in read]
            except EarwrightError as error:
                for index in batch:
                    results[index] = error
        return results

    def _temperature_of(self, decoder: Decoder) -> float:
        """That which was tuned, for confidences of the kind that it was tuned on; others are as they are."""
        if self.meta.search.get("method") != "beam":
            return self.temperature if isinstance(decoder, GreedyDecoder) else 1.0
        of_lattices = isinstance(decoder, BeamDecoder) and decoder.search.has_lattices
        return self.temperature if of_lattices else 1.0

    def _words(self, piece: Piece, found: Decoded, temperature: float) -> tuple[Word, ...]:
        """What was found in a piece, as words in the time of its source."""
        return timed_words(
            found, self.tokenizer, self.meta.frame_shift, *self._span(piece), temperature=temperature
        )

    def _span(self, piece: Piece) -> tuple[float, float]:
        """Where a piece begins and ends, in seconds.

        Its end and the start of the next are the same division of whole numbers, so that their words do not
        overlap by a rounding.
        """
        rate = self.meta.sample_rate
        return piece.start_sample / rate, (piece.start_sample + len(piece.samples)) / rate

    def _plain_segments(self, piece: Piece, found: Decoded) -> tuple[Segment, ...]:
        """Those of a greedy search, with the model's own confidences: tuning must not change the verdict."""
        return segments_of(self._words(piece, found, 1.0))

    def _heard(
        self, piece: Piece, found: Decoded, decoder: Decoder, plain: tuple[Segment, ...] | None
    ) -> Heard:
        """Segments, judged by `plain` ones unless that is None, and alternatives if they were asked for."""
        words = decoder.write(self._words(piece, found, self._temperature_of(decoder)))
        segments = segments_of(words)
        if self.pace is not None and plain is not None:
            segments = spoken_segments(segments, self.pace, plain)
        start, end = self._span(piece)
        best = found.best[0] if found.best else None
        if best is not None and best.fit is not None:  # of a grammar
            whole = whole_segment(words) if words else Segment("", start, end)
            segments = (replace(whole, rejected=best.rejected, score=best.fit, tags=best.tags),)
        rejected = bool(segments) and all(segment.rejected for segment in segments)
        if not isinstance(decoder, BeamDecoder) or decoder.nbest == 1 or rejected:
            return Heard(segments)
        hypotheses = tuple(Alternative(one.text, one.score) for one in found.best)
        return Heard(segments, (Alternatives(start, end, hypotheses),))
