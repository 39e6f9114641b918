"""Frames per second and memory of every method, beside plain decode + encode of the same file.

    python -m benchmarks.speed                       # every method, 640 x 360 and 1280 x 720
    python -m benchmarks.speed --methods phase,riesz --sizes 640x360 --frames 60
    python -m benchmarks.speed --methods flowmag,flowmag-unet --sizes 1280x720 --frames 10
    python -m benchmarks.speed --methods flowmag --sizes 3840x2160 --frames 6 --object 400

flowmag-unet is the paper's network at its full width, with random weights, which take as long.
Each row is a process of its own, so that its peak memory is its own; rows of a size follow each
other in one run, so that their ratios hold where absolute times of a shared machine do not.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from motionloupe import Focus, Region, UserError, magnify, methods
from motionloupe.memory import keep_freed
from motionloupe.video import read_frame

TRANSCODE = "decode + encode"
UNET = "flowmag-unet"


def scene(path: Path, width: int, height: int, frames: int) -> None:
    """A textured video (H.264, 30 fps) that sways by half a pixel at 2 Hz under sensor noise."""
    import av

    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[0:height, 0:width]
    waves = rng.uniform(-0.25, 0.25, (24, 2))
    phases, amplitudes = rng.uniform(0, 2 * np.pi, 24), rng.uniform(4, 14, 24)
    period = []
    for index in range(15):
        dx = 0.5 * np.sin(2 * np.pi * index / 15)
        grey = np.full((height, width), 128.0)
        for (fx, fy), phase, amplitude in zip(waves, phases, amplitudes, strict=True):
            grey += amplitude * np.cos(2 * np.pi * (fx * (xs - dx) + fy * ys) + phase)
        period.append(grey)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            noisy = period[index % 15] + rng.normal(0, 1, (height, width))
            rgb = np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))


def peak_megabytes() -> float:
    """The most memory that was resident. Linux's own mark: getrusage counts the parent's, too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def transcode(source: Path, target: Path) -> int:
    """Read and write without a method between: the floor that every method stands on."""
    from motionloupe.video import open_reader, open_writer

    count = 0
    with open_reader(source) as reader, open_writer(target, reader.info) as writer:
        for frame in reader:
            writer.write(frame.image, frame.pts, frame.duration)
            count += 1
    return count


def papers_unet(folder: Path) -> Path:
    """The paper's network with random weights, in a file."""
    from motionloupe.networks import build
    from motionloupe.networks.weights import save_weights

    path, options = folder / "unet.safetensors", {"base": 64}
    save_weights(path, UNET, options, build(UNET, options).state_dict(), {})
    return path


def middle(source: Path, side: int) -> Focus:
    """A square of ``side`` pixels in the middle of the picture."""
    height, width = read_frame(source, number=0).image.shape[:2]
    mask = np.zeros((height, width), np.float32)
    top, left = (height - side) // 2, (width - side) // 2
    mask[top : top + side, left : left + side] = 1.0
    return Focus([Region(mask)], feather=6)


def one(
    method: str, source: Path, band: tuple[float, float] | None, side: int | None
) -> dict[str, float]:
    """Run one method in this process; the first second (imports, first frame) is not counted."""
    marks: list[float] = []
    keep_freed()  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        options = {}
        if method == UNET:
            method, options = "flowmag", {"weights": papers_unet(Path(folder))}
        began = time.perf_counter()
        if method == TRANSCODE:
            frames = transcode(source, target)
            took = time.perf_counter() - began
        else:
            magnify(
                source,
                target,
                method=method,
                alpha=10,
                band=band,
                focus=None if side is None else middle(source, side),
                progress=lambda *_: marks.append(time.perf_counter()),
                **options,
            )
            frames = len(marks) - 1
            took = marks[-1] - marks[0] if band is None else time.perf_counter() - began
    return {"fps": frames / took, "peak_mb": peak_megabytes()}


def run(method: str, source: Path, band: str | None, side: int | None) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.speed", "--one", method, "--source", str(source)]
    if band:
        command += ["--band", band]
    if side:
        command += ["--object", str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{method} failed: {done.stderr.strip().splitlines()[-1]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--methods", default=",".join(methods()))
    parser.add_argument("--sizes", default="640x360,1280x720")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--band", help="LOW,HIGH in hertz: time the temporal filter too")
    parser.add_argument("--object", type=int, help="magnify a square of so many pixels alone")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse()
    if args.one:
        band = tuple(map(float, args.band.split(","))) if args.band else None
        print(json.dumps(one(args.one, args.source, band, args.object)))
        return
    print(f"{os.cpu_count()} cores; {args.frames} frames a row; band: {args.band or 'none'}\n")
    print("| method | size | frames/s | time of plain decode + encode | peak memory, MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in args.sizes.split(","):
            width, height = map(int, size.split("x"))
            source = Path(folder) / f"{size}.mp4"
            scene(source, width, height, args.frames)
            floor = run(TRANSCODE, source, None, None)
            rows = {TRANSCODE: floor} | {
                m: run(m, source, args.band, args.object) for m in args.methods.split(",")
            }
            for name, row in rows.items():
                ratio = floor["fps"] / row["fps"]
                print(
                    f"| {name} | {size} | {row['fps']:.1f} | x {ratio:.1f} | {row['peak_mb']:.0f} |"
                )


if __name__ == "__main__":
    main()
