"""Sound is copied packet by packet with its timing."""

from fractions import Fraction

import av
import pytest

from motionloupe.errors import UserError
from motionloupe.video import open_reader, open_writer
from tests.video.media import make_video, packets, pictures
from tests.video.test_writer import copy


def assert_same_packets(before, after, tolerance=1e-6):
    assert len(before) == len(after) > 0
    for old, new in zip(before, after, strict=True):
        assert [packet[0] for packet in old] == [packet[0] for packet in new]
        for a, b in zip(old, new, strict=True):
            assert b[1:] == pytest.approx(a[1:], abs=tolerance)


@pytest.mark.parametrize(
    ("suffix", "codecs"),
    [
        (".mp4", ["aac"]),
        (".mp4", ["libmp3lame"]),
        (".mp4", ["aac", "ac3"]),
        (".mov", ["aac"]),
        (".mov", ["pcm_s16le"]),
        (".mkv", ["pcm_s16le"]),
        (".mkv", ["libopus"]),
        (".mkv", ["flac"]),
        (".mkv", ["aac", "libopus", "pcm_s16le"]),
        (".avi", ["pcm_s16le"]),
    ],
)
def test_packets_are_identical(tmp_path, suffix, codecs):
    source = make_video(tmp_path / f"s{suffix}", pictures(40), sound=codecs)
    writer = copy(source, tmp_path / f"o{suffix}")
    assert_same_packets(packets(source), packets(tmp_path / f"o{suffix}"))
    assert not writer.warnings


def test_packets_survive_a_start_offset_and_a_variable_rate(tmp_path):
    pts = [9 + n + 5 * (n > 7) for n in range(20)]
    source = make_video(tmp_path / "s.mp4", pictures(20), pts=pts, sound=["aac"])
    copy(source, tmp_path / "o.mp4")
    assert_same_packets(packets(source), packets(tmp_path / "o.mp4"))


def test_sound_longer_than_the_pictures_is_kept(tmp_path):
    source = make_video(tmp_path / "s.mkv", pictures(50), sound=["flac"])
    with open_reader(source) as reader, open_writer(tmp_path / "o.mkv", reader.info) as writer:
        for frame in list(reader)[:5]:
            writer.write(frame.image, frame.pts)
    assert_same_packets(packets(source), packets(tmp_path / "o.mkv"))


def test_sound_can_be_left_out(tmp_path):
    source = make_video(tmp_path / "s.mp4", pictures(5), sound=["aac"])
    copy(source, tmp_path / "o.mp4", sound=False)
    assert packets(tmp_path / "o.mp4") == []


def test_sound_can_change_its_container(tmp_path):
    source = make_video(tmp_path / "s.mp4", pictures(25), sound=["libmp3lame"])
    copy(source, tmp_path / "o.mkv")
    before, after = packets(source)[0], packets(tmp_path / "o.mkv")[0]
    heard = [packet for packet in before if packet[1] >= 0]  # the encoder's lead-in stays away
    assert [packet[0] for packet in after] == [packet[0] for packet in heard]
    for a, b in zip(heard, after, strict=True):
        assert b[1] == pytest.approx(a[1], abs=1e-3)


def test_lead_in_does_not_move_the_pictures(tmp_path):
    source = make_video(tmp_path / "s.mp4", pictures(10), sound=["aac"])
    copy(source, tmp_path / "o.mkv")
    with open_reader(tmp_path / "o.mkv") as reader:
        assert next(iter(reader)).pts == 0


def test_a_part_is_cut_on_packets_and_shifted_like_the_frames(tmp_path):
    source = make_video(tmp_path / "s.mkv", pictures(100), sound=["pcm_s16le"])
    copy(source, tmp_path / "o.mkv", reading={"start": 1.2, "end": 2.4})
    wanted = [packet for packet in packets(source)[0] if 1.2 <= packet[1] < 2.4]
    found = packets(tmp_path / "o.mkv")[0]
    assert [packet[0] for packet in found] == [packet[0] for packet in wanted]
    for a, b in zip(wanted, found, strict=True):
        assert b[1] == pytest.approx(a[1] - 1.2, abs=1e-3)


def test_language_and_disposition_are_kept(tmp_path):
    source = tmp_path / "s.mkv"
    make_video(source, pictures(5), sound=["aac", "flac"])
    marked = tmp_path / "m.mkv"
    with av.open(str(source)) as before, av.open(str(marked), "w") as after:
        tracks = {}
        for stream in before.streams:
            tracks[stream.index] = after.add_stream_from_template(stream)
        tracks[1].metadata["language"] = "nor"
        tracks[2].metadata["language"] = "fin"
        tracks[1].disposition = av.stream.Disposition.comment
        tracks[2].disposition = av.stream.Disposition.default
        for packet in before.demux():
            if packet.size:
                packet.stream = tracks[packet.stream_index]
                after.mux(packet)
    copy(marked, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as container:
        first, second = container.streams.audio
        assert (first.language, second.language) == ("nor", "fin")
        assert first.disposition & av.stream.Disposition.comment
        assert second.disposition & av.stream.Disposition.default
        assert not second.disposition & av.stream.Disposition.comment


def test_sound_that_does_not_fit_is_refused_before_any_work(tmp_path):
    source = make_video(tmp_path / "s.mkv", pictures(5), sound=["flac", "libopus"])
    with (
        open_reader(source) as reader,
        pytest.raises(UserError, match=r"\.avi file cannot hold the sound.*opus.*\.mkv"),
    ):
        open_writer(tmp_path / "o.avi", reader.info)
    assert not [path for path in tmp_path.iterdir() if path.name != "s.mkv"]


def test_sound_is_interleaved_with_the_pictures(tmp_path):
    source = make_video(tmp_path / "s.mkv", pictures(100), sound=["pcm_s16le"])
    copy(source, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as container:
        order = [
            (packet.stream.type, Fraction(packet.pts) * packet.time_base)
            for packet in container.demux()
            if packet.size
        ]
    video = [index for index, (kind, _) in enumerate(order) if kind == "video"]
    assert video[50] > 40  # sound lies between, not behind
    assert max(order[index][1] - order[index + 1][1] for index in range(len(order) - 1)) < Fraction(
        1, 2
    )
