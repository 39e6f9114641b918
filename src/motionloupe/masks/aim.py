"""A focus on a certain video: the factor of every frame, and what is shown outside."""

from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from motionloupe.alpha import Alpha, as_alpha, check_fits
from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.flow import default_flow, load_flow
from motionloupe.masks.files import Masks
from motionloupe.masks.focus import Focus, Region
from motionloupe.masks.follow import Follower
from motionloupe.masks.segmenters import GrabCut, Segmenter, check_box, check_point
from motionloupe.masks.shapes import INSIDE, Weights, composited, shaped


class _Source(Protocol):
    """Where the weights of one region come from, frame by frame."""

    def at(self, frame: Image) -> Weights: ...


class Aim:
    """The factor of one frame after another, for :meth:`Magnifier.stream`; a context manager.

    ``alpha`` is the factor of regions without their own. Objects are found, and followed, from
    ``reference``, the picture (H, W, 3) that masks, boxes and points were drawn on; it need not be
    a frame of the stream. Where there is one mask for each frame, the first ``skip`` are passed
    over. Hand each picture that comes out to :meth:`finish`. ``warnings`` fills as work goes on.
    Raises UserError for a mask, box or point that does not fit.

        with Aim(focus, 10.0, frames[0]) as aim:
            pictures = [aim.finish(picture) for picture in loupe.stream(frames, aim, fps)]
    """

    def __init__(
        self,
        focus: Focus,
        alpha: Alpha,
        reference: Image,
        *,
        skip: int = 0,
    ) -> None:
        self._focus = focus
        self._reference = reference
        self._size = reference.shape[1], reference.shape[0]
        self._files: list[Masks] = []
        check_fits(as_alpha(alpha), *reference.shape[:2])
        own = [alpha if region.alpha is None else region.alpha for region in focus.regions]
        self._alphas = [np.asarray(factor, np.float32) for factor in own]
        self._frame: Image | None = None
        self._weights: list[Weights] = []
        self._factor = self._shown = np.ones(reference.shape[:2], np.float32)
        try:
            self._sources = [self._source(r, reference, skip) for r in focus.regions]
            if focus.follow and all(isinstance(source, _Shaped) for source in self._sources):
                raise UserError(
                    "nothing to follow: there is a mask for each frame; leave out --follow"
                )
        except BaseException:
            self.close()
            raise

    def __call__(self, frame: Image) -> Alpha:
        """The map (H, W) of the next frame, later regions over earlier ones."""
        self._frame = frame
        weights = [source.at(frame) for source in self._sources]
        if [id(one) for one in weights] != [id(one) for one in self._weights]:
            self._weights = weights
            self._factor, self._shown = self._combined(weights)
        return self._factor

    def finish(self, picture: Image) -> Image:
        """The picture drawn of the frame last asked for, with its background as chosen."""
        if self._focus.background == "keep" or self._frame is None:
            return picture
        still = self._focus.background == "still"
        return composited(picture, self._reference if still else self._frame, self._shown)

    def of(self, frame: Image) -> Image:
        """What the method is given of a frame: all of it."""
        return frame

    def changed(self) -> npt.NDArray[np.bool_] | None:
        """(H, W), where frames are not as they were; None if that is not the same for all."""
        if not all(isinstance(source, _Still) for source in self._sources):
            return None
        factor = np.asarray(self(self._reference))
        return factor != 1 if self._focus.background == "keep" else self._shown > 0

    @property
    def warnings(self) -> list[str]:
        told = [text for file in self._files for text in file.warnings]
        for source in self._sources:
            if isinstance(source, Follower):
                told += source.warnings
        return told

    def close(self) -> None:
        for file in self._files:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _combined(self, layers: list[Weights]) -> tuple[Weights, Weights]:
        """The factor, and the share of the picture that is shown before the background."""
        factor = np.full(self._size[::-1], self._focus.alpha_outside, np.float32)
        hidden = np.ones(self._size[::-1], np.float32)
        for alpha, weights in zip(self._alphas, layers, strict=True):
            factor += weights * (alpha - factor)
            hidden *= 1 - weights
        return factor, 1 - hidden

    def _source(self, region: Region, reference: Image, skip: int) -> _Source:
        focus = self._focus
        if region.mask is None:
            found = self._found(region, reference)
        else:
            masks = Masks(region.mask, self._size, skip)
            self._files.append(masks)
            if masks.still is None:
                return _Shaped(masks, focus)
            found = masks.still
        weights = shaped(found, focus.dilate, focus.feather)
        if not focus.follow:
            return _Still(weights)
        estimator = load_flow(default_flow(None if focus.flow == "auto" else focus.flow))
        return Follower(found, weights, reference, estimator)

    def _found(self, region: Region, reference: Image) -> Weights:
        """The object in the region's box, or under its points."""
        if region.box is not None:
            box = check_box(region.box, *self._size)
            segmenter: Segmenter = self._focus.box_segmenter or GrabCut()
            found = segmenter.segment(reference, box=box)
        else:
            for point in region.points:
                check_point(point, *self._size)
            segmenter = self._focus.point_segmenter or _sam()
            found = segmenter.segment(reference, points=region.points)
        if found.shape != reference.shape[:2]:
            raise UserError(
                f"a segmenter must answer with a mask of {reference.shape[:2]}, found {found.shape}"
            )
        found = found.astype(np.float32)
        if not (found >= INSIDE).any():
            where = "in the box" if region.box is not None else "at the point"
            raise UserError(f"no object was found {where}; try another, or give a mask")
        return found


class _Still:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def at(self, frame: Image) -> Weights:
        return self._weights


class _Shaped:
    """One mask for each frame, grown and feathered."""

    def __init__(self, masks: Masks, focus: Focus) -> None:
        self._masks = masks
        self._focus = focus

    def at(self, frame: Image) -> Weights:
        return shaped(self._masks.at(frame), self._focus.dilate, self._focus.feather)


def _sam() -> Segmenter:
    from motionloupe.masks.sam import Sam2

    return Sam2()
