"""Memory does not grow with the length of a clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av

from .making import write_video

PEAK = """
import resource, sys
from zhenwei.media import open_media, sample_frames
for frame in sample_frames(open_media(sys.argv[1]), 16):
    pass
print(frame.time_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def repeated(source: Path, target: Path, times: int) -> Path:
    """The same packets ``times`` over, one after the other."""
    with av.open(str(target), "w") as output:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(source)) as clip:
                video = clip.streams.video[0]
                stream = stream or output.add_stream_from_template(video)
                for packet in clip.demux(video):
                    if packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        output.mux(packet)
                shift += video.duration or 0
    return target


def peak(path: Path) -> tuple[float, int]:
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    last, size = done.stdout.split()
    return float(last), int(size)


def test_twenty_times_the_length_needs_no_more_memory(tmp_path: Path) -> None:
    options = {"g": "50", "preset": "ultrafast"}
    short = write_video(tmp_path / "short.mp4", [40 * i for i in range(250)], options=options, scale=10)
    long = repeated(short, tmp_path / "long.mp4", 20)
    (short_end, short_peak), (long_end, long_peak) = peak(short), peak(long)
    assert long_end > 15 * short_end
    assert long_peak < 1.1 * short_peak
