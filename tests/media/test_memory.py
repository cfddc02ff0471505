"""Memory does not grow with the length of a clip; its sound is held once."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import av
import numpy as np

from zhenwei.detectors._audio import mixed
from zhenwei.media import open_media, read_audio

from .making import float_wav, tone, write_video

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


def test_sound_is_held_once(tmp_path: Path) -> None:
    """Sound and, where it is mixed, one channel; squares of all of it would take twice the sound by themselves."""
    voice = np.tile(tone(60.0), 5)
    (tmp_path / "a.wav").write_bytes(float_wav(np.stack([voice, voice]), 16000))
    media = open_media(tmp_path / "a.wav")
    tracemalloc.start()
    try:
        audio = read_audio(media)
        assert tracemalloc.get_traced_memory()[1] < 1.2 * audio.samples.nbytes
        mixed(audio)
        assert tracemalloc.get_traced_memory()[1] < 2 * audio.samples.nbytes
    finally:
        tracemalloc.stop()
