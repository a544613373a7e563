from __future__ import annotations

import pytest
import torch

from earwright.errors import EarwrightError
from earwright.models.conformer import Conformer, ConformerOptions
from earwright.training.finetuning.options import FinetuneOptions
from earwright.training.finetuning.rates import freeze, parameter_groups
from earwright.training.options import TrainingOptions
from earwright.training.schedule import set_learning_rate

INIT = "a.ear"


def model_of(layers: int = 3, **options: object) -> Conformer:
    torch.manual_seed(1)
    return Conformer(
        ConformerOptions(
            dim=16,
            layers=layers,
            heads=2,
            half_rate=(0, 0),
            stem_channels=2,
            stochastic_depth=0.0,
            **options,  # type: ignore[arg-type]
        ),
        20,
        9,
    )


def moved(model: Conformer, options: FinetuneOptions, rate: float = 1e-4) -> dict[str, float]:
    """How far each parameter goes in AdamW's first step, whose length is the rate, in rates."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(
        parameter_groups(model, TrainingOptions(weight_decay=0.0), options), eps=1e-30
    )
    set_learning_rate(optimizer, rate)
    output = model(torch.randn(2, 60, 20), torch.tensor([60, 60]))
    (output.log_probs * torch.randn_like(output.log_probs)).sum().backward()
    optimizer.step()
    return {
        name: float((p.detach() - before[name]).abs().max()) / rate for name, p in model.named_parameters()
    }


def test_deeper_parts_move_less() -> None:
    steps = moved(model_of(), FinetuneOptions(init=INIT, layer_decay=0.5, head_rate=3.0))
    wanted = {"output": 3.0, "blocks.2": 1.0, "blocks.1": 0.5, "blocks.0": 0.25, "subsampling": 0.125}
    for name, step in steps.items():
        factor = next(factor for part, factor in wanted.items() if name.startswith(f"{part}."))
        assert step == pytest.approx(factor, rel=0.02), name


@pytest.mark.parametrize(
    ("options", "frozen"),
    [
        ({"freeze": ("subsampling", "blocks.0-1")}, ("subsampling.", "blocks.0.", "blocks.1.")),
        ({"freeze_first": 1}, ("subsampling.", "blocks.0.")),
        ({"freeze": ("blocks",)}, ("blocks.",)),
        ({"freeze": ("output", "blocks.2")}, ("output.", "blocks.2.")),
        ({"freeze": ("blocks.2",), "freeze_first": 1}, ("subsampling.", "blocks.0.", "blocks.2.")),
        ({}, ()),
    ],
)  # fmt: skip
def test_frozen_parts_stay_to_the_last_bit(options: dict[str, object], frozen: tuple[str, ...]) -> None:
    model, chosen = model_of(), FinetuneOptions(init=INIT, **options)  # type: ignore[arg-type]
    said = freeze(model, chosen)
    assert bool(said) == bool(frozen) and all(part.rstrip(".") in said for part in frozen[:1])
    for name, step in moved(model, chosen).items():
        assert (step == 0) == name.startswith(frozen or ("none",)), name


def test_every_parameter_is_in_one_group_and_only_matrices_decay() -> None:
    model = model_of()
    groups = parameter_groups(
        model, TrainingOptions(weight_decay=0.1), FinetuneOptions(init=INIT, layer_decay=0.9)
    )
    members = [parameter for group in groups for parameter in group["params"]]
    assert sorted(map(id, members)) == sorted(map(id, model.parameters()))
    for group in groups:
        assert {parameter.ndim >= 2 for parameter in group["params"]} == {group["weight_decay"] > 0}


@pytest.mark.parametrize(
    ("freezing", "message"),
    [
        (("blocks.3",), "there is no block 3; the model has blocks.0-2"),
        (("feedback",), "feedback, which this model does not have"),
        (("output", "blocks", "subsampling"), "leaves nothing to train"),
    ],
)
def test_what_cannot_be_frozen(freezing: tuple[str, ...], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        freeze(model_of(), FinetuneOptions(init=INIT, freeze=freezing))


def test_a_frozen_output_does_not_go_with_skipped_blocks() -> None:
    model = Conformer(ConformerOptions(dim=16, layers=2, heads=2, half_rate=(0, 0), stem_channels=2), 20, 9)
    with pytest.raises(EarwrightError, match=r"set model\.stochastic_depth = 0"):
        freeze(model, FinetuneOptions(init=INIT, freeze=("output",)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": ("head",)}, 'freeze "head" is none of'),
        ({"freeze": ("blocks.x",)}, "is none of"),
        ({"freeze_first": -1}, "freeze_first must be 0 or more"),
        ({"layer_decay": 0.0}, "layer_decay must be"),
        ({"head_rate": 0.0}, "head_rate must be above 0"),
        ({"replay_share": 1.0}, "replay_share must lie between"),
        ({"vocabulary": "both"}, "none of union, bundle, new"),
        ({"normalization": "mine"}, "neither bundle nor new"),
        ({"init": "", "replay": ("x",)}, "need init"),
    ],
)
def test_bad_options_get_one_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(EarwrightError, match=message):
        FinetuneOptions(**{"init": INIT, **options})  # type: ignore[arg-type]
