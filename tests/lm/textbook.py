"""Interpolated modified Kneser-Ney as the definition says it, in dictionaries: slow, and by itself.

Chen and Goodman 1998, with what Heafield et al. 2013 add: n-grams that begin with <s> keep their counts, and
pruned ones give theirs to the back-off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Ngram = tuple[str, ...]


class Textbook:
    """P(w | h) for sentences of words."""

    def __init__(
        self, sentences: Sequence[Sequence[str]], order: int, words: Sequence[str], prune: Sequence[int] = ()
    ) -> None:
        self.order, self.words = order, [word for word in words if word != "<s>"]
        padded = [("<s>", *sentence, "</s>") for sentence in sentences]
        self.said: dict[int, Counter[Ngram]] = {
            n: Counter(s[i : i + n] for s in padded for i in range(len(s) - n + 1))
            for n in range(1, order + 1)
        }
        self.counts = {n: self._counts(n) for n in range(1, order + 1)}
        self.discounts = {n: self._discounts(n) for n in range(1, order + 1)}
        least = [*prune, *[prune[-1] if prune else 0] * order][:order]
        self.kept = {
            n: {g for g in self.counts[n] if n == 1 or self.said[n][g] > least[n - 1]} for n in self.counts
        }

    def _counts(self, n: int) -> dict[Ngram, int]:
        if n == self.order:
            counts = dict(self.said[n])
        else:
            before = Counter(longer[1:] for longer in self.said[n + 1])
            counts = {g: self.said[n][g] if g[0] == "<s>" else before[g] for g in self.said[n]}
        counts.pop(("<s>",), None)
        return counts

    def _discounts(self, n: int) -> tuple[float, float, float, float]:
        n1, n2, n3, n4 = (sum(c == k for c in self.counts[n].values()) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            return 0.0, 0.5, 1.0, 1.5
        y = n1 / (n1 + 2 * n2)
        found = 0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
        return found if all(0 <= d <= k for k, d in enumerate(found)) else (0.0, 0.5, 1.0, 1.5)

    def probability(self, word: str, history: Ngram) -> float:
        """P(word | history), the history cut to what the order needs."""
        history = history[len(history) - min(len(history), self.order - 1) :]
        n = len(history) + 1
        following = {g: c for g, c in self.counts[n].items() if g[:-1] == history}
        lower = self.probability(word, history[1:]) if history else 1 / len(self.words)
        total = sum(following.values())
        if not total:
            return lower
        freed = sum(
            self.discounts[n][min(c, 3)] if g in self.kept[n] else float(c) for g, c in following.items()
        )
        own = following.get((*history, word), 0) if (*history, word) in self.kept[n] else 0
        return (own - self.discounts[n][min(own, 3)]) / total + freed / total * lower
