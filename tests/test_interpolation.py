"""A video with frames between its frames: the same length, in step with its sound."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from motionloupe import UserError, interpolate
from motionloupe.cli import main
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from motionloupe.video import open_reader
from tests.video.media import make_video, number_of, packets, pictures


def read(path):
    with open_reader(path) as reader:
        return reader.info, list(reader)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_it_lasts_as_long_at_a_multiple_of_the_rate_with_its_sound(tmp_path, suffix):
    codec = "aac" if suffix == ".mp4" else "pcm_s16le"
    source = make_video(tmp_path / f"in{suffix}", pictures(10), sound=[codec])
    target = tmp_path / f"out{suffix}"
    result = interpolate(source, target, factor=4, method="linear")
    info, frames = read(target)
    assert info.rate == 100
    assert result.frames == len(frames) == 40
    assert result.duration == pytest.approx(0.4)
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(40) / 100, abs=1e-3)
    assert [number_of(frame.image) for frame in frames[::4]] == list(range(10))
    assert [packet[0] for packet in packets(target)[0]] == [
        packet[0] for packet in packets(source)[0]
    ]


def test_frames_keep_their_times_where_the_rate_varies(tmp_path):
    pts = [0, 1, 2, 6, 7, 9]
    source = make_video(tmp_path / "in.mp4", pictures(6), pts=pts, time_base=Fraction(1, 25))
    interpolate(source, tmp_path / "out.mp4", factor=2, method="linear")
    wanted = np.array([0, 0.5, 1, 1.5, 2, 4, 6, 6.5, 7, 8, 9, 9.5]) / 25
    assert [frame.seconds for frame in read(tmp_path / "out.mp4")[1]] == pytest.approx(wanted)


def test_a_cut_begins_and_ends_where_it_is_told(tmp_path):
    source = make_video(tmp_path / "in.mkv", pictures(20))
    target = tmp_path / "out"
    interpolate(source, target, factor=3, method="linear", start=0.2, end=0.4)
    frames = read(target)[1]
    assert len(frames) == 15
    assert [number_of(frame.image) for frame in frames[::3]] == [5, 6, 7, 8, 9]


def test_weights_say_which_network_draws(tmp_path):
    torch.manual_seed(0)
    source = make_video(tmp_path / "in.mkv", pictures(3))
    weights, options = tmp_path / "w.safetensors", {"width": 8}
    save_weights(weights, "oh2018", options, build("oh2018", options).state_dict(), {})
    result = interpolate(source, tmp_path / "out.mkv", factor=2, weights=weights, lossless=True)
    drawn = [frame.image for frame in read(tmp_path / "out.mkv")[1]]
    assert result.frames == 6
    given = [frame.image for frame in read(source)[1]]
    assert all(np.array_equal(a, b) for a, b in zip(drawn[::2], given, strict=True))
    assert not np.array_equal(drawn[1], drawn[0])
    with pytest.raises(UserError, match="no option 'sigma'"):
        interpolate(source, tmp_path / "x.mkv", weights=weights, sigma=3)


def test_the_command_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "in.mp4", pictures(4))
    line = "interpolate in.mp4 --factor 2 -m warp-bilinear --set inpaint=none --json"
    assert main(line.split()) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["target"] == "in_interpolated_x2.mp4"
    assert read("in_interpolated_x2.mp4")[0].rate == 50


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--factor 1", "2 to 100"),
        ("-m acceleration", "pairs"),
        ("-m magic", "magic"),
        ("--weights none.safetensors", "none.safetensors"),
        ("--weights none.safetensors --set sigma=3", "--method"),
        ("-m phase --weights none.safetensors", "no option 'weights'"),
        ("--start 9", "9 s"),
        ("-o in.mp4 --force", "the input itself"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, options, reason):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "in.mp4", pictures(3))
    assert main(f"interpolate in.mp4 {options}".split()) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_interrupt_leaves_nothing(tmp_path):
    source = make_video(tmp_path / "in.mp4", pictures(4))

    def stop(done, expected):
        assert expected == 20
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interpolate(source, tmp_path / "out.mp4", method="linear", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
