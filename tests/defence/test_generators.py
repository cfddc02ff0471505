"""Settings that generators leave are found in every container, by one reader that scan and verify share."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin
from tests.carriers import audio, carrier, hidden, image, saved

from zhenwei.defence.generators import HIDDEN, settings_in, tools_in
from zhenwei.defence.labels import NOT_READ, read_labels
from zhenwei.defence.verify import verify
from zhenwei.detectors.provenance._content import GENERATED_LLR
from zhenwei.detectors.provenance.labels import Labels
from zhenwei.media import open_media
from zhenwei.types import Evidence, Subject

LINE = "a portrait\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
GRAPH = json.dumps({"3": {"inputs": {"seed": 1, "steps": 20}, "class_type": "KSampler"}})
FLOW = json.dumps({"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": []})
SUI = json.dumps({"sui_image_params": {"prompt": "x", "model": "y", "seed": 1}})
FOOOCUS = json.dumps({"prompt": "x", "base_model": "juggernaut", "adm_guidance": "(1.5, 0.8, 0.3)", "seed": "1"})
NOVEL = json.dumps({"prompt": "x", "steps": 28, "sampler": "k_euler", "seed": 1, "uc": "bad", "signed_hash": "a"})
DRAW = json.dumps({"c": "x", "uc": "y", "sampler": "DPM++", "steps": 8, "model": "m", "scale": 7, "v2": {}})
INVOKE = json.dumps({"positive_prompt": "x", "model": {"name": "sdxl"}, "steps": 30, "cfg_scale": 7})
JOURNEY = "a portrait --ar 16:9 --v 6.0 Job ID: 01234567-89ab-cdef-0123-456789abcdef"


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value) if not value.isascii() else info.add_text(key, value)
    return saved(image(48, 48), "png", pnginfo=info)


def exif(form: str, comment: bytes = b"", **tags: str) -> bytes:
    held = Image.Exif()
    for name, value in tags.items():
        held[ExifTags.Base[name]] = value
    if comment:
        held.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return saved(image(48, 48), form, exif=held.tobytes())


def unicode_comment(text: str, order: str = "be") -> bytes:
    return b"UNICODE\0" + text.encode(f"utf-16-{order}")


def film(form: str, **tags: str) -> bytes:
    """A clip with tags, as FFmpeg writes them."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"a.{form}"))
        options = {"movflags": "use_metadata_tags"} if form in ("mp4", "mov") else {}
        with av.open(path, "w", options=options) as out:
            out.metadata.update(tags)
            seen = out.add_stream("libvpx" if form == "webm" else "mpeg4", rate=10)
            seen.width, seen.height, seen.pix_fmt = 48, 48, "yuv420p"
            for _ in range(3):
                out.mux(seen.encode(av.VideoFrame.from_ndarray(image(48, 48), format="rgb24")))
            out.mux(seen.encode())
        return Path(path).read_bytes()


