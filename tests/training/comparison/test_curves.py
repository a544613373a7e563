"""Curves in the terminal: every point where it belongs, nothing wider than the window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from earwright.training.comparison.curves import ROWS, Panel, draw, find_axes, small_multiples

FALLING = [(float(step), 1.0 / step) for step in range(1, 31)]
places = st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0, 3)), min_size=1, max_size=30).map(sorted)


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """Back from braille letters to (column, row) of dots: a reading of Unicode's numbering of its own."""
    order = {1: (0, 0), 2: (0, 1), 3: (0, 2), 4: (1, 0), 5: (1, 1), 6: (1, 2), 7: (0, 3), 8: (1, 3)}
    found = set()
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            for number, (right, down) in order.items():
                if letter != " " and (ord(letter) - 0x2800) >> (number - 1) & 1:
                    found.add((2 * column + right, 4 * row + down))
    return found


@given(points=places)
def test_every_point_is_a_dot(points: list[tuple[float, float]]) -> None:
    axes = find_axes([points])
    assert axes is not None
    drawn = draw(points, axes, 60, 32)
    for x, y in points:
        column = min(59, max(0, round(59 * x / axes.right)))
        row = min(31, max(0, round(31 * (axes.top - y) / (axes.top - axes.bottom))))
        assert drawn[row][column]


@given(points=places)
def test_axes_hold_all_but_the_beginning(points: list[tuple[float, float]]) -> None:
    axes = find_axes([points])
    assert axes is not None and axes.bottom < axes.top
    last = points[-1][0]
    for x, y in points:
        assert 0 <= x <= axes.right and axes.bottom <= y + 1e-9
        assert y <= axes.top + 1e-9 or x <= 0.15 * last


def test_the_letters_are_the_dots() -> None:
    lines = small_multiples([Panel("a", FALLING)], 80)
    plot = [line[7:] for line in lines[1 : 1 + ROWS]]
    axes = find_axes([FALLING])
    assert axes is not None
    width = 2 * (76 - 7)
    expected = draw(FALLING, axes, width, 4 * ROWS)
    assert dots(plot) == {(c, r) for r in range(4 * ROWS) for c in range(width) if expected[r][c]}


def test_panels_share_their_axes_and_fill_the_width() -> None:
    panels = [Panel(f"run {number}", [(x, y / number) for x, y in FALLING]) for number in range(1, 6)]
    for width, beside in ((80, 2), (160, 4), (36, 1), (20, 1)):
        lines = small_multiples(panels, width, show_y=lambda y: f"{100 * y:.3g} %", x_label="steps")
        assert all(cell_len(line) <= width for line in lines)
        titles = [line for line in lines if "run " in line]
        assert max(line.count("run ") for line in titles) == beside
        assert sum(line.count("run ") for line in titles) == 5
        if width > 20:
            assert sum(line.count("30 steps") for line in lines) == 5
            assert sum(line.count("20 %│") for line in lines) == 5  # the top, of all of them


def test_titles_of_any_script_and_length() -> None:
    panels = [Panel("録音" * 40, FALLING), Panel("x" * 200, FALLING), Panel("", [])]
    assert all(cell_len(line) <= 80 for line in small_multiples(panels, 80))


def test_ascii() -> None:
    text = "\n".join(small_multiples([Panel("a", FALLING)], 60, braille=False))
    assert text.isascii() and "*" in text


def test_one_point_and_none() -> None:
    assert small_multiples([Panel("a", [])], 80) == []
    assert small_multiples([Panel("a", [(0.0, 1.0)])], 80) == []
    axes = find_axes([[(5.0, 0.3)]])
    assert axes is not None and axes.bottom - 1e-9 <= 0.3 <= axes.top and axes.bottom < axes.top
    assert small_multiples([Panel("a", [(5.0, 0.0)])], 80)
