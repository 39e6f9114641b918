"""Samples learned from several times: rendered once, and every view as true as the first."""

import pytest
import torch

from motionloupe.flow.warp import backward_warp
from motionloupe.training.replay import Replayed, seen


class Counted:
    def __init__(self):
        self.made = []

    def __getitem__(self, index):
        self.made.append(index)
        return {"a": torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(index))}


def test_every_sample_is_made_once_and_seen_so_many_times():
    source = Counted()
    replayed = Replayed(source, 4)
    sums = [float(replayed[number]["a"].sum()) for number in range(4 * 256)]
    assert source.made == list(range(256))
    for number in range(256):
        views = sums[number::256]
        assert views == pytest.approx([views[0]] * 4)
    assert len(source.made) == 256
    replayed[4 * 256]
    assert source.made[256:] == [256]


def test_a_view_depends_on_its_number_alone():
    through, straight = Replayed(Counted(), 3), Replayed(Counted(), 3)
    for number in range(700):
        through[number]
    assert torch.equal(through[700]["a"], straight[700]["a"])


def test_the_views_of_a_sample_differ():
    replayed = Replayed(Counted(), 8)
    views = [replayed[5 + 256 * view]["a"] for view in range(8)]
    for number, view in enumerate(views):
        assert not any(torch.equal(view, other) for other in views[:number])


@pytest.mark.parametrize("symmetry", range(8))
def test_a_mirrored_flow_still_leads_from_frame_to_frame(symmetry):
    generator = torch.Generator().manual_seed(3)
    frame = torch.rand(1, 3, 16, 16, generator=generator)
    flow = 2 * torch.rand(1, 2, 16, 16, generator=generator) - 1
    drawn = backward_warp(frame, flow)
    mirrored = backward_warp(
        seen(frame[0], symmetry, "b")[None], seen(flow[0], symmetry, "backward_flow")[None]
    )
    torch.testing.assert_close(mirrored[0], seen(drawn[0], symmetry, "a"))
