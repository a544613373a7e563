"""The reference model from recipe to bundle: training, upkeep of codebooks, export, codes, errors."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from earwright import Recognizer
from earwright.audio.read import read_audio
from earwright.bundle import Bundle
from earwright.cli.main import main
from earwright.cuts import read_cuts
from earwright.errors import EarwrightError
from earwright.models import ReferenceModel, build_model
from earwright.nn.features import build_features
from earwright.nn.normalization import FeatureNormalization
from earwright.training import Recipe, Reporter, train
from earwright.training.checkpoint import load_checkpoint
from earwright.training.export import Encoder, export_bundle
from earwright.training.log import read_log
from earwright.training.recipe import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
# A miniature of each recipe: what is not named here is as it is there.
OURS = [
    "model.dim=32",
    "model.hidden=[32, 24, 32]",
    "model.layers=2",
    "model.intermediate_ctc=[0]",
    "model.heads=2",
    "model.feed_forward=2.0",
    "model.quantizer.codebooks=3",
    "model.quantizer.size=32",
    "model.quantizer.code_dim=8",
]
THEIRS = [
    "model.dim=8",
    "model.hidden=[4, 4, 4, 4]",
    "model.layers=1",
    "model.heads=2",
    "model.quantizer.size=32",
    "model.quantizer.codebooks=3",
    "model.vq_steps=5",
    "training.batch_clips=6",
]
QUICK = ["training.max_time=", "training.precision=fp32", "data.workers=0", "data.dev_utterances=4"]


class Quiet(Reporter):
    def __init__(self, at: Any = None) -> None:
        super().__init__(self._keep, interval=0.0)
        self.lines: list[str] = []
        self.at = at

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if self.at:
            self.at(line)


@pytest.fixture
def small(tones: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Builds a miniature of a recipe that learns the tones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tones.parent / "cache"))

    def build(name: str = "reference", *overrides: str) -> Recipe:
        own = OURS if name == "reference" else THEIRS
        data = [f"data.train={tones}", f"data.dev={tones}"]
        steps = [] if any(one.startswith("training.steps") for one in overrides) else ["training.steps=6"]
        return load_recipe(RECIPES / f"{name}.toml", [*own, *QUICK, *data, *steps, *overrides])

    return build


@pytest.fixture(scope="module")
def bundle(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of our miniature that has learnt the tones."""
    steps = ["training.steps=300", "training.batch_seconds=8.0", "training.learning_rate=3e-3"]
    data = [f"data.train={tones}", f"data.dev={tones}", "training.evaluate_every=150"]
    recipe = load_recipe(RECIPES / "reference.toml", [*OURS, *QUICK, *steps, *data, "data.cache=off"])
    return train(recipe, tmp_path_factory.mktemp("run"), Quiet())


def logged(folder: Path, kind: str = "step") -> list[dict[str, Any]]:
    return [line for line in read_log(folder / "log.jsonl") if line["kind"] == kind]


