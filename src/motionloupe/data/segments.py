"""Objects cut out of photographs by the masks of COCO and PASCAL VOC."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from motionloupe.data.photometry import Bytes, decoded
from motionloupe.errors import UserError

_SMALLEST_SIDE = 24  # pixels: what is smaller makes no object worth pasting
_VOC_VOID = (224, 224, 192)  # the colour of outlines in VOC's masks
_FINER = 4  # samples along a pixel's side to see how much of it a polygon covers
_STRIDE = 4  # pixels between those looked at to list the objects of a VOC mask


@dataclass(frozen=True)
class Cutout:
    """One object of a photograph, by a mask that is read when it is needed."""

    photograph: Path
    mask: Path | None = None
    colour: tuple[int, int, int] = (0, 0, 0)
    segmentation: Any = None

    def cut(self, photograph: Bytes) -> Bytes:
        """(H, W, 3) RGB -> the object's own rectangle, (h, w, 4) RGBA. Raises UserError."""
        height, width = photograph.shape[:2]
        if self.mask is not None:
            colours = _mask_colours(self.mask)
            if colours.shape[:2] != (height, width):
                raise UserError(f"{self.mask}: not of the size of {self.photograph}")
            cover = np.all(colours == self.colour, axis=2).astype(np.uint8) * np.uint8(255)
        else:
            cover = self._outlined(height, width)
        rows, columns = np.nonzero(cover.any(axis=1))[0], np.nonzero(cover.any(axis=0))[0]
        if not rows.size:
            raise UserError(f"{self.photograph}: an object's mask lies outside of it")
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return np.dstack([photograph[box], cover[box]])

    def _outlined(self, height: int, width: int) -> Bytes:
        try:
            return coco_mask(self.segmentation, height, width)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f"{self.photograph}: an object's outline is damaged ({reason})"
            ) from None


def voc_root(folder: Path) -> Path | None:
    """Where PASCAL VOC's folders lie: ``folder`` or up to two levels below it."""
    for pattern in ("", "*/", "*/*/"):
        for found in sorted(folder.glob(f"{pattern}SegmentationObject")):
            if (found.parent / "JPEGImages").is_dir():
                return found.parent
    return None


def voc_cutouts(root: Path) -> list[Cutout]:
    """The objects of VOC's SegmentationObject masks: one colour each. Raises UserError."""
    found = []
    for mask in sorted((root / "SegmentationObject").glob("*.png")):
        photograph = root / "JPEGImages" / f"{mask.stem}.jpg"
        if not photograph.is_file():
            continue
        seen = _mask_colours(mask)[::_STRIDE, ::_STRIDE].reshape(-1, 3)
        colours, counts = np.unique(seen, axis=0, return_counts=True)
        for (red, green, blue), count in zip(colours.tolist(), counts.tolist(), strict=True):
            large = count * _STRIDE**2 >= _SMALLEST_SIDE**2
            if large and (red, green, blue) not in ((0, 0, 0), _VOC_VOID):
                found.append(Cutout(photograph, mask, (red, green, blue)))
    if not found:
        raise UserError(f"{root}: no mask in SegmentationObject has its photograph in JPEGImages")
    return found


def _mask_colours(mask: Path) -> Bytes:
    picture = cv2.cvtColor(decoded(mask, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return np.asarray(picture, dtype=np.uint8)


def is_coco(folder: Path) -> bool:
    return any((folder / "annotations").glob("*.json"))


def coco_cutouts(folder: Path) -> list[Cutout]:
    """The objects of COCO's annotations whose photographs are there. Raises UserError."""
    listed = sorted((folder / "annotations").glob("*.json"))
    lists = [path for path in listed if path.name.startswith("instances")] or listed
    found = [cutout for path in lists for cutout in _coco_list(folder, path)]
    if not found:
        raise UserError(
            f"{folder}: no photograph of its annotations was found; expected them below "
            f"{folder / 'images'} or {folder / lists[0].stem.removeprefix('instances_')}"
        )
    return found


def _coco_list(folder: Path, path: Path) -> list[Cutout]:
    try:
        return list(_listed(folder, path, json.loads(path.read_bytes())))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: not a list of COCO objects ({reason})") from None


def _listed(folder: Path, path: Path, content: Any) -> Iterator[Cutout]:
    images = {image["id"]: str(image["file_name"]) for image in content["images"]}
    part = path.stem.removeprefix("instances_")
    places = (folder, folder / part, folder / "images", folder / "images" / part)
    known: dict[Any, Path | None] = {}
    for annotation in content["annotations"]:
        number = annotation.get("image_id")
        if annotation.get("iscrowd") or number not in images:
            continue
        sides = annotation.get("bbox", (0, 0, 0, 0))[2:]
        if not annotation.get("segmentation") or min(sides) < _SMALLEST_SIDE:
            continue
        if number not in known:
            candidates = (place / images[number] for place in places)
            known[number] = next((each for each in candidates if each.is_file()), None)
        photograph = known[number]
        if photograph is not None:
            yield Cutout(photograph, segmentation=annotation["segmentation"])


def coco_mask(segmentation: Any, height: int, width: int) -> Bytes:
    """Polygons, or run lengths (plain or compressed), -> (height, width) of 0 and 255."""
    if isinstance(segmentation, list):
        return _polygons(segmentation, height, width)
    counts = segmentation["counts"]
    runs = counts if isinstance(counts, list) else run_lengths(counts)
    if sum(runs) != height * width:
        raise UserError(
            f"an object's run lengths cover {sum(runs)} pixels, its photograph has {height * width}"
        )
    values = np.arange(len(runs)) % 2 * 255
    flat = np.repeat(values.astype(np.uint8), runs)
    return flat.reshape(width, height).T  # COCO counts down the columns


def _polygons(polygons: list[Any], height: int, width: int) -> Bytes:
    """The share of each pixel that polygons cover, on a grid ``_FINER`` times as fine."""
    outlines = [np.asarray(polygon, dtype=np.float64).reshape(-1, 2) for polygon in polygons]
    corners = np.concatenate(outlines)
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), (left + 1, top + 1), (width, height))
    columns, rows = int(right - left), int(bottom - top)
    fine = np.zeros((rows * _FINER, columns * _FINER), np.uint8)
    for outline in outlines:
        # COCO counts from a pixel's corner, OpenCV from its centre; 8 bits of fraction
        places = (outline - (left, top)) * _FINER - 0.5
        cv2.fillPoly(fine, [np.round(places * 256).astype(np.int32)], 255, shift=8)
    mask = np.zeros((height, width), np.uint8)
    cover = cv2.resize(fine, (columns, rows), interpolation=cv2.INTER_AREA)
    mask[top : top + rows, left : left + columns] = cover
    return mask


def run_lengths(text: str) -> list[int]:
    """COCO's compressed run lengths: 5 bits a character, from the fourth on differences."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs
