"""What was filmed by hand, as from a tripod: for itself, and before motion is magnified."""

import json

import numpy as np
import pytest

from motionloupe import UserError, magnify, stabilise
from motionloupe.cli import main
from motionloupe.measurement.displacement import displacement
from motionloupe.stabiliser import Stabiliser
from motionloupe.video import open_reader
from tests.handheld import MARGIN, STILL, shaken, taken, world
from tests.scenes import texture, to_uint8
from tests.video.media import make_video, packets

SPOT = (slice(MARGIN + 40, MARGIN + 110), slice(MARGIN + 60, MARGIN + 140))
INSIDE = (74, 54, 52, 42)  # the middle of the spot, in a frame


def read(path):
    with open_reader(path) as reader:
        return reader.info, [frame.image for frame in reader]


def by_hand(count=10, sway=0.0, strength=3.0):
    """Frames of a spot that sways by ``sway`` pixels, and of the rest, by a shaking camera."""
    seen, spot, rng = world(), texture(70, 200, seed=3), np.random.default_rng(1)
    cameras = [STILL, *(shaken(strength, rng, 144, 192) for _ in range(count - 1))]
    frames = []
    for number, camera in enumerate(cameras):
        scene, shift = seen.copy(), sway * np.sin(2 * np.pi * number / 5)
        columns = np.arange(80) + 40 - shift
        rows = spot.transpose(0, 2, 1)
        drawn = [[np.interp(columns, np.arange(200), line) for line in row] for row in rows]
        scene[SPOT] = np.array(drawn).transpose(0, 2, 1)
        frames.append(taken(scene, camera))
    return frames


def moves(frames, box=None):
    return np.array([displacement(frames[0], frame, box) for frame in frames])


def test_every_frame_is_drawn_as_the_first_camera_saw_it(tmp_path):
    frames = by_hand()
    source = make_video(tmp_path / "in.mp4", frames, sound=["aac"], options={"crf": "4"})
    result = stabilise(source, tmp_path / "out.mp4")
    info, drawn = read(tmp_path / "out.mp4")
    assert result.frames == len(drawn) == 10
    assert result.duration == pytest.approx(0.4)
    assert info.rate == 25
    assert packets(tmp_path / "out.mp4")[0][0][0] == packets(source)[0][0][0]
    assert np.abs(moves(frames)).max() > 1.5
    assert np.abs(moves(drawn)).max() < 0.05
    assert not result.warnings
    inner = np.array(drawn).astype(float)[:, 20:-20, 20:-20]
    assert np.abs(inner - inner[0]).mean() < 2.5


def test_a_lossless_file_and_another_reference(tmp_path):
    frames = by_hand(5)
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    stabilise(source, tmp_path / "out.mkv", reference=3, lossless=True)
    drawn = read(tmp_path / "out.mkv")[1]
    assert np.array_equal(drawn[3], frames[3])
    assert np.abs(moves([frames[3], *drawn])).max() < 0.02


def test_what_a_frame_does_not_show_is_the_references():
    seen = world()
    frames = [taken(seen, STILL), taken(seen, np.array([[1.0, 0, 20], [0, 1, 0], [0, 0, 1]]))]
    stabiliser = Stabiliser(frames[0])
    first, second = (stabiliser.drawn(frame) for frame in frames)
    assert np.array_equal(first, frames[0])
    assert np.abs(second.astype(int) - frames[0]).max() <= 6
    assert np.array_equal(second[:, -19:], frames[0][:, -19:])
    assert not stabiliser.warnings


def test_what_a_resting_camera_shows_is_the_frame_s_own_to_its_edge():
    seen = world()
    frames = [taken(seen, STILL) for _ in range(2)]
    frames[1][60:80, :6] = 255 - frames[1][60:80, :6]
    drawn = Stabiliser(frames[0]).drawn(frames[1])
    assert np.abs(drawn.astype(int) - frames[1]).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_keep_their_type(dtype):
    full = np.iinfo(dtype).max if dtype != np.float32 else 1
    frames = [(frame / 255 * full).astype(dtype) for frame in by_hand(2)]
    drawn = Stabiliser(frames[0]).drawn(frames[1])
    assert drawn.dtype == dtype
    assert drawn.shape == frames[0].shape
    assert np.abs(moves([frames[0], drawn])).max() < 0.02


def test_it_tells_what_it_could_not_align():
    blank = np.zeros_like(taken(world(), STILL))
    stabiliser = Stabiliser(taken(world(), STILL))
    assert np.array_equal(stabiliser.drawn(blank, 1.5), blank)
    stabiliser.drawn(blank, 1.6)
    (warning,) = stabiliser.warnings
    assert "1.50 s and 1 more frame could not be aligned" in warning


