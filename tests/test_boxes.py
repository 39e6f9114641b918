"""A box is told apart from what is none, whatever kind of numbers it is made of."""

import numpy as np
import pytest

from motionloupe.boxes import box_within
from motionloupe.errors import UserError


@pytest.mark.parametrize("box", [(3, 4, 20, 10), [3.0, 4.0, 20.0, 10.0], np.array([3, 4, 20, 10])])
def test_whole_numbers_of_any_kind_make_a_box(box):
    found = box_within(box, 23, 14, least=10)
    assert found == (3, 4, 20, 10)
    assert all(type(number) is int for number in found)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (8, "whole pixels, found 8"),
        ((1, 2, 3), "whole pixels"),
        ((1, 2, 30.5, 40), "whole pixels"),
        ((1, 2, float("nan"), 40), "whole pixels"),
        ((1, 2, float("inf"), 40), "whole pixels"),
        ("abcd", "whole pixels"),
        ((0, 0, 23, 9), "needs 10 x 10 pixels, found 23 x 9"),
        ((4, 4, 20, 10), "leaves the frame of 23 x 14"),
        ((-1, 4, 20, 10), "leaves the frame"),
    ],
)
def test_what_is_none_is_refused(box, reason):
    with pytest.raises(UserError, match=reason):
        box_within(box, 23, 14, least=10)
