"""The benchmark's suites by name. The registry is a literal: to add one, add its lines.

Levels follow Table A.2 of Oh et al. 2018 where it states them (``subpixel``, both ``noise`` suites,
the range of ``alpha``) and FlowMag for the factors of ``pairs``; the others are chosen here.
"""

from collections.abc import Collection, Sequence

from motionloupe.data.config import Part
from motionloupe.data.photometry import noise_level
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import ALPHA_AXIS, Kind, Level, Suite
from motionloupe.evaluation.physical import draw_recording
from motionloupe.evaluation.real import draw_real_pair, draw_triple
from motionloupe.evaluation.synthetic import BAND, LARGEST_MAGNIFIED, draw_pair, draw_sequence

MAGNIFIED = 10.0  # pixels


def _noisy(motion: float, alpha: float) -> tuple[Level, ...]:
    """21 levels of noise whose variance is the level times the pixel's value."""
    factors = [float(f"{10 ** (step / 5):.3g}") for step in range(-10, 11)]
    return tuple(Level(f, alpha, (motion, motion), noise_level(f)) for f in factors)


def _alphas(*alphas: float) -> tuple[Level, ...]:
    """Motion of 0.01 to 2 pixels, magnified to at most ``MAGNIFIED``."""
    return tuple(Level(a, a, (0.01, min(2.0, MAGNIFIED / a))) for a in alphas)


_SUBPIXEL = (0.04, 0.05, 0.063, 0.079, 0.1, 0.13, 0.16, 0.2, 0.25, 0.32, 0.4, 0.5, 0.63, 0.79, 1.0)
_MIXED: dict[Part, float] = {"moving": 1.0, "foreground": 1.0}
_NOISE_AXIS = "variance of the noise / pixel value"

SUITES = {
    "subpixel": Suite(
        "everything moves by a fraction of a pixel, magnified to 10 px (Oh 2018, Table A.2)",
        "motion (px)",
        tuple(Level(d, MAGNIFIED / d, (d, d)) for d in _SUBPIXEL),
        draw_pair,
    ),
    "noise": Suite(
        "2 px x 5 under photon noise (Oh 2018, Table A.2)",
        _NOISE_AXIS,
        _noisy(2.0, 5.0),
        draw_pair,
    ),
    "noise-subpixel": Suite(
        "0.05 px x 200 under photon noise (Oh 2018, Table A.2)",
        _NOISE_AXIS,
        _noisy(0.05, 200.0),
        draw_pair,
    ),
    "alpha": Suite(
        "factors of 1 to 1000; motion of .01 to 2 px, magnified to 10 px at most",
        ALPHA_AXIS,
        _alphas(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        draw_pair,
        _MIXED,
    ),
    "mixed": Suite(
        "motion of .1 to 3 px at FlowMag's factors, magnified to 30 px at most",
        ALPHA_AXIS,
        tuple(Level(a, a, (0.1, min(3.0, LARGEST_MAGNIFIED / a))) for a in (2.0, 4.0, 8.0, 16.0)),
        draw_pair,
        _MIXED,
    ),
    "compressed": Suite(
        "motion of .1 to 2 px at a factor of 8, in frames that went through H.264",
        "constant rate factor",
        tuple(Level(q, 8.0, (0.1, 2.0), rate_factor=q) for q in (16.0, 20.0, 24.0, 28.0, 32.0)),
        draw_pair,
        _MIXED,
        log=False,
    ),
    "plain": Suite(
        "the same before a bare wall, a sky or the dark, where codecs leave little to see",
        "constant rate factor",
        tuple(Level(q, 8.0, (0.1, 2.0), rate_factor=q) for q in (16.0, 20.0, 24.0, 28.0, 32.0)),
        draw_pair,
        {"plain": 1.0},
        log=False,
    ),
    "input-motion": Suite(
        "motion of .05 to 10 px at a factor of 3",
        "motion (px)",
        tuple(Level(d, 3.0, (d, d)) for d in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)),
        draw_pair,
        _MIXED,
    ),
    "magnified-motion": Suite(
        "half a pixel, magnified to 1 to 30 px",
        "magnified motion (px)",
        tuple(
            Level(d, 2 * d, (0.5, 0.5)) for d in (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)
        ),
        draw_pair,
        _MIXED,
        bound=True,
    ),
    "still": Suite(
        "nothing moves: what a factor of 16 makes of noise",
        _NOISE_AXIS,
        tuple(Level(f, 16.0, (0.0, 0.0), noise_level(f)) for f in (0.01, 0.1, 1.0, 10.0, 100.0)),
        draw_pair,
        {"static": 1.0},
    ),
    "temporal": Suite(
        "half a pixel x 5 at 2 Hz in a band of 1 to 3 Hz, beside motion at another frequency",
        "frequency beside the band (Hz)",
        tuple(Level(f, 5.0, (0.5, 0.5)) for f in (0.5, 4.0, 6.0, 10.0)),
        draw_sequence,
        {"foreground": 1.0},
        sequence=True,
        band=BAND,
    ),
    "pairs": Suite(
        "real pairs of frames, whose true answer nobody knows (FlowMag's factors)",
        ALPHA_AXIS,
        tuple(Level(a, a) for a in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)),
        draw_real_pair,
        kind="pairs",
        truth=False,
    ),
    "noise-real": Suite(
        "three frames in a row of real clips: the second x 2 should be the third; 0 is the clip's "
        "own noise (after Oh 2018, supplement)",
        _NOISE_AXIS,
        tuple(Level(f, 2.0, noise=noise_level(f)) for f in (0.0, 0.1, 1.0, 10.0, 100.0)),
        draw_triple,
        kind="clips",
        bound=True,
    ),
    "physical": Suite(
        "a video beside the reading of a sensor (Oh 2018, the hammer)",
        ALPHA_AXIS,
        tuple(Level(a, a) for a in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)),
        draw_recording,
        kind="recording",
        sequence=True,
        truth=False,
    ),
}

NEEDS: dict[Kind, str] = {
    "scenes": "pictures: --scenes DIR with the folders backgrounds and objects in it, or "
    "--backgrounds DIR and --objects DIR",
    "pairs": "real pairs: --pairs DIR, a folder that `motionloupe curate` wrote",
    "clips": "real clips: --clips DIR, a folder of videos",
    "recording": "a video and a sensor's reading: --video FILE --reference FILE.csv",
}
"""What the user has to give for each kind of suite."""


def suites(
    names: Sequence[str], stocked: Collection[Kind] | None = None, *, objects: bool = True
) -> dict[str, Suite]:
    """Suites by name; "all" for every one whose material is ``stocked``, None for any.

    Without ``objects`` there is nothing for the suite temporal. Raises UserError with the known
    names, or the option that gives what a suite needs.
    """
    known = [n for n, suite in SUITES.items() if stocked is None or suite.kind in stocked]
    if not objects and "temporal" in known:
        known.remove("temporal")
        if "temporal" in names:
            raise UserError("the suite temporal needs objects: give a folder of cut-outs")
    wanted = known if "all" in names else list(dict.fromkeys(names))
    for name in wanted:
        if name not in SUITES:
            raise UserError(f"no suite {name!r}; there are all, {', '.join(SUITES)}")
        if name not in known:
            raise UserError(f"the suite {name} needs {NEEDS[SUITES[name].kind]}")
    if "all" in names and not wanted:
        raise UserError(f"the suites need material, such as {NEEDS['scenes']}")
    if not wanted:
        raise UserError(f"name a suite, or several with commas: all, {', '.join(SUITES)}")
    return {name: SUITES[name] for name in wanted}
