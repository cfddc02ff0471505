"""Other watermarks on the same pictures under the same attacks, for docs/defence/watermarks.md.

They are not among the project's requirements. Install them aside and name the folder:

    pip install --no-deps --target OTHERS blind-watermark invisible-watermark PyWavelets
    python -m benchmarks.watermark_others --others OTHERS --data FOLDER

blind-watermark (DWT, DCT, SVD) needs the size of the payload that it was marked with; invisible-watermark brings
dwtDctSvd and RivaGAN, a small network whose weights are in the package. All are told the size of what they wrote.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from docs.defence import measure
from docs.defence.attacks import IMAGES
from numpy.typing import NDArray

from zhenwei.types import Pixels

Bits = NDArray[np.uint8]
Mark = Callable[[Pixels, Bits], Pixels]
Read = Callable[[Pixels], Bits]
_COUNT, _PASSWORD = 20, 1


def blind() -> tuple[Mark, Read, int]:
    from blind_watermark import WaterMark  # type: ignore[import-not-found]

    def mark(pixels: Pixels, bits: Bits) -> Pixels:
        tool = WaterMark(password_wm=_PASSWORD, password_img=_PASSWORD)
        tool.read_img(img=pixels[..., ::-1].astype(np.float32))
        tool.read_wm([bool(bit) for bit in bits], mode="bit")
        made = np.asarray(tool.embed(), np.float64)
        return np.ascontiguousarray(np.clip(np.rint(made), 0, 255).astype(np.uint8)[..., ::-1])

    def read(pixels: Pixels) -> Bits:
        tool = WaterMark(password_wm=_PASSWORD, password_img=_PASSWORD)
        found = tool.extract(embed_img=pixels[..., ::-1].astype(np.float32), wm_shape=64, mode="bit")
        return (np.asarray(found) > 0.5).astype(np.uint8)

    return mark, read, 64


def invisible(method: str, payload: int) -> tuple[Mark, Read, int]:
    from imwatermark import WatermarkDecoder, WatermarkEncoder  # type: ignore[import-not-found]

    if method == "rivaGan":
        WatermarkEncoder.loadModel()
        WatermarkDecoder.loadModel()

    def mark(pixels: Pixels, bits: Bits) -> Pixels:
        tool = WatermarkEncoder()
        tool.set_watermark("bits", [int(bit) for bit in bits])
        return np.asarray(tool.encode(pixels[..., ::-1].copy(), method), np.uint8)[..., ::-1].copy()

    def read(pixels: Pixels) -> Bits:
        found = WatermarkDecoder("bits", payload).decode(pixels[..., ::-1].copy(), method)
        return np.asarray(found, np.float64).ravel().round().astype(np.uint8)

    return mark, read, payload


def asked(name: str, version: str, made: tuple[Mark, Read, int], images: list[Pixels]) -> dict[str, Any]:
    mark, read, payload = made
    rng = np.random.default_rng(measure.SEED)
    marked, psnr = [], []
    for pixels in images:
        bits = rng.integers(0, 2, payload).astype(np.uint8)
        with _quiet():
            shown = mark(pixels, bits)
        shown = shown[: pixels.shape[0], : pixels.shape[1]]
        psnr.append(measure._psnr(pixels[: shown.shape[0], : shown.shape[1]], shown))
        marked.append((shown, bits))
    shares = {}
    for attack, change in IMAGES.items():
        right = []
        for number, (shown, bits) in enumerate(marked):
            with _quiet():
                found = _attempt(read, change(shown, images[number - 1]))
            right.append(0.5 if found is None or len(found) != payload else float((found == bits).mean()))
        shares[attack] = float(np.mean(right))
        sys.stderr.write(f"{name}, {attack}: {shares[attack]:.3f}\n")
    return {"name": name, "version": version, "payload": payload, "n": len(images),
            "psnr_db": float(np.mean(psnr)), "bits": shares}  # fmt: skip


def _attempt(read: Read, pixels: Pixels) -> Bits | None:
    """These tools refuse small or odd pictures by exceptions of all kinds; half the bits are then right by chance."""
    try:
        return read(pixels)
    except (RuntimeError, ValueError, IndexError, AssertionError, TypeError, AttributeError):
        return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--others", type=Path, required=True, help="where they were installed to")
    parser.add_argument("--data", type=Path, required=True, help="the folder with photos.zip")
    given = parser.parse_args()
    sys.path.append(str(given.others))
    versions = {d.metadata["Name"]: d.version for d in distributions(path=[str(given.others)])}
    images = list(measure._photographs(given.data, _COUNT))
    both = versions.get("invisible-watermark", "?")
    rows = [
        asked("blind-watermark", versions.get("blind-watermark", "?"), blind(), images),
        asked("invisible-watermark dwtDctSvd", both, invisible("dwtDctSvd", 64), images),
        asked("invisible-watermark RivaGAN", both, invisible("rivaGan", 32), images),
    ]
    results = json.loads(measure.RESULTS.read_text(encoding="utf-8"))
    results["others"] = rows
    measure.RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    measure.PAGE.write_text(measure.page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
