from __future__ import annotations

from pathlib import Path

import pytest
import torch

from earwright.bundle import Bundle, write_bundle
from earwright.errors import EarwrightError
from earwright.training import Recipe, load_recipe
from earwright.training.finetuning.start import Start


def recipe_over(bundle: Path, *overrides: str) -> Recipe:
    return load_recipe(None, [f'finetune.init="{bundle}"', *overrides])


def without(bundle: Path, place: Path, **other: bytes) -> Path:
    """The bundle without its weights, or with others."""
    old = Bundle.open(bundle)
    files = {name: old.read(name) for name in old.names if name != "weights.safetensors"}
    return write_bundle(
        place, old.meta, {**files, **{f"{name}.safetensors": data for name, data in other.items()}}
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "features.sample_rate=8000",
            "hears 16000 Hz and the recipe asks for 8000; leave features.sample_rate out",
        ),
        (
            'features.kind="mfcc"',
            "features.kind is log_mel in the bundle, mfcc in the recipe; leave these keys out",
        ),
        ("features.n_mels=64", "features.n_mels is 40 in the bundle, 64 in the recipe"),
        ("model.dim=64", "model.dim is 32 in the bundle, 64 in the recipe"),
        ("model.layers=4", "model.layers is 2 in the bundle, 4 in the recipe"),
        ("model.half_rate=[0, 1]", r"model.half_rate is \[0, 0\] in the bundle, \[0, 1\] in the recipe"),
    ],
)
def test_a_bundle_of_another_kind(bundle: Path, override: str, message: str) -> None:
    with pytest.raises(EarwrightError, match=message) as caught:
        Start.open(recipe_over(bundle, override))
    assert str(caught.value).count(". ") == 0 and "\n" not in str(caught.value)


def test_what_may_differ(bundle: Path) -> None:
    changes = (
        "model.dropout=0.2",
        "model.intermediate_ctc=[1]",
        'model.context="drawn"',
        "model.stochastic_depth=0.1",
    )
    assert Start.open(recipe_over(bundle, *changes)).tokenizer.tokens[2:] == ("a", "b", "c")
    with pytest.raises(
        EarwrightError, match=r"model.self_conditioning is False in the bundle, True in the recipe"
    ):
        Start.open(recipe_over(bundle, "model.intermediate_ctc=[1]", "model.self_conditioning=true"))


def test_a_bundle_without_weights(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(
        EarwrightError, match=r"written without its weights \(--no-weights\), and fine-tuning starts"
    ):
        Start.open(recipe_over(without(bundle, tmp_path / "light.ear")))


@pytest.mark.parametrize("weights", [b"no tensors", b"", bytes(400)])
def test_damaged_weights(bundle: Path, tmp_path: Path, weights: bytes) -> None:
    place = without(bundle, tmp_path / "damaged.ear", weights=weights)
    assert_no_weights(place)


def test_weights_of_another_model(bundle: Path, tmp_path: Path) -> None:
    from safetensors.torch import load, save

    tensors = load(Bundle.open(bundle).read("weights.safetensors"))
    for number, change in enumerate(
        (
            {name: t for name, t in tensors.items() if "blocks.1" not in name},
            {name: t[:3] if name == "model.output.weight" else t for name, t in tensors.items()},
            {name: t for name, t in tensors.items() if name.startswith("model.")},
        )
    ):
        data = save({name: t.contiguous() for name, t in change.items()})
        assert_no_weights(without(bundle, tmp_path / f"{number}.ear", weights=data))


def assert_no_weights(place: Path) -> None:
    from earwright.models.conformer import Conformer
    from earwright.nn.normalization import FeatureNormalization

    recipe = recipe_over(place)
    start = Start.open(recipe)
    model = Conformer(recipe.model, 40, start.tokenizer.vocab_size)
    with pytest.raises(
        EarwrightError, match=r"does not hold the weights of the model in its recipe.toml"
    ) as caught:
        start.load(model, FeatureNormalization(40), start.tokenizer, 1)
    assert "\n" not in str(caught.value)


def test_the_weights_are_those_of_the_bundle(bundle: Path) -> None:
    """Beside the bundle's own graph, which onnxruntime computes."""
    import onnxruntime

    from earwright.models.conformer import Conformer
    from earwright.nn.normalization import FeatureNormalization

    recipe = recipe_over(bundle)
    start = Start.open(recipe)
    model, normalization = Conformer(recipe.model, 40, start.tokenizer.vocab_size), FeatureNormalization(40)
    start.load(model, normalization, start.tokenizer, 1)
    x, lengths = torch.randn(2, 83, 40) * 3, torch.tensor([83, 50])
    session = onnxruntime.InferenceSession(Bundle.open(bundle).read("encoder.onnx"))
    wanted, frames, _ = session.run(None, {"features": x.numpy(), "lengths": lengths.numpy()})
    with torch.no_grad():
        got = model.eval()(normalization(x, lengths), lengths).log_probs
    for row, count in enumerate(frames.tolist()):
        torch.testing.assert_close(
            got[row, :count], torch.from_numpy(wanted[row, :count]), atol=1e-4, rtol=1e-4
        )
