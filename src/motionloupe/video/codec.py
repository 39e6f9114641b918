"""What a video codec does to two frames: H.264, as cameras and web sites write it."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from motionloupe.arrays import Image


@dataclass(frozen=True)
class Codec:
    """H.264 at a constant ``rate_factor`` (18 looks like the original, 35 is coarse).

    ``predicted``: the second frame is coded as motion and difference against the first, else by
    itself. Colour has half the resolution (4:2:0). The first frame never depends on the second.
    """

    rate_factor: float
    predicted: bool

    def __call__(self, *frames: Image) -> list[Image]:
        """Pictures (H, W, 3) RGB uint8, of any size, as they are decoded again."""
        height, width = frames[0].shape[:2]
        coded = _decoded(self._packets([_even(frame) for frame in frames]))
        return [frame[:height, :width] for frame in coded]

    def _packets(self, frames: list[Image]) -> "list[av.Packet[av.VideoStream]]":
        encoder = av.CodecContext.create("libx264", "w")
        encoder.height, encoder.width = frames[0].shape[:2]
        encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
        encoder.options = {
            "crf": f"{self.rate_factor:g}",
            "preset": "veryfast",
            "tune": "zerolatency",  # nothing looks ahead
            "threads": "1",
            "g": "250" if self.predicted else "1",
        }
        packets = []
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            packets += encoder.encode(frame)
        return packets + encoder.encode(None)


def _decoded(packets: "list[av.Packet[av.VideoStream]]") -> list[Image]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]


def _even(picture: Image) -> Image:
    """Colours come in 2 x 2 pixels: an odd last row or column is repeated."""
    odd = picture.shape[0] % 2, picture.shape[1] % 2
    return np.pad(picture, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
