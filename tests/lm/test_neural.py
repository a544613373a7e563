"""Neural models from the command line to a search: of a tiny language, exported, queried and mixed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import torch

from earwright.cli.main import main
from earwright.errors import EarwrightError
from earwright.lm.neural import METADATA, NeuralLanguageModel
from earwright.lm.ngrams import END, START, UNKNOWN
from earwright.lm.query import LanguageModel
from earwright.lm.scored_text import MixedScorer, load_model
from earwright.lm.scoring import measure, score_lines
from earwright.models.language_model import TransformerLanguageModel, TransformerOptions
from earwright.text import build_char_tokenizer

WORDS = ["ba", "be", "bi", "da", "de", "di", "ga", "ge"]


def sentences(count: int, seed: int) -> list[list[str]]:
    """Each word is followed by one of two, so that there is something to learn."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        word = int(generator.integers(len(WORDS)))
        sentence = [word]
        while len(sentence) < 3 or generator.random() < 0.8:
            word = (2 * word + int(generator.integers(2))) % len(WORDS)
            sentence.append(word)
        made.append([WORDS[number] for number in sentence])
    return made


class Made(NamedTuple):
    """A folder with text.txt, dev.txt, words.onnx, tokens.onnx and ngrams.bin.

    Beside it what training printed for each model, and the modules that the neural ones were made of.
    """

    folder: Path
    figures: dict[str, Any]
    modules: list[Any]

    def __str__(self) -> str:
        return str(self.folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("neural")
    for name, count, seed in (("text", 600, 1), ("dev", 40, 2)):
        lines = "".join(f"{' '.join(words)}\n" for words in sentences(count, seed))
        (folder / f"{name}.txt").write_text(lines, encoding="utf-8")
    build_char_tokenizer([" ".join(WORDS)]).save(folder / "tokens")
    common = ["lm", "train", str(folder / "text.txt"), "--lines", "--json"]
    size = "--kind transformer --dim 32 --layers 1 --heads 2 --window 12 --batch-tokens 256 --dropout 0"
    pace = "--learning-rate 1e-2 --precision fp32"
    figures = {}
    modules: list[TransformerLanguageModel] = []

    def build(options: TransformerOptions, size: int) -> TransformerLanguageModel:
        """With clusters of rare words, which so few words would not have otherwise."""
        modules.append(TransformerLanguageModel(replace(options, cutoffs=(6, 9)), size))
        return modules[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("earwright.training.language_model.loop.TransformerLanguageModel", build)
        printed: list[str] = []
        real = print

        def note(*values: object, **options: Any) -> None:
            if options.get("file") is None:
                printed.append(str(values[0]))
            else:  # as whoever compiles a kernel does
                real(*values, **options)

        patch.setattr("builtins.print", note)
        for name, more in (
            ("words.onnx", f"{size} {pace} --steps 150"),
            ("tokens.onnx", f"{size} {pace} --steps 300 --tokens {folder / 'tokens'}"),
            ("ngrams.bin", "--order 2"),
        ):
            assert main([*common, "-o", str(folder / name), *more.split()]) == 0
            figures[name] = json.loads(printed[-1])
    return Made(folder, figures, modules)


@pytest.fixture(scope="module")
def model(made: Made) -> NeuralLanguageModel:
    return NeuralLanguageModel.load(made.folder / "words.onnx", threads=1)


def perplexity(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["lm", "perplexity", *map(str, arguments), "--layout", "lines", "--json"]) == 0
    table: dict[str, Any] = json.loads(capsys.readouterr().out)
    return table


def test_what_training_tells(made: Made, model: NeuralLanguageModel) -> None:
    figures = made.figures["words.onnx"]
    assert figures["steps"] == figures["planned"] == 150
    assert figures["text"]["sentences"] == 600
    assert figures["held_out"] > 0 and figures["looks"][-1][0] == 150
    assert figures["parameters"] < 30_000 and figures["bytes"] == (made.folder / "words.onnx").stat().st_size
    assert sorted(model.vocabulary) == sorted(["<unk>", "<s>", "</s>", *WORDS])
    assert (model.unit, model.normalizer, model.window) == ("word", "basic", 12)
    assert model.notes["steps"] == "150"
    assert list(made.folder.glob("*.checkpoint")) == []


def test_it_learns_what_a_bigram_model_does(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    dev = made.folder / "dev.txt"
    neural = perplexity(capsys, made.folder / "words.onnx", dev)
    ngrams = perplexity(capsys, made.folder / "ngrams.bin", dev)
    for key in ("words", "sentences", "oov"):
        assert neural["all"][key] == ngrams["all"][key]
    # Chance is 9; the language allows two words or an end.
    assert neural["all"]["perplexity"] < 1.1 * ngrams["all"]["perplexity"] < 4
    tokens = perplexity(capsys, made.folder / "tokens.onnx", dev)["all"]
    assert (tokens["words"], tokens["sentences"]) == (ngrams["all"]["words"], ngrams["all"]["sentences"])
    # Two letters and a space a word, without the first space, and the ends.
    assert tokens["tokens"] == 3 * tokens["words"]
    assert tokens["perplexity"] < 1.5 * ngrams["all"]["perplexity"]
    assert tokens["perplexity_of_tokens"] < tokens["perplexity"] ** 0.5


def test_probabilities_sum_to_one(model: NeuralLanguageModel) -> None:
    states = model.start_states(1).then([0, 0, 0], [START, START, START])
    for words in ([3, 4, 5], [6, UNKNOWN, 7], [3, 3, 3]):
        log_probs, heard = model.predict(states)
        np.testing.assert_allclose(np.power(10.0, log_probs).sum(axis=1), 1, atol=1e-5)
        assert (log_probs[:, START] < -50).all()
        states = heard.then([0, 1, 2], words)


def test_a_beam_and_whole_sentences_say_the_same(model: NeuralLanguageModel) -> None:
    generator = np.random.default_rng(3)
    texts = [generator.integers(3, 11, size=size) for size in (20, 1, 33, 6)]  # some longer than the window
    whole = model.scores(np.concatenate([np.append(text, END) for text in texts]), end=False)
    found = []
    for text in texts:
        states = model.start_states(1)
        for token in [*text, END]:
            log_probs, states = model.score(states, [token])
            found.append(log_probs[0])
    np.testing.assert_allclose(whole.log_probs, found, atol=1e-5)
    np.testing.assert_allclose(model.scores(texts[0]).log_probs, found[:21], atol=1e-5)
    # Hypotheses that leave one state, one of them twice, and go on side by side.
    _, heard = model.predict(model.start_states(2))
    states = heard.then([1, 0, 1], texts[0][[0, 0, 0]])
    assert len(states) == 3
    log_probs, _ = model.score(states, texts[0][[1, 1, 1]])
    np.testing.assert_allclose(log_probs, found[1], atol=1e-5)


def test_a_sentence_that_is_longer_than_a_run(
    model: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = np.random.default_rng(4).integers(3, 11, size=90)
    expected = model.scores(text).log_probs
    monkeypatch.setattr("earwright.lm.neural._LARGEST_RUN", 7 * len(model.vocabulary))
    np.testing.assert_allclose(model.scores(text).log_probs, expected, atol=1e-5)


def test_the_graph_says_what_the_module_says(made: Made, model: NeuralLanguageModel) -> None:
    tokens = torch.randint(3, 11, (1, 30))
    before = torch.cat((torch.tensor([[START]]), tokens[:, :-1]), dim=1)
    expected = -made.modules[0].losses(before, tokens)[0] / np.log(10)
    scores = model.scores(tokens[0].numpy(), end=False)
    np.testing.assert_allclose(scores.log_probs, expected.detach().numpy(), atol=1e-5)


def test_lines(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    text = made.folder / "lines.txt"
    text.write_text("Ba be\n\nba xyz\n", encoding="utf-8")
    for name in ("words.onnx", "tokens.onnx"):
        opened = load_model(made.folder / name)
        assert isinstance(opened, NeuralLanguageModel)
        scored = list(score_lines(opened, str(text)))
        assert [each.words for each in scored] == [("ba", "be"), (), ("ba", "xyz")]
        assert [each.unknown for each in scored] == [0, 0, 1]
        assert [len(each.scores.log_probs) for each in scored] == [3, 1, 3]
        assert main(["lm", "score", str(made.folder / name), str(text), "--words"]) == 0
        assert capsys.readouterr().out.splitlines()[-4].endswith("\txyz\toov")
    # A word's log-prob is the sum of its tokens'.
    tokens = [opened.id(token) for token in "ba▁be"]
    assert scored[0].log_prob == pytest.approx(float(opened.scores(tokens).log_probs.sum()), abs=1e-4)


def test_two_models_interpolated(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    dev = made.folder / "dev.txt"
    pair = [made.folder / "ngrams.bin", dev, "--with", made.folder / "words.onnx"]
    ngrams, neural = (load_model(made.folder / name) for name in ("ngrams.bin", "words.onnx"))
    mixed = perplexity(capsys, *pair, "--weight", "0.3")
    one, two = (list(score_lines(each, str(dev))) for each in (ngrams, neural))
    log_probs = [
        np.log10(0.7 * 10.0**a.scores.log_probs + 0.3 * 10.0**b.scores.log_probs)
        for a, b in zip(one, two, strict=True)
    ]
    assert mixed["all"]["log10"] == pytest.approx(float(np.concatenate(log_probs).sum()), abs=0.01)
    assert mixed["weight"] == 0.3
    tuned = perplexity(capsys, *pair, "--weight", "auto", "--dev", dev)
    ends = [perplexity(capsys, *pair, "--weight", weight)["all"]["perplexity"] for weight in ("0", "1")]
    assert tuned["all"]["perplexity"] <= min(*ends, mixed["all"]["perplexity"]) + 1e-3
    alone = perplexity(capsys, made.folder / "words.onnx", dev)["all"]["perplexity"]
    assert ends[1] == pytest.approx(alone, rel=1e-4)


def test_models_with_other_words_share_their_unknown(made: Made, tmp_path: Path) -> None:
    few = tmp_path / "few.bin"
    text = str(made.folder / "text.txt")
    arguments = ["lm", "train", text, "-o", str(few), "--lines", "--order", "2", "--max-words", "4", "--json"]
    assert main(arguments) == 0
    small, large = LanguageModel.load(few), NeuralLanguageModel.load(made.folder / "words.onnx")
    mixed = MixedScorer((large, small), 1.0)
    everything = [*WORDS, "<unk>", "</s>"]
    log_probs = [mixed.sentence([word]).log_probs[0] for word in everything[:-1]]
    log_probs.append(mixed.sentence([]).log_probs[0])
    assert np.power(10.0, log_probs).sum() == pytest.approx(1, abs=1e-4)
    assert next(measure(mixed, [text], layout="lines")).unknown == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train text.txt -o x.bin --kind transformer", "x.bin: neural language models are written as .onnx"),
        (
            "train text.txt -o x.onnx --kind transformer --prune 0 1",
            "--prune and --prune-entropy are for n-gram",
        ),
        ("train text.txt -o x.bin --max-time 3m", "--max-time is for --kind transformer"),
        ("train text.txt -o x.onnx --kind transformer --max-time soon", "no length of time"),
        ("train text.txt -o x.onnx --kind transformer --steps 3 --epochs 1", "one of epochs, steps"),
        ("train text.txt -o x.onnx --kind transformer --dim 30", "divisible by twice the 4 heads"),
        ("train text.txt -o x.onnx --kind transformer --tokens tokens --max-words 9", "leave out --vocab"),
        ("train empty.txt -o x.onnx --kind transformer --steps 1", "empty.txt: there are no words"),
        ("prune words.onnx --entropy 1e-7 -o x.bin", "words.onnx: a neural model, which has no n-grams"),
        ("perplexity ngrams.bin dev.txt --weight auto", "--with MODEL"),
        ("perplexity ngrams.bin dev.txt --with words.onnx --weight auto", "--dev TEXT go together"),
        ("perplexity ngrams.bin dev.txt --with words.onnx --weight 2", "--weight is 2"),
        ("perplexity ngrams.bin dev.txt --with tokens.onnx", "mix models of words"),
        ("perplexity cut.onnx dev.txt", "cut.onnx: is not a whole ONNX graph"),
        ("perplexity other.onnx dev.txt", "other.onnx: is no language model of earwright"),
        ("perplexity newer.onnx dev.txt", "newer.onnx: has format 99"),
        ("perplexity fewer.onnx dev.txt", "fewer.onnx: its graph is none of a language model of 10 words"),
        ("perplexity outside.onnx dev.txt", "outside.onnx: keeps weights in another file, '../secret'"),
    ],
)
def test_what_cannot_be(
    arguments: str,
    message: str,
    made: Made,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(made.folder)
    Path("empty.txt").touch()
    damage(made.folder)
    assert main(["lm", *arguments.split()]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1


def damage(folder: Path) -> None:
    """Files that are nearly a model."""
    data = (folder / "words.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(data[: len(data) // 2])
    facts = json.loads(onnx.load_from_string(data).metadata_props[0].value)
    for name, changes in (
        ("other", None),
        ("newer", {"format": 99}),
        ("fewer", {"words": facts["words"][:-1]}),
    ):
        proto = onnx.load_from_string(data)
        del proto.metadata_props[:]
        if changes is not None:
            onnx.helper.set_model_props(proto, {METADATA: json.dumps({**facts, **changes})})
        (folder / f"{name}.onnx").write_bytes(proto.SerializeToString())
    proto = onnx.load_from_string(data)
    tensor = proto.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    (folder / "outside.onnx").write_bytes(proto.SerializeToString())


def test_no_such_token(model: NeuralLanguageModel) -> None:
    with pytest.raises(IndexError, match="there are 11"):
        model.scores([3, 99])
    with pytest.raises(EarwrightError, match="cannot be read"):
        NeuralLanguageModel.load("nowhere.onnx")
