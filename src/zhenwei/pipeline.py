"""examine(path) -> Report: media, faces, detectors, fusion. The one place that knows the order."""
