"""One examination: its page, the pictures on it, the file beside them, and its report to take along."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from zhenwei import detectors
from zhenwei.pipeline import Options
from zhenwei.report.course import Course
from zhenwei.report.kept import from_dict
from zhenwei.report.outcome import Unreadable
from zhenwei.report.packed import Packed, picture
from zhenwei.report.page import shown_values
from zhenwei.server.api import attachment
from zhenwei.server.auth.caller import Caller
from zhenwei.server.auth.gate import Reader
from zhenwei.server.pages.arriving import progress_page
from zhenwei.server.pages.forms import Form, Submitter
from zhenwei.server.pages.frame import is_case_at_stake, language_of, moved, service_of, shown
from zhenwei.server.pages.preview import Preview
from zhenwei.server.pages.previews import State, previews_of
from zhenwei.server.pages.progress import progress
from zhenwei.server.pages.sight import ServedAlbum, viewer
from zhenwei.server.problems import ProblemError, not_found
from zhenwei.server.service import Ask, unpacked
from zhenwei.server.uploads import Received
from zhenwei.store.cases import Cases
from zhenwei.store.jobs import DONE, Job
from zhenwei.types import DEPTHS, DetectorInfo

router = APIRouter(include_in_schema=False)
_TYPES = {
    "clip.mp4": "video/mp4",
    "sound.m4a": "audio/mp4",
    "picture.jpg": "image/jpeg",
    "spectrogram.jpg": "image/jpeg",
}
_ALONE = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox"}
_FOR_A_WHILE = _ALONE | {"Cache-Control": "private, max-age=600"}
_MAX_CASES = 100
_IMAGE_KEYS = (
    (("+", "−", "0"), "key_zoom"), (("B",), "key_boxes"), (("M",), "key_map"), (("[", "]"), "key_strength"),
    (("S",), "key_beside"), (("?",), "key_help"),
)  # fmt: skip
_SOUND_KEYS = (
    (("K", "␣"), "key_play"), (("J", "L"), "key_second"), (("Home", "End"), "key_ends"), (("P", "N"), "key_passage"),
    (("?",), "key_help"),
)  # fmt: skip
_CLIP_KEYS = (
    (("K", "␣"), "key_play"), ((",", "."), "key_frame"), (("J", "L"), "key_second"), (("Home", "End"), "key_ends"),
    (("P", "N"), "key_passage"), (("B",), "key_boxes"), (("M",), "key_map"), (("[", "]"), "key_strength"),
    (("+", "−", "0"), "key_zoom"), (("?",), "key_help"),
)  # fmt: skip
_KEYS = {"image": _IMAGE_KEYS, "audio": _SOUND_KEYS, "video": _CLIP_KEYS}


@dataclass(frozen=True, slots=True)
class _Looked:
    """A job with what was found. ``has_pictures``: False where all that is kept is its report."""

    job: Job
    packed: Packed
    has_pictures: bool


def known_detectors() -> dict[str, DetectorInfo]:
    return {name: kind.info for name, kind in detectors.catalogue(strict=False).items()}


@router.get("/examinations/{id_}")
def examination(request: Request, caller: Reader, id_: str) -> Response:
    service, language = service_of(request), language_of(request)
    job = service.get(caller, id_, language)
    if not job.is_over:
        return progress_page(request, caller, [progress(job, service.jobs, language)])
    if job.state != DONE:
        values: dict[str, Any] = {
            "job": job,
            "has_media": service.folder.medium(job.sha256).is_file(),
            "is_case_at_stake": is_case_at_stake(request, caller, job),
            "in_cases": _cases(request, caller).with_file(job.sha256),
            "depths": DEPTHS,
        }
        return shown(request, caller, "service/unexamined.html", title=job.name, here="history", **values)
    return _page(request, caller, _looked(request, caller, job))


def _looked(request: Request, caller: Caller, job: Job) -> _Looked:
    service = service_of(request)
    try:
        return _Looked(job, service.found(caller, job.id), True)
    except ProblemError as problem:
        if problem.kind != "erased":
            raise
    kept = from_dict(json.loads(service.document(caller, job.id, language_of(request))))
    if isinstance(kept, Unreadable):
        raise not_found()
    return _Looked(job, Packed(kept, ()), False)


def _page(request: Request, caller: Caller, looked: _Looked) -> Response:
    service, language, job = service_of(request), language_of(request), looked.job
    at = f"/examinations/{job.id}"
    album = ServedAlbum(looked.packed, f"{at}/pictures")
    values = shown_values(looked.packed.report, language, known_detectors(), album)
    lanes: Course = values["course"]
    source = service.folder.medium(job.sha256)
    made = previews_of(request).state(job.sha256)
    cases = _cases(request, caller)
    values |= {
        "job": job,
        "viewer": viewer(looked.packed, album, values["span"], lanes, made, at, language),
        "served": True,
        "lanes": lanes if lanes.rows else None,
        "course": None,  # stands under the player
        "player": None,
        "poster": None,
        "frames": (),  # neither do they: the clip itself is there
        "has_pictures": looked.has_pictures,
        "has_media": source.is_file(),
        "is_case_at_stake": is_case_at_stake(request, caller, job),
        "depths": DEPTHS,
        "cases": cases.list(limit=_MAX_CASES),
        "in_cases": cases.with_file(job.sha256),
        "key_list": _KEYS[looked.packed.report.media.kind],
        "reload_s": 5 if made[0] == "making" else 0,
    }
    for name in ("title", "language", "kind", "footer"):
        values.pop(name)
    words = values.pop("say")
    del words  # the pages' own knows more phrases
    return shown(request, caller, "service/examination.html", title=job.name, here="history", **values)


@router.get("/examinations/{id_}/pictures/{number}.jpg")
def one_picture(request: Request, caller: Reader, id_: str, number: int) -> Response:
    data = picture(service_of(request).packed(caller, id_), number)
    if data is None:
        raise ProblemError(404, "not-found", "there is no such picture")
    return Response(data, media_type="image/jpeg", headers=_FOR_A_WHILE)


@router.get("/examinations/{id_}/preview.json")
def how_far_preview(request: Request, caller: Reader, id_: str) -> Response:
    """Whether what is played is there."""
    state, made = _preview(request, caller, id_)
    src = f"/examinations/{id_}/media" if made is not None else ""
    return JSONResponse({"state": state, "src": src})


@router.get("/examinations/{id_}/media")
def medium(request: Request, caller: Reader, id_: str) -> Response:
    """The copy that was made here, under the type that this service gave it; never the bytes that were sent."""
    return _file(request, caller, id_, "shown")


@router.get("/examinations/{id_}/spectrogram")
def spectrogram(request: Request, caller: Reader, id_: str) -> Response:
    return _file(request, caller, id_, "spectrogram")


def _preview(request: Request, caller: Caller, id_: str) -> tuple[State, Preview | None]:
    service = service_of(request)
    job = service.get(caller, id_)
    return previews_of(request).state(job.sha256)


def _file(request: Request, caller: Caller, id_: str, which: str) -> Response:
    state, made = _preview(request, caller, id_)
    name = str(getattr(made, which, ""))
    if made is None or not name:
        headers = {"Retry-After": "2"} if state == "making" else {}
        raise ProblemError(404, "no-preview", "there is nothing to be shown of this file", headers=headers)
    folder = service_of(request).folder.preview(service_of(request).get(caller, id_).sha256)
    return FileResponse(folder / name, media_type=_TYPES[name], headers=_FOR_A_WHILE)


@router.get("/examinations/{id_}/report.{kind}")
def report(request: Request, caller: Reader, id_: str, kind: str) -> Response:
    """The report to take along: ``json``, ``html`` as one file that needs nothing else, or ``pdf``."""
    service, language = service_of(request), language_of(request)
    name = service.get(caller, id_).name
    if kind == "json":
        return _attached(service.document(caller, id_, language), "application/json", f"{name}.json")
    if kind == "html":
        return _attached(service.page(caller, id_, language), "text/html; charset=utf-8", f"{name}.html")
    if kind == "pdf":
        return _attached(service.pdf(caller, id_, language), "application/pdf", f"{name}.pdf")
    raise ProblemError(404, "no-such-page", "there is no report of this kind")


def _attached(content: str | bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers=_ALONE | {"Content-Disposition": attachment(name)})


@router.post("/examinations/{id_}/again")
def again(request: Request, caller: Submitter, form: Form, id_: str) -> Response:
    """Examine what is kept of it once more, by this version; at the depth that is asked for, else as before."""
    service = service_of(request)
    job = service.get(caller, id_)
    service.medium(caller, id_)
    received = Received(job.name, job.sha256, job.size_bytes, job.format)
    options: Options = unpacked(job.options)
    asked = next((depth for depth in DEPTHS if depth == form.one("depth")), None)
    if asked is not None and (options.detectors or asked != options.depth):
        options = replace(options, depth=asked, detectors=(), frames=None)
    added = service.submit(caller, received, Ask(options, again=True))
    return moved(f"/examinations/{added.job.id}")


@router.post("/examinations/{id_}/delete")
def delete(request: Request, caller: Submitter, id_: str) -> Response:
    service_of(request).delete(caller, id_, undo=True)
    return moved("/history", told="deleted", undo=id_)


def _cases(request: Request, caller: Caller) -> Cases:
    return Cases(service_of(request).store, tenant=caller.tenant, actor=caller.name)
