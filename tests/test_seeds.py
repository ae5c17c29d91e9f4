import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe.seeds import derive_seed, numpy_generator, torch_generator

PARTS = st.lists(st.one_of(st.integers(), st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x1f"))))


def test_the_function_never_changes():
    """Stored evaluation sets depend on it."""
    assert derive_seed("evaluation", "p001", 0) == 2255643832777276374
    assert derive_seed(1337, "noise", 5) == 576903597609978922


@given(PARTS)
def test_seeds_are_63_bit(parts):
    assert 0 <= derive_seed(*parts) < 2**63


@given(PARTS, PARTS)
def test_different_purposes_have_different_seeds(one, other):
    typed = [[(type(part), part) for part in parts] for parts in (one, other)]
    assert (derive_seed(*one) == derive_seed(*other)) == (typed[0] == typed[1])


def test_types_and_borders_of_parts_count():
    assert len({derive_seed("1"), derive_seed(1), derive_seed("a", "b"), derive_seed("ab"), derive_seed("b", "a")}) == 5


@pytest.mark.parametrize("draw", [lambda g: g.normal(size=8), lambda g: g.permutation(100)])
def test_numpy_generators_are_independent_objects(draw):
    first, second = numpy_generator("x", 1), numpy_generator("x", 1)
    draw(first)
    expected = draw(numpy_generator("x", 1))
    np.testing.assert_array_equal(draw(second), expected)
    assert not np.array_equal(draw(numpy_generator("x", 2)), expected)


def test_torch_generators_ignore_the_global_seed():
    import torch

    torch.manual_seed(1)
    first = torch.randn(4, generator=torch_generator("noise", 1))
    torch.manual_seed(2)
    torch.testing.assert_close(torch.randn(4, generator=torch_generator("noise", 1)), first, rtol=0, atol=0)
    assert not torch.equal(torch.randn(4, generator=torch_generator("noise", 2)), first)


def test_deriving_a_seed_does_not_load_torch():
    code = (
        "import sys, pixelpipe.seeds as s; s.derive_seed('x'); s.numpy_generator('x'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
