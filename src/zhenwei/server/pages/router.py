"""All routes of the pages, and the page that says what was wrong."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Response

from zhenwei.server.pages import account, arriving, casework, examining, listing
from zhenwei.server.pages.assets import NAMES, asset
from zhenwei.server.pages.frame import problem_page
from zhenwei.server.pages.previews import Previews
from zhenwei.server.problems import ProblemError

__all__ = ["router", "set_up"]

router = APIRouter(include_in_schema=False)
for _part in (arriving, examining, listing, casework, account):
    router.routes.extend(_part.router.routes)  # one list, so that whoever looks at all routes sees them


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str) -> Response:
    """Style, scripts and sign; an address of another version gives what this one has, and is not kept."""
    if name not in NAMES:
        raise ProblemError(404, "no-such-page", "there is no such file")
    found = asset(name)
    is_this = found.address == f"/static/{digest}/{name}"
    age = "public, max-age=31536000, immutable" if is_this else "no-cache"
    return Response(found.content, media_type=found.type, headers={"Cache-Control": age})


def set_up(app: FastAPI) -> None:
    """What the pages need of the application beside their routes."""
    app.state.problem_page = problem_page
    app.state.previews = Previews(app.state.service.folder)
