"""Video in and out: the only place that knows containers, codecs and image files."""

from motionloupe.video.reader import frames_before, open_reader, read_frame, read_reference
from motionloupe.video.source import ColourTags, Frame, Place, Reader, SourceInfo
from motionloupe.video.writer import Writer, numbered, open_writer, place_of

__all__ = [
    "ColourTags",
    "Frame",
    "Place",
    "Reader",
    "SourceInfo",
    "Writer",
    "frames_before",
    "numbered",
    "open_reader",
    "open_writer",
    "place_of",
    "read_frame",
    "read_reference",
]
