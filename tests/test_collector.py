import gc

import pytest

from pixelpipe.collector import resting


def test_it_rests_until_the_outermost_import_is_done_and_walks_nothing_of_it_again():
    with resting():
        with pytest.raises(ImportError), resting():
            raise ImportError
        assert not gc.isenabled()
        imported = [[]]  # a list that the collector tracks
        assert any(each is imported for each in gc.get_objects())
    assert gc.isenabled()
    assert not any(each is imported for each in gc.get_objects())
