"""Labels go in and come out in every format, touch nothing else, and what is wrong with them is told."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from collections.abc import Callable

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.carriers import FORMATS, carrier, clip, content, image, saved

from zhenwei.defence.credential import SOURCE_TYPES
from zhenwei.defence.labels import Aigc, Labels, read_labels, write_labels
from zhenwei.errors import MediaError, UsageError

AIGC = Aigc(content_producer="zhenwei 实验室 & <lab>", produce_id="00c0ffee", reserved_code1='say "hi"')
AI = SOURCE_TYPES["ai-generated"]
FIELDS = ["Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2"]


@pytest.mark.parametrize("form", FORMATS)
def test_labels_are_read_back_and_the_content_is_bit_for_bit_the_same(form: str) -> None:
    plain = carrier(form)
    assert read_labels(plain) == Labels()
    labelled = write_labels(plain, AIGC, AI)
    assert read_labels(labelled) == Labels(AIGC, 1, AI)
    assert content(labelled) == content(plain)


@pytest.mark.parametrize("form", FORMATS)
def test_writing_again_leaves_one_block_and_the_other_label_alone(form: str) -> None:
    other = Aigc(label="2", content_propagator="b")
    once = write_labels(carrier(form), AIGC, AI)
    twice = write_labels(once, other, None)
    assert read_labels(twice) == Labels(other, 1, AI)
    assert read_labels(write_labels(twice, None, SOURCE_TYPES["edited"])) == Labels(other, 1, SOURCE_TYPES["edited"])
    assert write_labels(once, AIGC, AI) == once or form in ("mp4", "mov", "m4a")  # these leave free space
    assert content(twice) == content(once)


def test_the_block_is_the_standards_json() -> None:
    assert list(json.loads(AIGC.to_json())) == FIELDS
    labelled = write_labels(carrier("jpeg"), AIGC, None)
    assert b'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"' in labelled
    assert labelled.count(b"<TC260:AIGC>") == 1


def test_the_reports_own_reader_of_labels_understands_them() -> None:
    from zhenwei.media.labels import label_facts

    for form in ("jpeg", "png", "webp"):
        labelled = write_labels(carrier(form), AIGC, AI)
        facts = dict(label_facts(Image.open(io.BytesIO(labelled))))
        assert facts["Digital source type"] == "trainedAlgorithmicMedia"
        assert str(facts["AIGC label"]).startswith('{"Label":"1"')


XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="uuid:7" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:q="http://www.tc260.org.cn/ns/AIGC/1.0/"
  dc:format="image/jpeg" q:AIGC='{"Label":"3"}'><dc:rights>me</dc:rights></r:Description>
</r:RDF></x:xmpmeta><?xpacket end="w"?>"""


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_existing_xmp_exif_and_profile_stay(form: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    if form == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        given = saved(image(), form, exif=exif, icc_profile=b"profile", pnginfo=info)
    else:
        given = saved(image(), form, exif=exif, icc_profile=b"profile", xmp=XMP)
    assert read_labels(given).count == 1
    assert any("lacks" in problem for problem in read_labels(given).problems)
    labelled = Image.open(io.BytesIO(write_labels(given, AIGC, AI)))
    xmp = labelled.info["xmp"]
    assert b"<dc:rights>me</dc:rights>" in xmp
    assert b'r:about="uuid:7"' in xmp
    assert b"q:AIGC" not in xmp
    assert b'dc:format="image/jpeg"' in xmp
    before = Image.open(io.BytesIO(given))
    assert labelled.info["exif"] == before.info["exif"]
    assert labelled.info["icc_profile"] == b"profile"
    assert labelled.tobytes() == before.tobytes()


def _text_chunk(data: bytes, keyword: bytes, text: bytes) -> bytes:
    body = b"tEXt" + keyword + b"\0" + text
    return data[:33] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]


def test_png_text_chunks_are_read_and_replaced() -> None:
    given = _text_chunk(carrier("png"), b"AIGC", AIGC.to_json().encode("utf-8"))
    assert read_labels(given) == Labels(AIGC, 1, None)
    both = _text_chunk(write_labels(carrier("png"), AIGC, None), b"AIGC", AIGC.to_json().encode("utf-8"))
    assert read_labels(both).count == 2
    assert "only one is allowed" in read_labels(both).problems[0]
    assert "只允许一个" in read_labels(both).problems[0].in_language("zh")
    assert read_labels(write_labels(both, AIGC, AI)) == Labels(AIGC, 1, AI)


def test_ffmpegs_metadata_keys_in_mp4_are_read() -> None:
    def tagged(form: str) -> bytes:
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a." + form)
            with av.open(str(path), "w", format=form, options={"movflags": "use_metadata_tags"}) as out:
                out.metadata["AIGC"] = AIGC.to_json()
                stream = out.add_stream("mpeg4", rate=10)
                stream.width = stream.height = 64
                stream.pix_fmt = "yuv420p"
                out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
                out.mux(stream.encode())
            return path.read_bytes()

    for form in ("mp4", "mov"):
        given = tagged(form)
        assert read_labels(given) == Labels(AIGC, 1, None)
        with pytest.raises(MediaError, match="several AIGC blocks"):
            write_labels(given, AIGC, None)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "faststart"])
