"""What to magnify: objects found by a mask, a box or a point, and followed through the video."""

from motionloupe.masks.aim import Aim
from motionloupe.masks.focus import Focus, Region
from motionloupe.masks.segmenters import GrabCut, Segmenter
from motionloupe.masks.window import Window, part_to_draw

__all__ = ["Aim", "Focus", "GrabCut", "Region", "Segmenter", "Window", "part_to_draw"]
