import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pixelpipe.analysis.color import delta_e_ok, srgb_to_oklab
from pixelpipe.analysis.merging import distinct_colors, merge_colors


def test_distinct_colors_are_sorted_by_count_then_value():
    sprite = np.array([[[9, 9, 9], [0, 0, 5], [0, 4, 0]], [[9, 9, 9], [0, 0, 2], [0, 0, 5]]], dtype=np.uint8)
    colors, counts, index = distinct_colors(sprite)
    assert colors.tolist() == [[0, 0, 5], [9, 9, 9], [0, 0, 2], [0, 4, 0]]
    assert counts.tolist() == [2, 2, 1, 1]
    np.testing.assert_array_equal(colors[index], sprite)


def loop_leaders(sprite: np.ndarray, tolerance: float) -> dict[tuple, tuple]:
    """Greedy leader as domain.md has it, by loops over pixels and colors."""
    counts: dict[tuple, int] = {}
    for pixel in sprite.reshape(-1, 3).tolist():
        counts[tuple(pixel)] = counts.get(tuple(pixel), 0) + 1
    leader_of: dict[tuple, tuple] = {}
    ordered = sorted(counts, key=lambda color: (-counts[color], color))
    oklab = {color: srgb_to_oklab(np.array(color, dtype=np.uint8)).tolist() for color in ordered}
    for color in ordered:
        if color in leader_of:
            continue
        for other in ordered:
            if other not in leader_of and math.dist(oklab[color], oklab[other]) <= tolerance:
                leader_of[other] = color
    return leader_of


@given(
    hnp.arrays(np.uint8, (8, 8, 3), elements=st.integers(0, 255)),
    st.sampled_from([1, 4, 24]),
    st.sampled_from([0.02, 0.04]),
)
def test_merge_equals_a_plain_loop(sprite, step, tolerance):
    sprite = sprite // step * step // 2  # more ties and more neighbors
    colors, _, _ = distinct_colors(sprite)
    leaders = colors[merge_colors(srgb_to_oklab(colors), tolerance)]
    expected = loop_leaders(sprite, tolerance)
    assert [tuple(leader) for leader in leaders.tolist()] == [expected[tuple(c)] for c in colors.tolist()]


def test_merging_does_not_chain():
    ramp = np.array([[[100 + 3 * step] * 3 for step in range(8)]], dtype=np.uint8)
    oklab = srgb_to_oklab(distinct_colors(ramp)[0])
    steps = delta_e_ok(oklab[1:], oklab[:-1])
    assert steps.max() < 0.02 < delta_e_ok(oklab[0], oklab[-1])
    leaders = merge_colors(oklab, 0.02)
    assert len(set(leaders.tolist())) > 1
    assert delta_e_ok(oklab, oklab[leaders]).max() <= 0.02