def test_it_tells_when_the_camera_has_left():
    stabiliser = Stabiliser(taken(world(), STILL))
    for number in range(3):
        shift = np.array([[1.0, 0, 26 * number], [0, 1, 4 * number], [0, 0, 1]])
        stabiliser.drawn(taken(world(), shift), number)
    (warning,) = stabiliser.warnings
    assert "at 2.00 s the camera has left 31% of the frame" in warning


def test_magnified_from_the_hand_is_nearly_as_magnified_from_a_tripod(tmp_path):
    sources = [
        make_video(tmp_path / f"{name}.mkv", frames, codec="ffv1", pixel_format="bgr0")
        for name, frames in {
            "hand": by_hand(6, sway=0.4, strength=2.0),
            "tripod": by_hand(6, sway=0.4, strength=0.0),
        }.items()
    ]
    choices = {"method": "warp-bilinear", "alpha": 5, "lossless": True}
    magnify(sources[0], tmp_path / "a.mkv", stabilise=True, **choices)
    magnify(sources[1], tmp_path / "b.mkv", **choices)
    magnify(sources[0], tmp_path / "c.mkv", **choices)
    steady, wanted, raw = (
        moves(read(tmp_path / f"{name}.mkv")[1], INSIDE)[1:] for name in ("a", "b", "c")
    )
    assert np.abs(wanted).max() > 1.2
    assert np.abs(steady - wanted).max() < 0.2
    assert np.abs(raw - wanted).max() > 3


def test_objects_and_side_by_side_go_with_it(tmp_path):
    make_video(tmp_path / "in.mkv", by_hand(4), codec="ffv1", pixel_format="bgr0")
    mask = np.zeros((144, 192), np.float32)
    mask[54:96, 74:126] = 1
    np.save(tmp_path / "mask.npy", mask)
    line = "magnify in.mkv -o out.mkv -m linear -a 9 --mask mask.npy --stabilise --lossless "
    arguments = (line + "--background composite --side-by-side --slice 20,70,170,70 -q").split()
    arguments = [str(tmp_path / word) if "." in word else word for word in arguments]
    assert main(arguments) == 0
    drawn = read(tmp_path / "out.mkv")[1]
    plain = [Stabiliser(by_hand(1)[0]).drawn(frame) for frame in by_hand(4)]
    assert np.array_equal(drawn[2][:40], plain[2][:40])
    assert not np.array_equal(drawn[2][60:90, 80:120], plain[2][60:90, 80:120])


def test_the_command_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "in.mp4", by_hand(4))
    assert main(["stabilise", "in.mp4", "--still", "20,20,120,100", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["target"] == "in_stabilised.mp4"
    assert np.abs(moves(read("in_stabilised.mp4")[1])).max() < 0.2


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("stabilise in.mp4 --still 1,2,3", "X,Y,W,H"),
        ("stabilise in.mp4 --still 150,2,100,100", "leaves the frame"),
        ("stabilise in.mp4 --reference third", "a frame's number"),
        ("stabilise grey.mp4", "too little to go by"),
        ("stabilise in.mp4 -o in.mp4", "in.mp4"),
        ("adapt grey.mp4 --stabilise --for 1", "too little to go by"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, monkeypatch, capsys, words, wanted):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "in.mp4", by_hand(3))
    make_video(tmp_path / "grey.mp4", [np.full((64, 64, 3), 128, np.uint8)] * 3)
    assert main(words.split()) == 2
    said = capsys.readouterr().err.strip()
    assert wanted in said
    assert len(said.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.mp4", "in.mp4"]


def test_a_blank_reference_is_refused():
    with pytest.raises(UserError, match="too little to go by"):
        Stabiliser(to_uint8(np.full((48, 48, 3), 0.5)))


def test_what_stands_still_may_be_told_where_the_moving_thing_fills_the_picture(tmp_path):
    seen = world()
    frames = []
    for number in range(5):
        scene = np.roll(seen, number, axis=1)
        scene[:, -MARGIN - 60 :] = seen[:, -MARGIN - 60 :]
        frames.append(taken(scene, STILL))
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    choices = {"method": "warp-bilinear", "alpha": 2, "lossless": True}
    magnify(source, tmp_path / "a.mkv", stabilise=True, **choices)
    magnify(source, tmp_path / "b.mkv", stabilise=(134, 2, 54, 140), **choices)
    by_most, by_box = (
        moves(read(tmp_path / name)[1], (20, 30, 90, 80))[-1] for name in ("a.mkv", "b.mkv")
    )
    assert by_most[0] == pytest.approx(0, abs=0.3)
    assert by_box[0] == pytest.approx(8, abs=0.5)
