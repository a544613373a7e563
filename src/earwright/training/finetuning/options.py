"""The table of a recipe that is about starting from a bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass

from earwright.data.options import check_options

PART = re.compile(r"subsampling|output|feedback|blocks|blocks\.(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class FinetuneOptions:
    """Where the weights come from, how far each may move, and what keeps old speech from being forgotten.

    Attributes:
        init: the bundle to start from, NAME.ear or its zip, or the folder of the run that made it; "" trains
            from scratch, and then nothing else here may be set.
        vocabulary: "union" keeps the bundle's tokens and adds the characters that are new in the training
            texts; "bundle" keeps its tokens alone, and texts with other characters are left out; "new"
            makes the vocabulary of the new texts, in which tokens that both have keep their weights.
        normalization: of the features: "bundle" keeps its mean and deviation, which the weights were
            trained behind; "new" measures them on the new speech.
        freeze: parts whose weights stay as they are: subsampling, output, feedback, blocks (all of them),
            blocks.3 or blocks.0-2 (counted from 0).
        freeze_first: the subsampling and so many of the first blocks stay as they are.
        layer_decay: each block learns at the rate of the next one times this, the subsampling below the
            first block; 1 gives all the same rate (Howard and Ruder 2018, arXiv:1801.06146, section 3.2).
        head_rate: the output layer (and the feedback, if there is one) learns at the rate times this.
        replay: prepared folders of old speech that is mixed in.
        replay_share: share of it in the audio of each batch, drawn anew each epoch.
        old_dev: prepared folders of old speech that is watched beside data.dev: what is forgotten.
    """

    init: str = ""
    vocabulary: str = "union"
    normalization: str = "bundle"
    freeze: tuple[str, ...] = ()
    freeze_first: int = 0
    layer_decay: float = 1.0
    head_rate: float = 1.0
    replay: tuple[str, ...] = ()
    replay_share: float = 0.3
    old_dev: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [part for part in self.freeze if not PART.fullmatch(part)]
        needs_init = self.freeze or self.freeze_first or self.replay or self.old_dev
        check_options(
            "finetune",
            (
                bool(self.init) or not needs_init,
                "freeze, replay and old_dev need init, the bundle to start from",
            ),
            (
                self.vocabulary in ("union", "bundle", "new"),
                f'vocabulary "{self.vocabulary}" is none of union, bundle, new',
            ),
            (
                self.normalization in ("bundle", "new"),
                f'normalization "{self.normalization}" is neither bundle nor new',
            ),
            (
                not unknown,
                f'freeze "{"".join(unknown[:1])}" is none of subsampling, output, feedback, blocks, '
                "blocks.3, blocks.0-2",
            ),
            (self.freeze_first >= 0, "freeze_first must be 0 or more"),
            (0 < self.layer_decay <= 1, "layer_decay must be above 0 and at most 1"),
            (self.head_rate > 0, "head_rate must be above 0; freeze holds the output"),
            (0 < self.replay_share < 1, "replay_share must lie between 0 and 1"),
        )
