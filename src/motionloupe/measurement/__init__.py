"""Motion, measured: displacement of a region, slices, spectra."""
