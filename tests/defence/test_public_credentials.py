"""Public files with credentials by other writers (Adobe, Truepic, Nikon, C2PA's own tests): each is told as what it is.

No original is under suspicion, and each that was tampered with is told with the right reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from zhenwei.defence.credential import credential_format, read_credential
from zhenwei.defence.credential_bytes import irregularities
from zhenwei.defence.verify import verify_file
from zhenwei.errors import MediaError

INTACT = "Not a byte was changed since it was signed by "
# name: standing, what the sentence has, problems (as they begin), whether AI is said, how many credentials
EXPECTED: dict[str, tuple[str, str, tuple[str, ...], bool, int]] = {
    "adobe-20220124-A.jpg": ("bare", "No credential", (), False, 0),
    "adobe-20220124-C.jpg": ("intact", INTACT + "C2PA Test Signing Cert", (), False, 1),
    "adobe-20220124-CA.jpg": ("intact", INTACT, (), False, 1),
    "adobe-20220124-CAI.jpg": ("intact", INTACT, (), False, 1),
    "adobe-20220124-CIE-sig-CA.jpg": (
        "intact",
        "but the credential of a file it was made from does not hold",
        ("of a file it was made from: the signature does not fit what it stands for",),
        False,
        2,
    ),
    "adobe-20220124-E-dat-CA.jpg": (
        "altered",
        "does not hold: the file was changed after it was signed",
        ("the file was changed after it was signed",),
        False,
        1,
    ),
    "adobe-20220124-E-sig-CA.jpg": (
        "signer-does-not-hold",
        "the signature does not fit what it stands for, so it is not known who signed",
        ("the signature does not fit",),
        False,
        1,
    ),
    "boxhash.jpg": ("intact", INTACT, (), False, 1),
    "C_with_CAWG_data.jpg": ("intact", "who says that it was captured by a device", (), False, 1),
    "cloud.jpg": (
        "cannot-be-checked",
        "names a credential on the network, which is not fetched: https://cai-manifests.adobe.com/",
        ("the file names a credential on the network, which is not fetched",),
        False,
        0,
    ),
    "libpng-test.png": ("bare", "No credential", (), False, 0),
    "libpng-test_with_url.png": (
        "cannot-be-checked",
        "which is not fetched",
        ("the file names a credential on the network, which is not fetched",),
        False,
        0,
    ),
    "nikon-20221019-building.jpeg": (
        "certificate-ended",
        "nothing shows that the file was changed",
        ("the signer's certificate has ended",),
        False,
        1,
    ),
    "no_alg.jpg": (
        "cannot-be-checked",
        "a method that is not known here",
        ("the credential uses a method that is not known here",),
        False,
        0,
    ),
    "ocsp.jpg": ("intact", "Adobe Inc., Adobe C2PA", (), True, 2),
    "riff_bomb_1000.wav": ("bare", "No credential", (), False, 0),
    "truepic-20230212-camera.jpg": (
        "cannot-be-checked",
        "what the signature covers is unchanged, but that is not all that it should cover",
        ("the signer left out another part of the file than the one where it stands",),
        False,
        1,
    ),
    "update_manifest.jpg": ("intact", INTACT, (), False, 2),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_public_file_is_told_as_what_it_is(name: str, cases: Path) -> None:
    standing, phrase, problems, ai, manifests = EXPECTED[name]
    read = verify_file(cases / "c2pa" / name, keys=[])
    assert read.standing == standing, read.sentence
    assert phrase.lower() in read.sentence.lower(), read.sentence
    assert len(read.problems) == len(problems), read.problems
    assert all(told.startswith(begins) for told, begins in zip(read.problems, problems, strict=True)), read.problems
    assert (read.says_ai, read.credential.manifests) == (ai, manifests)
    assert ("changed after it was signed" in read.sentence) == (standing == "altered")


def test_what_is_changed_in_public_files_is_told_as_changed(cases: Path) -> None:
    """Also where the place of the credential does not fit, which C2PA reports by the same code."""
    for name in ("truepic-20230212-camera.jpg", "nikon-20221019-building.jpeg", "adobe-20220124-CA.jpg"):
        data = (cases / "c2pa" / name).read_bytes()
        for changed in (
            data[:-3000] + bytes([data[-3000] ^ 1]) + data[-2999:],
            data[:2] + b"\xff\xfe\x00\x06abcd" + data[2:],
        ):
            read = read_credential(changed)
            assert (read.state, read.cause) == ("invalid", "altered"), name
            assert "the file was changed after it was signed" in read.problems


def test_what_is_made_to_exhaust_the_reader_is_an_error(cases: Path) -> None:
    path = cases / "c2pa" / "nested_moov_1000.mp4"
    assert read_credential(path.read_bytes()).state == "absent"
    with pytest.raises(MediaError):
        verify_file(path, keys=[])


def test_no_public_file_is_under_suspicion(cases: Path) -> None:
    for path in sorted((cases / "c2pa").iterdir()):
        data = path.read_bytes()
        assert irregularities(data, credential_format(data)) == (), path.name


def test_whatever_is_flipped_in_the_room_beside_a_public_signature_is_told(cases: Path) -> None:
    """Of other writers, too, and beside the signatures of ancestors."""
    for name in ("adobe-20220124-C.jpg", "truepic-20230212-camera.jpg", "ocsp.jpg", "update_manifest.jpg"):
        data = (cases / "c2pa" / name).read_bytes()
        run = bytes(1500)
        at = data.rindex(run) + 700
        changed = data[:at] + b"\1" + data[at + 1 :]
        (told,) = irregularities(changed, "image/jpeg")
        assert "the room kept free beside the signature is not empty" in told
        before, after = read_credential(data), read_credential(changed)
        assert (after.state, after.cause) == (before.state, before.cause)
        assert after.problems == (*before.problems, told)
