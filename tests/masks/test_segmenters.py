"""From a box or a point to the object; what cannot be is said in one line."""

import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from motionloupe import Focus, Region, UserError
from motionloupe.masks import Aim, GrabCut
from motionloupe.masks.sam import Sam2
from tests.masks.objects import COLUMNS, HEIGHT, ROWS, WIDTH, ellipse, overlap
from tests.scenes import texture, to_uint8

BOX = (22, 22, 48, 56)


@pytest.fixture(scope="module")
def picture():
    """A reddish ellipse before something bluish, both with texture."""
    cover = ellipse()[..., None]
    surface = texture(HEIGHT, WIDTH)
    return to_uint8(cover * surface * (1, 0.3, 0.3) + (1 - cover) * surface * (0.3, 0.4, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grabcut_finds_the_object_in_a_box_the_same_each_time(picture, dtype):
    given = {np.uint8: picture, np.uint16: picture.astype(np.uint16) * 257}.get(
        dtype, (picture / 255).astype(np.float32)
    )
    found = GrabCut().segment(given, box=BOX)
    assert overlap(found, ellipse() > 0.5) > 0.93
    np.testing.assert_array_equal(found, GrabCut().segment(given, box=BOX))
    alpha = Aim(Focus([Region(box=BOX)]), 5.0, given)(given)
    np.testing.assert_array_equal(alpha, np.where(found, 5.0, 1.0))


def test_a_small_box_in_the_far_corner_of_a_large_picture():
    wide = to_uint8(np.tile(texture(64, 480), (1, 8, 1)))
    assert GrabCut().segment(wide, box=(3836, 60, 4, 4)).shape == (64, 3840)


def test_grabcut_on_a_large_picture_is_quick_and_right_to_a_pixel_or_two(picture):
    large = cv2.resize(picture, (8 * WIDTH, 8 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    found = GrabCut().segment(large, box=tuple(8 * side for side in BOX))
    true = cv2.resize(ellipse(), (8 * WIDTH, 8 * HEIGHT)) > 0.5
    assert overlap(found, true) > 0.88  # its soft edge is 16 pixels wide here
    with pytest.raises(UserError, match="whole frame"):
        GrabCut().segment(large, box=(0, 0, 8 * WIDTH, 8 * HEIGHT))


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (Region(box=(100, 20, 48, 48)), "leaves the frame of 129 x 97"),
        (Region(box=(-1, 20, 48, 48)), "leaves the frame"),
        (Region(box=(10, 10, 2, 48)), "4 x 4 pixels"),
        (Region(box=(10.5, 10, 20, 20)), "whole pixels"),
        (Region(box=(0, 0, WIDTH, HEIGHT)), "whole frame"),
        (Region(points=[(129, 5)]), "outside the frame of 129 x 97"),
        (Region(points=[(5, 5), (5, float("nan"))]), "outside"),
    ],
)
def test_a_place_outside_the_frame_is_refused(picture, region, reason):
    with pytest.raises(UserError, match=reason):
        Aim(Focus([region]), 5.0, picture)


def test_what_names_no_object_is_refused():
    with pytest.raises(UserError, match="pairs"):
        Region(points=(10, 20))
    with pytest.raises(UserError, match="one factor"):
        Region(box=BOX, alpha=np.ones((HEIGHT, WIDTH)))
    with pytest.raises(UserError, match="a list of regions"):
        Focus(Region(box=BOX))


def test_the_random_numbers_of_others_go_on_at_random(picture):
    def after(seed):
        cv2.setRNGSeed(seed)
        found = GrabCut().segment(picture, box=BOX)
        return found, cv2.randu(np.zeros((1, 8)), 0.0, 1.0).tolist()

    (found, one), (again, other) = after(1), after(2)
    assert np.array_equal(found, again)
    assert one != other
    assert after(1)[1] == one


class Fake:
    """A disc around the mean of the points, or what fills the box; remembers what it was asked."""

    def __init__(self, answer=None):
        self.asked = []
        self.answer = answer

    def segment(self, image, *, box=None, points=()):
        self.asked.append((image.shape, box, tuple(points)))
        if self.answer is not None:
            return self.answer
        x, y = np.mean(points, axis=0) if points else (box[0] + box[2] / 2, box[1] + box[3] / 2)
        return np.hypot(COLUMNS - x, ROWS - y) < 10


def test_any_segmenter_may_be_asked_for_boxes_and_points(picture):
    one, other = Fake(), Fake()
    regions = [Region(box=BOX, alpha=3.0), Region(points=[(100, 20), (104, 20)], alpha=7.0)]
    focus = Focus(regions, box_segmenter=one, point_segmenter=other)
    alpha = Aim(focus, 5.0, picture)(picture)
    assert one.asked == [((HEIGHT, WIDTH, 3), BOX, ())]
    assert other.asked == [((HEIGHT, WIDTH, 3), None, ((100, 20), (104, 20)))]
    assert (alpha[50, 46], alpha[20, 102], alpha[90, 5]) == (3.0, 7.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(np.zeros((HEIGHT, WIDTH), bool), "no object"), (np.ones((3, 3), bool), "must answer")],
)
def test_a_segmenter_that_finds_nothing_or_nonsense_is_told(picture, answer, reason):
    with pytest.raises(UserError, match=reason):
        Aim(Focus([Region(points=[(9, 9)])], point_segmenter=Fake(answer)), 5.0, picture)


def test_without_transformers_a_point_says_what_else_there_is(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"install motionloupe\[sam\], or .* box or a mask"):
        Aim(Focus([Region(points=[(9, 9)])]), 5.0, picture)


class Hub:
    """Stands for transformers: three answers of different worth, of the frame's left."""

    def __init__(self, at_hand=True, reachable=True):
        self.calls = []
        self.prompt = {}
        self.at_hand = at_hand
        self.reachable = reachable

    def module(self):
        module = ModuleType("transformers")
        module.Sam2Model = SimpleNamespace(from_pretrained=lambda *a, **k: self.get("model", a, k))
        module.Sam2Processor = SimpleNamespace(from_pretrained=lambda *a, **k: self.get("p", a, k))
        return module

    def get(self, what, names, options):
        local = options.get("local_files_only", False)
        self.calls.append((what, names[0], local))
        if (local and not self.at_hand) or not (local or self.reachable):
            raise OSError("no such thing\nand more lines")
        return self

    def to(self, device):
        return self

    def eval(self):
        return self

    def __call__(self, images=None, multimask_output=None, **prompt):
        if images is not None:
            self.prompt = prompt
            return Batch(original_sizes=torch.tensor([images.shape[:2]]))
        masks = torch.full((1, 1, 3 if multimask_output else 1, 8, 8), -1.0)
        for index in range(masks.shape[2]):
            masks[0, 0, index, :, : 2 * (index + 1)] = 1.0
        return SimpleNamespace(
            pred_masks=masks, iou_scores=torch.tensor([[[0.2, 0.9, 0.5]]])[:, :, : masks.shape[2]]
        )

    def post_process_masks(self, masks, sizes):
        return [torch.nn.functional.interpolate(masks[0], sizes[0].tolist()) > 0]


class Batch(dict):
    def to(self, device):
        return self


def test_sam_takes_the_surest_of_its_answers_to_one_point(picture, monkeypatch):
    hub = Hub()
    monkeypatch.setitem(sys.modules, "transformers", hub.module())
    sam = Sam2("weights")
    found = sam.segment(picture, points=[(3, 4)])
    assert hub.prompt["input_points"] == [[[[3.0, 4.0]]]]
    assert hub.prompt["input_labels"] == [[[1]]]
    assert found.dtype == bool
    assert found.mean() == pytest.approx(0.5, abs=0.02)
    assert sam.segment(picture, points=[(3, 4), (5, 6)]).mean() == pytest.approx(0.25, abs=0.02)
    sam.segment(picture, box=BOX)
    assert hub.prompt["input_boxes"] == [[[22, 22, 70, 78]]]
    assert hub.calls == [("p", "weights", True), ("model", "weights", True)]


def test_sam_looks_at_hand_first_and_says_where_else_to_look(picture, monkeypatch, tmp_path):
    hub = Hub(at_hand=False)
    monkeypatch.setitem(sys.modules, "transformers", hub.module())
    Sam2("a/name").segment(picture, points=[(3, 4)])
    assert [local for _, _, local in hub.calls] == [True, False, True, False]

    hub = Hub(at_hand=False, reachable=False)
    monkeypatch.setitem(sys.modules, "transformers", hub.module())
    with pytest.raises(UserError, match=r"\(no such thing\); name a folder .* box or a mask") as e:
        Sam2("a/name").segment(picture, points=[(3, 4)])
    assert "\n" not in str(e.value)
    hub.calls.clear()
    with pytest.raises(UserError):
        Sam2(tmp_path).segment(picture, points=[(3, 4)])
    assert [local for _, _, local in hub.calls] == [True]  # a folder is never asked of a server


def test_sam_speaks_transformers_own_language(picture, tmp_path):
    """A network of random weights knows nothing, but takes and gives what the real one does."""
    transformers = pytest.importorskip("transformers", reason="the extra sam is not installed")
    from transformers.models.sam2.image_processing_sam2 import Sam2ImageProcessor

    size = 128
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[size, size],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        global_attention_blocks=[3],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )
    config = transformers.Sam2Config(
        vision_config=vision, prompt_encoder_config={"image_size": size}
    )
    transformers.Sam2Model(config).save_pretrained(tmp_path)
    shape = {"height": size, "width": size}
    images = Sam2ImageProcessor(size=shape, mask_size={"height": 32, "width": 32})
    transformers.Sam2Processor(images).save_pretrained(tmp_path)
    sam = Sam2(tmp_path)
    for prompt in ({"points": [(30, 40)]}, {"points": [(30, 40), (50, 60)]}, {"box": BOX}):
        found = sam.segment(picture, **prompt)
        assert found.shape == (HEIGHT, WIDTH)
        assert found.dtype == bool