def heard(form: str, **tags: str) -> bytes:
    """A sound with tags, as FFmpeg writes them."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"a.{form}"))
        with av.open(path, "w") as out:
            out.metadata.update(tags)
            track = out.add_stream("flac", rate=16000) if form == "flac" else out.add_stream("libmp3lame", rate=16000)
            samples = (audio() * 20000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16" if form == "flac" else "s16p", layout="mono")
            frame.sample_rate = 16000
            out.mux([*track.encode(frame), *track.encode(None)])
        return Path(path).read_bytes()


def after_the_image(data: bytes, key: bytes, text: bytes) -> bytes:
    """A PNG whose text stands behind the picture data, which most readers never see."""
    import struct
    import zlib

    body = b"tEXt" + key + b"\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:-12] + chunk + data[-12:]


def opaque(side: int = 96) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.dstack([image(side, side), np.full((side, side), 255, np.uint8)])


WEB_UI = "Stable Diffusion web UI"
FOUND: dict[str, tuple[Callable[[], bytes], str]] = {
    "web UI in PNG": (lambda: png(parameters=LINE), WEB_UI),
    "web UI behind the picture": (lambda: after_the_image(png(), b"parameters", LINE.encode()), WEB_UI),
    "web UI in JPEG": (lambda: exif("jpeg", unicode_comment(LINE)), WEB_UI),
    "web UI in JPEG, other order": (lambda: exif("jpeg", unicode_comment(LINE, "le")), WEB_UI),
    "web UI in JPEG, ASCII": (lambda: exif("jpeg", b"ASCII\0\0\0" + LINE.encode()), WEB_UI),
    "web UI in WebP": (lambda: exif("webp", unicode_comment(LINE)), WEB_UI),
    "web UI in AVIF": (lambda: exif("avif", unicode_comment(LINE)), WEB_UI),
    "ComfyUI prompt in PNG": (lambda: png(prompt=GRAPH), "ComfyUI"),
    "ComfyUI workflow in PNG": (lambda: png(workflow=FLOW), "ComfyUI"),
    "ComfyUI in WebP": (lambda: exif("webp", Make=f"workflow:{FLOW}", Model=f"prompt:{GRAPH}"), "ComfyUI"),
    "ComfyUI in WebP, prompt alone": (lambda: exif("webp", Model=f"prompt:{GRAPH}"), "ComfyUI"),
    "ComfyUI in JPEG": (lambda: exif("jpeg", ImageDescription=f"Workflow:{FLOW}"), "ComfyUI"),
    "ComfyUI in TIFF": (lambda: exif("tiff", ImageDescription=f"Prompt: {GRAPH}"), "ComfyUI"),
    "ComfyUI in MP4": (lambda: film("mp4", prompt=GRAPH, workflow=FLOW), "ComfyUI"),
    "ComfyUI in MP4's comment": (
        lambda: film("mp4", comment=json.dumps({"prompt": GRAPH, "workflow": json.loads(FLOW)})),
        "ComfyUI",
    ),
    "ComfyUI in MOV": (lambda: film("mov", workflow=FLOW), "ComfyUI"),
    "ComfyUI in WebM": (lambda: film("webm", prompt=GRAPH), "ComfyUI"),
    "ComfyUI in MKV": (lambda: film("mkv", PROMPT=GRAPH), "ComfyUI"),
    "ComfyUI in FLAC": (lambda: heard("flac", prompt=GRAPH), "ComfyUI"),
    "ComfyUI in MP3": (lambda: heard("mp3", prompt=GRAPH), "ComfyUI"),
    "SwarmUI in PNG": (lambda: png(parameters=SUI), "SwarmUI"),
    "SwarmUI in JPEG": (lambda: exif("jpeg", unicode_comment(SUI)), "SwarmUI"),
    "Fooocus in PNG": (lambda: png(parameters=FOOOCUS, fooocus_scheme="fooocus"), "Fooocus"),
    "Fooocus in PNG, web UI's form": (lambda: png(parameters=LINE, fooocus_scheme="a1111"), "Fooocus"),
    "Fooocus in JPEG": (lambda: exif("jpeg", unicode_comment(FOOOCUS), Software="Fooocus v2.5.5"), "Fooocus"),
    "InvokeAI in PNG": (lambda: png(invokeai_metadata=INVOKE), "InvokeAI"),
    "InvokeAI's old form": (lambda: png(**{"sd-metadata": "{}"}), "InvokeAI"),
    "InvokeAI's oldest form": (lambda: png(Dream='"x" -s 50 -S 123 -W512 -H512 -C7.5 -A k_lms'), "InvokeAI"),
    "NovelAI in PNG": (lambda: png(Software="NovelAI", Comment=NOVEL), "NovelAI"),
    "NovelAI in alpha": (lambda: hidden(opaque(), json.dumps({"Software": "NovelAI", "Comment": NOVEL})), "NovelAI"),
    "web UI in alpha": (lambda: hidden(opaque(), LINE), WEB_UI),
    "web UI in alpha, unpacked": (lambda: hidden(opaque(), LINE, packed=False), WEB_UI),
    "web UI in colours": (lambda: hidden(image(96, 96), LINE), WEB_UI),
    "web UI in colours, unpacked": (lambda: hidden(image(96, 96), LINE, packed=False), WEB_UI),
    "something in alpha": (lambda: hidden(opaque(), "?", packed=False), ""),
    "Draw Things": (lambda: exif("jpeg", unicode_comment(DRAW)), "Draw Things"),
    "Midjourney": (lambda: png(Description=JOURNEY), "Midjourney"),
    "Easy Diffusion": (
        lambda: png(prompt="x", seed="1", num_inference_steps="9", guidance_scale="7"),
        "Easy Diffusion",
    ),
    "some JSON": (lambda: png(generation=json.dumps({"prompt": "x", "seed": 1, "steps": 9})), ""),
}


def scanned(data: bytes, folder: Path) -> Evidence:
    path = folder / "a"
    path.write_bytes(data)
    return Labels().examine(Subject(open_media(path)))


@pytest.mark.parametrize("kind", FOUND)
def test_settings_are_found_wherever_they_stand(kind: str, tmp_path: Path) -> None:
    make, tool = FOUND[kind]
    data = make()
    said = read_labels(data)
    assert [each.tool for each in said.settings] == [tool], said
    assert said.says_ai
    found = scanned(data, tmp_path)
    assert found.llr == GENERATED_LLR
    read = verify(data, keys=[])
    assert (read.standing, read.says_ai) == ("labelled", True)
    assert read.declared == found.declares
    assert any("Carries a generator's settings" in each.sentence for each in found.declares)
    if kind.endswith(("alpha", "colours", "unpacked")):
        assert said.settings[0].where == HIDDEN


def test_settings_are_not_shown_as_a_camera(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(FOUND["ComfyUI in WebP"][0]())
    facts = open_media(path).facts
    assert not {"Make", "Model"} & {key for key, _ in facts}
    assert ("Generation settings", "in EXIF's make") in facts


HARMLESS: dict[str, Callable[[], bytes]] = {
    "a recipe": lambda: png(Description="Steps: 3, then rest. Seeds: two.", Comment="Sampler: Bach"),
    "a camera": lambda: exif("jpeg", b"ASCII\0\0\0" + b"say cheese", Make="Canon", Model="EOS R5", Software="1.8.1"),
    "words": lambda: png(parameters="aperture and time", prompt="say cheese", workflow="colour managed"),
    "JSON of others": lambda: png(Comment=json.dumps({"model": "EOS R5", "scale": 2, "nodes": 3})),
    "a graph": lambda: png(comment=json.dumps({"nodes_of_the_tree": [], "links": []})),
    "a clip": lambda: film("mp4", comment="at the lake", title="holiday"),
    "alpha": lambda: saved(opaque(), "png"),
    "noise in alpha": lambda: saved(
        np.dstack([image(96, 96), np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)]), "png"
    ),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_people_write_is_nobodys_settings(kind: str, tmp_path: Path) -> None:
    data = HARMLESS[kind]()
    assert not read_labels(data).any
    assert scanned(data, tmp_path).llr is None
    assert verify(data, keys=[]).standing == "bare"


def test_names_of_generators_count_where_makers_stand() -> None:
    for pair, names in (
        (("Software", "Midjourney 6"), ("Midjourney",)),
        (("xmp:CreatorTool", "Adobe Firefly"), ("Adobe Firefly",)),
        (("xmp:Credit", "Made with Google AI"), ("Made with Google AI",)),
        (("exif:Make", "Ideogram AI"), ("Ideogram AI",)),
        (("Source", "Stable Diffusion XL 7BCCAA2C"), ("Stable Diffusion",)),
        (("Description", "what Stable Diffusion is, explained"), ()),
        (("Software", "Digital Camera FinePix"), ()),
        (("Artist", "Jean Runway Genet"), ()),
    ):
        assert tools_in([pair])[0] == names, pair
    assert tools_in([("encoder", "HeyGen export")]) == ((), ("HeyGen",))


@pytest.mark.parametrize("form", ["gif", "bmp", "ppm"])
def test_formats_whose_labels_are_not_read_say_exactly_that(form: str, tmp_path: Path) -> None:
    data = saved(image(48, 48), form)
    found = scanned(data, tmp_path)
    assert (found.llr, found.reason) == (None, NOT_READ)
    assert "damaged" not in f"{found.finding} {found.reason}"
    read = verify(data, keys=[])
    assert NOT_READ in read.problems
    assert not any("label" in problem for problem in read.problems if problem != NOT_READ)
    assert "labels are not read in files of this format" in read.sentence
    assert "no label was found" not in read.sentence


@pytest.mark.parametrize("form", ["tiff", "avif", "mkv", "webm", "avi", "flac", "ogg", "rf64"])
def test_other_formats_are_read_and_have_none(form: str, tmp_path: Path) -> None:
    if form in ("tiff", "avif"):
        data = saved(image(48, 48), form)
    elif form in ("flac", "ogg", "rf64"):
        out = io.BytesIO()
        soundfile.write(out, audio(), 16000, format=form.upper())
        data = out.getvalue()
    else:
        data = film(form)
    said = read_labels(data)
    assert (said.read, said.any, said.problems) == (True, False, ())
    found = scanned(data, tmp_path)
    assert "removed" in found.reason
    assert "damaged" not in f"{found.finding} {found.reason}"


def test_labels_in_xmp_are_read_in_further_formats() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Adobe Firefly" '
        b'I:DigitalSourceType="trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>'
    )
    for form in ("jpeg", "webp", "avif"):
        said = read_labels(saved(image(48, 48), form, xmp=packet))
        assert (said.source_type, said.generators) == ("trainedAlgorithmicMedia", ("Adobe Firefly",)), form
    out = io.BytesIO()
    Image.fromarray(image(48, 48)).save(out, "tiff", tiffinfo={700: packet})
    assert read_labels(out.getvalue()).source_type == "trainedAlgorithmicMedia"


def test_heic_is_read_like_any_other_picture(tmp_path: Path) -> None:
    encoder = pytest.importorskip("pillow_heif", reason="what writes HEIC comes with the development extra")
    held = Image.Exif()
    held[ExifTags.Base.Model] = f"prompt:{GRAPH}"
    out = io.BytesIO()
    encoder.from_pillow(Image.fromarray(image(64, 64))).save(out, exif=held.tobytes())
    assert [each.tool for each in read_labels(out.getvalue()).settings] == ["ComfyUI"]
    assert scanned(out.getvalue(), tmp_path).llr == GENERATED_LLR


def test_a_damaged_file_is_told_as_damaged(tmp_path: Path) -> None:
    cut = carrier("jpeg")[:400]
    assert read_labels(cut).problems
    assert read_labels(saved(image(), "tiff")[:60]).problems
    assert read_labels(film("mkv")[:40]).problems


def test_the_public_cases_are_told_as_they_should_be(cases: Path) -> None:
    for name, tool in (("comfy.webp", "ComfyUI"), ("a1111.png", WEB_UI)):
        found = Labels().examine(Subject(open_media(cases / name)))
        assert found.llr == GENERATED_LLR
        assert verify((cases / name).read_bytes(), keys=[]).declared == found.declares
        assert [each.by for each in found.declares] == [tool]
    for name in ("photo.heic", "photo.jxl", "animated.avif", "cut_short.webm"):
        said = read_labels((cases / name).read_bytes())
        assert (said.read, said.any) == (True, False), name
    plain = Labels().examine(Subject(open_media(cases / "plain.gif")))
    assert (plain.llr, plain.reason) == (None, NOT_READ)
    drawn = verify((cases / "iptc_algorithmic.jpg").read_bytes(), keys=[])
    assert not drawn.says_ai
    assert [each.origin for each in drawn.declared] == ["synthetic"]
    assert Labels().examine(Subject(open_media(cases / "iptc_algorithmic.jpg"))).llr is None


def test_scan_and_verify_say_the_same_of_the_shipped_example() -> None:
    path = Path(__file__).parents[2] / "examples" / "media" / "astronaut-forged.jpg"
    found = Labels().examine(Subject(open_media(path)))
    read = verify(path.read_bytes(), keys=[])
    assert read.declared == found.declares != ()
    assert read.says_ai
    assert found.llr is not None


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=80)), max_size=6))
def test_whatever_the_words_they_are_looked_through(pairs: list[tuple[str, str]]) -> None:
    settings_in(pairs)
    tools_in(pairs)


@given(st.binary(max_size=120))
def test_whatever_is_hidden_it_is_read(body: bytes) -> None:
    data = hidden(opaque(64), body.decode("latin-1"), packed=False)
    assert len(read_labels(data).settings) == 1
