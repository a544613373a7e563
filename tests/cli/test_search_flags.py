"""The flags of a search: kept results must say all of them."""

from __future__ import annotations

import argparse

from earwright.cli.search_flags import add_search_arguments, search_words


def test_what_was_given_is_told_and_nothing_else() -> None:
    parser = argparse.ArgumentParser()
    before = set(vars(parser.parse_args([])))
    add_search_arguments(parser)
    names = sorted(set(vars(parser.parse_args([]))) - before)
    assert search_words(parser.parse_args([])) == []
    for name in names:
        flag = f"--{name.replace('_', '-')}"
        if name == "keep_unspoken":  # takes no value
            assert search_words(parser.parse_args([flag])) == [flag]
            continue
        words = search_words(parser.parse_args([flag, "3"]))
        assert words == [f"{flag}=3"]
        assert search_words(parser.parse_args(words)) == words
