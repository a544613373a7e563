"""A second look at hypotheses: by our models, and by a server over HTTP, in whatever state it is."""

from __future__ import annotations

import _socket
import math
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from earwright.decoding import Hypothesis, ModelScorer, Rescorer, ServerScorer
from earwright.errors import EarwrightError, EarwrightWarning
from earwright.lm.arpa import write_arpa
from earwright.lm.query import LanguageModel
from small_models import random_model

SERVER = Path(__file__).parent / "completions_server.py"
TEXTS = ["a b", "b", "abba a"]


def hypothesis(text: str, score: float, lm_score: float = 0.0) -> Hypothesis:
    """One with the text, as if found by a search."""
    return Hypothesis(text, tuple(text.split()), (), (), score, score, lm_score)


class Table:
    """Says what it is told to say."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def log10(self, texts: list[str]) -> list[float]:
        return self.values


def test_the_language_model_s_part_is_mixed() -> None:
    first = [hypothesis("a b", -1.0, -2.0), hypothesis("b", -2.0, -1.0)]
    found = Rescorer(Table(-9.0, -1.0), share=0.5).rescore(first, lm_weight=0.5)
    assert [one.text for one in found] == ["b", "a b"]
    assert found[1].score == pytest.approx(-1.0 + 0.5 * math.log(10) * 0.5 * (-9.0 + 2.0))
    assert found[1].lm_score == pytest.approx(-5.5)
    assert Rescorer(Table(-9.0, -1.0), share=0.0).rescore(first, 0.5) == first


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(EarwrightError, match="give 0 to 1"):
        Rescorer(Table(), share)


@pytest.mark.parametrize("values", [(1.0,), (1.0, math.nan), (-math.inf, 1.0)])
def test_nonsense_leaves_the_order_as_it_is(values: tuple[float, ...]) -> None:
    first = [hypothesis("a", -1.0), hypothesis("b", -2.0)]
    with pytest.warns(UserWarning, match="what the search found stands"):
        assert Rescorer(Table(*values)).rescore(first, 1.0) == first


def test_our_model_scores_whole_sentences(tmp_path: Path) -> None:
    made = random_model(("a", "b", "abba"), 3, 1)
    write_arpa(tmp_path / "lm.arpa", made)
    scorer, lm = ModelScorer.load(tmp_path / "lm.arpa"), LanguageModel.from_ngrams(made)
    expected = [float(lm.scores(lm.ids(text.split())).log_probs.sum()) for text in TEXTS]
    assert scorer.log10(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert scorer.log10([]) == []


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Start a server that behaves in a certain way, and give its address; this machine alone is reached."""
    monkeypatch.setattr(socket.socket, "connect", _socket.socket.connect)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, *rest: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
    )
    started: list[subprocess.Popen[str]] = []

    def start(manner: str) -> str:
        process = subprocess.Popen([sys.executable, str(SERVER), manner], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1"

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("manner", ["plain", "without-offsets", "shuffled"])
def test_a_server_scores_texts(serve: Callable[[str], str], manner: str) -> None:
    from decoding.completions_server import log_probs

    found = ServerScorer(serve(manner), "letters").log10(TEXTS)
    assert found == pytest.approx([sum(log_probs(text)[1:]) / math.log(10) for text in TEXTS])


@pytest.mark.parametrize(
    ("manner", "message"),
    [
        ("error", "answered 500"),
        ("html", "no JSON"),
        ("list", "no JSON object"),
        ("few", "a choice for each text"),
        ("no-logprobs", "must know `echo`"),
        ("slow", "cannot be reached"),
        ("gone", "cannot be reached"),
        ("partial", "cannot be reached"),
        ("trickle", "does not end"),
        ("no-http", "cannot be reached"),
        ("odd-index", "makes no sense"),
        ("odd-offset", "makes no sense"),
        ("huge-number", "makes no sense"),
        ("nulls", "log-probs are missing"),
        ("words", "must know `echo`"),
    ],
)
def test_a_bad_server_leaves_the_first_pass(serve: Callable[[str], str], manner: str, message: str) -> None:
    scorer = ServerScorer(serve(manner), "letters", timeout=0.5)
    with pytest.raises(EarwrightError, match=message):
        scorer.log10(TEXTS)
    first = [hypothesis(text, -number) for number, text in enumerate(TEXTS)]
    with pytest.warns(UserWarning, match="what the search found stands"):
        assert Rescorer(scorer).rescore(first, 1.0) == first


@pytest.mark.parametrize(
    "address", ["file:///etc", "localhost:8000", "http://a b/v1", "http://localhost:x/v1"]
)
def test_an_address_is_an_address(address: str) -> None:
    with pytest.raises(EarwrightError, match=r"is no address|cannot be reached"):
        ServerScorer(address, "letters").log10(TEXTS)


class Failing:
    """Fails as often as it is told, then answers; counts how often it was asked."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def log10(self, texts: list[str]) -> list[float]:
        self.asked += 1
        if self.asked <= self.times:
            raise EarwrightError("the server is gone.")
        return [-1.0] * len(texts)


def test_a_failure_is_said_once_and_it_is_tried_again() -> None:
    first, scorer = [hypothesis("a", -1.0)], Failing(2)
    rescorer = Rescorer(scorer)
    with pytest.warns(EarwrightWarning, match="what the search found stands: the server is gone") as caught:
        assert [rescorer.rescore(first, 1.0) for _ in range(2)] == [first, first]
    assert len([one for one in caught if one.category is EarwrightWarning]) == 1
    assert rescorer.rescore(first, 1.0) != first  # it is back


def test_what_fails_again_and_again_is_asked_no_more() -> None:
    first, scorer = [hypothesis("a", -1.0)], Failing(1000)
    rescorer = Rescorer(scorer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [rescorer.rescore(first, 1.0) for _ in range(50)] == [first] * 50
    told = [one for one in caught if one.category is EarwrightWarning]  # others are of what tests left open
    assert (scorer.asked, len(told)) == (3, 2)
    assert "not tried again" in str(told[1].message)


def test_a_causal_model_from_this_disk(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    torch: Any = pytest.importorskip("torch")
    tokenizers: Any = pytest.importorskip("tokenizers")
    from earwright.decoding.causal import CausalScorer

    letters = {letter: number for number, letter in enumerate("<>ab \u2581")}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(letters, unk_token=">"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<", unk_token=">").save_pretrained(
        tmp_path
    )
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=6, n_positions=32, n_embd=8, n_layer=1, n_head=1)
    model = transformers.GPT2LMHeadModel(config).eval()
    model.save_pretrained(tmp_path)
    ids = torch.tensor([[letters[letter] for letter in "<a b"]])
    expected = -float(model(ids, labels=ids).loss.detach()) * 3 / math.log(10)
    assert CausalScorer(tmp_path).log10(["a b", ""]) == pytest.approx([expected, 0.0], abs=1e-5)
    with pytest.raises(EarwrightError, match="is no folder"):
        CausalScorer(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarwrightError, match="no causal language model"):
        CausalScorer(tmp_path / "empty")