def test_fragmented_and_fast_starting_clips_keep_their_frames_and_their_index(flags: str) -> None:
    given = clip("mp4", movflags=flags)
    labelled = write_labels(given, AIGC, AI)
    assert read_labels(labelled) == Labels(AIGC, 1, AI)
    assert content(labelled) == content(given)
    if given[-12:-8] == b"mfro":
        assert labelled[-16:] == given[-16:]


def test_entries_of_wave_files_lists_are_read_and_replaced() -> None:
    text = AIGC.to_json().encode("utf-8")
    entries = b"".join(
        kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
        for kind, body in ((b"IART", b"somebody"), (b"AIGC", text))
    )
    wav = carrier("wav")
    more = b"LIST" + struct.pack("<I", 4 + len(entries)) + b"INFO" + entries
    given = b"RIFF" + struct.pack("<I", len(wav) - 8 + len(more)) + wav[8:] + more
    assert read_labels(given) == Labels(AIGC, 1, None)
    labelled = write_labels(given, Aigc(), AI)
    assert read_labels(labelled) == Labels(Aigc(), 1, AI)
    assert b"somebody" in labelled
    assert content(labelled) == content(wav)


@pytest.mark.parametrize("version", [3, 4])
def test_id3_frames_of_others_stay(version: int) -> None:
    mp3 = carrier("mp3")
    audio = mp3[mp3.index(b"\xff\xf3") if b"\xff\xf3" in mp3[:2000] else mp3.index(b"\xff\xfb") :]
    title = b"TIT2" + (9).to_bytes(4, "big") + b"\0\0" + b"\0my title"
    size = len(title) + 50
    given = b"ID3" + bytes([version, 0, 0, 0, 0, 0, size]) + title + bytes(50) + audio
    labelled = write_labels(given, AIGC, AI)
    assert read_labels(labelled) == Labels(AIGC, 1, AI)
    assert title in labelled
    assert labelled.endswith(audio)
    with av.open(io.BytesIO(labelled)) as container:
        assert container.metadata["title"] == "my title"
        assert container.metadata["AIGC"] == AIGC.to_json()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not the JSON"),
        ("[]", "not the JSON"),
        ('{"Label":"1","Label":"2"}', "not the JSON"),
        ('{"Label":"1"}', "lacks ContentProducer"),
        (AIGC.to_json().replace('"1"', '"7"'), "none of 1, 2, 3"),
        (AIGC.to_json().replace('"1"', "1"), "no text"),
        ("[" * 100000, "not the JSON"),
    ],
)
def test_what_is_wrong_with_a_block_is_told(text: str, problem: str) -> None:
    read = read_labels(_text_chunk(carrier("png"), b"AIGC", text.encode()))
    assert read.count == 1
    assert any(problem in each for each in read.problems), read.problems
    json.dumps(read.to_dict())


def test_a_packet_with_a_document_type_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]>' + XMP[XMP.index(b"<x:") :]
    given = saved(image(), "jpeg", xmp=bomb)
    read = read_labels(given)
    assert read.problems[0] == "the XMP is damaged"
    assert read.aigc is not None  # what looks like a label is told all the same
    with pytest.raises(MediaError, match="XMP is damaged"):
        write_labels(given, AIGC, None)


def test_other_formats_and_values_without_meaning_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be labelled"):
        write_labels(saved(image(), "bmp"), AIGC, None)
    assert "not read" in read_labels(saved(image(), "gif")).problems[0]
    for wrong in (Aigc(label="4"), Aigc(produce_id="a\nb"), Aigc(produce_id="x" * 5000)):
        with pytest.raises(UsageError):
            write_labels(carrier("jpeg"), wrong, None)
    with pytest.raises(UsageError, match="digital source type"):
        write_labels(carrier("jpeg"), None, "trainedAlgorithmicMedia")
    plain = carrier("jpeg")
    assert write_labels(plain, None, None) == plain


@pytest.mark.parametrize("form", FORMATS)
def test_files_cut_short_anywhere_are_told_or_refused(form: str) -> None:
    labelled = write_labels(carrier(form), AIGC, AI)
    for length in range(0, len(labelled), max(1, len(labelled) // 150)):
        cut = labelled[:length]
        assert isinstance(read_labels(cut), Labels)
        _try_to_write(cut)


def _try_to_write(data: bytes) -> None:
    with contextlib.suppress(MediaError, UsageError):
        assert read_labels(write_labels(data, AIGC, AI)).aigc == AIGC


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_at_random_places_never_crash_it(form: str) -> None:
    labelled = write_labels(carrier(form), AIGC, AI)

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, len(labelled) - 1), st.integers(0, 255)), min_size=1, max_size=8))
    def hostile(changes: list[tuple[int, int]]) -> None:
        data = bytearray(labelled)
        for at, value in changes:
            data[at] = value
        json.dumps(read_labels(bytes(data)).to_dict())
        _try_to_write(bytes(data))

    run: Callable[[], None] = hostile
    run()


def test_tags_of_version_2_2_are_read_past_and_not_written() -> None:
    frame = b"TT2\0\0\x06\0title"
    given = b"ID3\2\0\0\0\0\0" + bytes([len(frame)]) + frame + carrier("mp3")
    assert read_labels(given) == Labels()
    with pytest.raises(MediaError):
        write_labels(given, AIGC, None)