@pytest.mark.parametrize("name", ["reference", "reference-32x"])
def test_both_recipes_train_export_and_transcribe(small: Any, name: str, tones: Path, tmp_path: Path) -> None:
    recipe = small(name)
    path = train(recipe, tmp_path / "run", Quiet())
    steps = logged(tmp_path / "run")
    assert len(steps) == 6
    losses = {"loss", "commitment_loss"} | ({"codebook_loss"} if name == "reference-32x" else set())
    for line in steps:
        assert losses <= line.keys() and ("codebook_loss" in line) == (name == "reference-32x")
        if name == "reference" and line["step"] == 1:  # of six, a fifth goes by before codes are in use
            assert "perplexity" not in line and line["commitment_loss"] == 0
            continue
        assert len(line["perplexity"]) == len(line["dead_codes"]) == 3
        assert all(1 <= value <= 32 for value in line["perplexity"]) and line["commitment_loss"] > 0

    # The runtime hears what the modules hear.
    recognizer = Recognizer.load(path)
    model, normalization = modules(path, recipe)
    features = build_features(recipe.features)
    samples = [read_audio(cut.path) for cut in read_cuts(tones)[:1]]
    waveform = torch.from_numpy(np.stack(samples))
    x, lengths = features(waveform, torch.tensor([len(one) for one in samples]))
    with torch.no_grad():
        log_probs, counts, frames, codes = Encoder(normalization, model)(x, lengths)
    assert counts.tolist() == [-(-len(samples[0]) // round(recognizer.meta.frame_shift * 16000))] or name
    found = recognizer.log_probs(samples)[0]
    np.testing.assert_allclose(found, log_probs[0, : len(found)], atol=1e-3)
    encoded = recognizer.encode(samples[0])
    np.testing.assert_allclose(encoded.frames, frames[0, : len(found)], atol=1e-3)
    assert encoded.codes is not None
    assert (encoded.codes == codes[0, :, : len(found)].numpy()).mean() > 0.99  # a tie may fall either way


def modules(path: Path, recipe: Recipe) -> tuple[ReferenceModel, FeatureNormalization]:
    """The modules of a bundle, from its weights."""
    from safetensors.torch import load

    tensors = load(Bundle.open(path).read("weights.safetensors"))
    tokens = len(Bundle.open(path).read("tokens.txt").decode().splitlines())
    model = build_model(recipe.model, recipe.features.dim, tokens, 1 / recipe.features.frame_shift)
    normalization = FeatureNormalization(recipe.features.dim)
    for module, prefix in ((model, "model."), (normalization, "normalization.")):
        part = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        module.load_state_dict(part)
    assert isinstance(model, ReferenceModel)
    return model.eval(), normalization


def test_it_learns_with_its_codebooks_alive(bundle: Path, tones: Path) -> None:
    log = logged(bundle.parent)
    assert log[-1]["loss"] < 0.3 * log[0]["loss"]
    assert all(value > 8 for value in log[-1]["perplexity"]), log[-1]
    recognizer = Recognizer.load(bundle)
    cuts = read_cuts(tones)[:8]
    heard = [transcript.text for transcript in recognizer.transcribe([cut.path for cut in cuts])]
    right = sum(text == cut.text for text, cut in zip(heard, cuts, strict=True))
    assert right >= 4, heard


def test_a_batch_changes_no_transcript_and_no_code(bundle: Path, tones: Path) -> None:
    recognizer = Recognizer.load(bundle)
    samples = [read_audio(cut.path) for cut in read_cuts(tones)[:5]]
    together = recognizer.log_probs(samples)
    for one, found in zip(samples, together, strict=True):
        np.testing.assert_allclose(recognizer.log_probs([one])[0], found, atol=1e-4)


def test_fewer_codebooks_are_a_coarser_recognizer(bundle: Path, tones: Path, capsys: Any) -> None:
    recognizer = Recognizer.load(bundle)
    path = read_cuts(tones)[0].path
    samples = [read_audio(path)]
    whole = recognizer.log_probs(samples)[0]
    encoded = recognizer.encode(str(path))
    assert encoded.codes is not None and encoded.codes.shape == (3, len(whole))
    assert encoded.bits_per_second == pytest.approx(50 * 3 * 5)
    assert encoded.times[:3].tolist() == pytest.approx([0, 0.02, 0.04])
    recognizer.use_codebooks(3)
    np.testing.assert_allclose(recognizer.log_probs(samples)[0], whole, atol=1e-3)
    recipe = load_recipe_of(bundle)
    model, normalization = modules(bundle, recipe)
    x, lengths = build_features(recipe.features)(
        torch.from_numpy(samples[0])[None], torch.tensor([len(samples[0])])
    )
    for count in (1, 2):
        recognizer.use_codebooks(count)
        found = recognizer.log_probs(samples)[0]
        with torch.no_grad():
            expected = model(normalization(x, lengths), lengths, codebooks=count).log_probs[0]
        np.testing.assert_allclose(found, expected, atol=1e-3)
        fewer = recognizer.encode(samples[0])
        assert fewer.codes is not None and np.array_equal(fewer.codes, encoded.codes[:count])
        assert fewer.bits_per_second == pytest.approx(50 * count * 5)
        vectors = recognizer.codebooks.decode(fewer.codes)
        with torch.no_grad():
            assert model.quantizer is not None
            decoded = model.quantizer.decode(torch.from_numpy(fewer.codes)[None])[0]
        np.testing.assert_allclose(vectors, decoded, atol=1e-4)
    recognizer.use_codebooks(None)
    np.testing.assert_array_equal(recognizer.log_probs(samples)[0], whole)
    with pytest.raises(EarwrightError, match="4 codebooks were asked for; the recognizer was trained with 3"):
        recognizer.use_codebooks(4)
    with pytest.raises(EarwrightError, match="those of this recognizer are 0 to 31"):
        recognizer.codebooks.decode(np.full((1, 5), 32))
    assert main(["transcribe", "-m", str(bundle), str(path), "--codebooks", "4"]) == 1
    assert "4 codebooks were asked for" in capsys.readouterr().err


def load_recipe_of(bundle: Path) -> Recipe:
    import tomllib

    from earwright.training.recipe import recipe_from_dict

    return recipe_from_dict(tomllib.loads(Bundle.open(bundle).read("recipe.toml").decode()), "the bundle")


def test_codes_as_lines_and_as_arrays(bundle: Path, tones: Path, tmp_path: Path, capsys: Any) -> None:
    paths = [str(cut.path) for cut in read_cuts(tones)[:2]]
    assert main(["codes", str(bundle), *paths]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["audio"] for line in lines] == paths
    assert lines[0]["bits_per_second"] == 750 and lines[0]["codebook_size"] == 32
    expected = Recognizer.load(bundle).encode(paths[0])
    assert expected.codes is not None and lines[0]["codes"] == expected.codes.tolist()

    (tmp_path / "bad.wav").write_text("no audio")
    out = tmp_path / "codes.npz"
    code = main(["codes", str(bundle), *paths, str(tmp_path / "bad.wav"), "-o", str(out), "--codebooks", "2"])
    assert code == 1 and "bad.wav" in capsys.readouterr().err
    with np.load(out) as arrays:
        stems = [Path(path).stem for path in paths]
        assert set(arrays) == {"frame_shift", "bits_per_second", "codebook_size"} | {
            name for stem in stems for name in (stem, f"{stem}.times")
        }
        assert np.array_equal(arrays[stems[0]], expected.codes[:2]) and arrays[stems[0]].dtype == np.uint16
        assert float(arrays["bits_per_second"]) == 500
    assert main(["codes", str(bundle), *paths, "-o", str(tmp_path / "codes.jsonl")]) == 0
    assert [json.loads(line) for line in (tmp_path / "codes.jsonl").read_text().splitlines()] == lines
    assert main(["codes", str(bundle), *paths, "-o", "codes.txt"]) == 1
    assert "ends in .npz or .jsonl" in capsys.readouterr().err
    assert main(["codes", str(bundle), *paths, "--codebooks", "9"]) == 1
    assert "9 codebooks were asked for; the recognizer was trained with 3" in capsys.readouterr().err


def test_a_recognizer_without_a_quantizer_has_frames_and_no_codes(
    small: Any, tones: Path, tmp_path: Path, capsys: Any
) -> None:
    recipe = small("reference", "model.quantize=false")
    torch.manual_seed(0)
    model = build_model(recipe.model, 160, 6).eval()
    from earwright.text import build_char_tokenizer

    path = export_bundle(
        tmp_path / "plain.ear",
        recipe,
        build_features(recipe.features),
        FeatureNormalization(160),
        model,
        build_char_tokenizer(["abcd "]),
        {},
        "",
    )
    audio = str(read_cuts(tones)[0].path)
    encoded = Recognizer.load(path).encode(audio)
    assert encoded.codes is None and encoded.bits_per_second is None
    assert encoded.frames.shape == (len(encoded.times), 32)
    assert main(["codes", str(path), audio]) == 1
    assert "has no codebooks, since its model has no quantizer" in capsys.readouterr().err


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("name", ["reference", "reference-32x"])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    small: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)
    recipe = small(name, "training.save_every=0.0", "training.steps=8", "training.average=ema")
    if name == "reference":  # so that codes are revived, and clips do without some codebooks
        quantizer = dataclasses.replace(recipe.model.quantizer, decay=0.5, revive=0.3, dropout=0.5)
        model = dataclasses.replace(recipe.model, quantizer=quantizer, dropout=0.1)
        recipe = dataclasses.replace(recipe, model=model)
    train(recipe, tmp_path / "whole", Quiet())

    def kill(line: str) -> None:
        if line.startswith("step 4/8  "):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed", Quiet(kill))
    train(recipe, tmp_path / "killed", Quiet())
    whole, killed = (
        load_checkpoint(tmp_path / run / "checkpoint.safetensors").tensors for run in ("whole", "killed")
    )
    assert {"model.quantizer.books", "average.quantizer.books"} <= whole.keys() == killed.keys()
    assert all(torch.equal(whole[key], killed[key]) for key in whole)
    assert logged(tmp_path / "whole") == logged(tmp_path / "killed")


def test_lanes_move_the_codebooks_of_one_model(small: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Two threads, two halves of each batch, one set of codebooks: as one thread with the whole batch."""
    monkeypatch.setattr("earwright.training.run._export", lambda run, with_weights: run.out)
    recipe = small(
        "reference", "model.quantizer.dropout=0.0", "model.quantizer.revive=0.0", "training.steps=3"
    )
    # Adam divides a gradient by its own size: one that is only rounding would move a weight by a whole step.
    adamw = torch.optim.AdamW
    monkeypatch.setattr("torch.optim.AdamW", lambda groups, **given: adamw(groups, **{**given, "eps": 1e-3}))
    found = []
    for lanes in (1, 2):
        monkeypatch.setattr("earwright.training.loop.lanes_for", lambda *_, n=lanes: (n, 1))
        train(recipe, tmp_path / str(lanes), Quiet())
        found.append(load_checkpoint(tmp_path / str(lanes) / "checkpoint.safetensors").tensors)
    one, two = found
    torch.testing.assert_close(one["model.quantizer.usage"], two["model.quantizer.usage"], atol=0.2, rtol=0.1)
    torch.testing.assert_close(one["model.quantizer.usage"].sum(1), two["model.quantizer.usage"].sum(1))
    losses = [[line["loss"] for line in logged(tmp_path / run)] for run in ("1", "2")]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def test_a_measurement_learns_nothing(small: Any, tmp_path: Path) -> None:
    from earwright.training.loop import Run

    run = Run(small("reference-32x"), tmp_path, Quiet())
    state = run.parts.model.state_dict()
    assert all((state[name] == run.average[name]).all() for name in state)
    assert (state["quantizer.tally"] == 0).all()
    assert all((value == 0).all() for name, value in state.items() if name.endswith("norm.mean"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.strides=[40, 0, 2]"], r"a stride is 1 or more"),
        (["model.heads=5"], "dim 32 must be even and divisible by 5 heads"),
        (["model.quantizer.size=100000"], r"size is 100000 codes, and the training set has only \d+ frames"),
        (
            ["model.quantizer.size=100000", "model.quantizer.start=random"],
            r"size is 100000 codes, and the training set has only \d+ frames",
        ),
        (
            ["model.strides=[40, 40, 50]", "model.reduce_kernels=[10, 40, 50]"],
            "no utterance is left to train on",
        ),
        (["model.kind=perceptron"], "model.kind 'perceptron' is none of conformer, reference"),
        (["model.kind=conformer"], r"unknown key model\.pool"),
        (["features.kind=log_mel"], "belong together"),
        (["augment.frequency_masks=2"], "a waveform has no bands of frequency"),
        (["training.device=gpu"], "PyTorch finds no GPU here"),
        (["training.device=tpu"], 'device "tpu" is none of auto, cpu, gpu'),
    ],
)
def test_recipes_that_cannot_be(small: Any, tmp_path: Path, overrides: list[str], message: str) -> None:
    if "device=gpu" in overrides[0] and torch.accelerator.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(EarwrightError, match=message):
        train(small("reference", *overrides), tmp_path / "run", Quiet())


def test_a_damaged_file_of_codebooks(bundle: Path, tmp_path: Path) -> None:
    import io
    import shutil

    from earwright.bundle import seal_bundle

    folder = tmp_path / "b.ear"
    for contents, message in ((b"not a zip", "is damaged"), (None, "do not belong together")):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bundle, folder)
        if contents is None:
            with np.load(folder / "codebooks.npz") as arrays:
                changed = dict(arrays) | {"bias": np.zeros(3, np.float32)}
            buffer = io.BytesIO()
            np.savez(buffer, **changed)
            contents = buffer.getvalue()
        (folder / "codebooks.npz").write_bytes(contents)
        seal_bundle(folder)
        with pytest.raises(EarwrightError, match=message):
            Recognizer.load(folder).use_codebooks(1)


def test_the_example_of_the_documentation_runs(
    bundle: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (RECIPES.parent / "docs" / "reference-model.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    folder = tmp_path / "runs" / "mine"
    shutil.copytree(bundle, folder / "reference.ear")
    shutil.copy(read_cuts(tones)[0].path, tmp_path / "speech.wav")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/reference-model.md", "exec"), names)
    encoded, tokens = names["encoded"], names["tokens"]
    assert names["vectors"].shape == encoded.frames.shape
    assert len(tokens) == encoded.codes.size and 32_000 <= min(tokens) <= max(tokens) < 32_000 + 3 * 32
