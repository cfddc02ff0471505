"""Results -> one HTML page that needs nothing else: no script, no network, no second file.

A reader meets what can be trusted before the figures, the figures before the pictures, and under every picture what it
is and how to read it. Whatever the results lack is said, and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhenwei.evaluation import sheet
from zhenwei.evaluation.controls import controls
from zhenwei.evaluation.pictures import of_ladder, of_set
from zhenwei.evaluation.results import Figures, FileResult, Finding, Results, Step
from zhenwei.evaluation.sheet import Markup, bar, count, element, foreign, join, numbers, section
from zhenwei.fusion.wording import signed

MOST_FILES = 1000
MOST_SETS_WITH_PICTURES = 24
_LEVELS = ("video", "track", "frame")  # the first that a set has is its headline
_DOMAINS = {"in": "in-domain", "out": "out of domain"}


@dataclass(frozen=True, slots=True)
class _Set:
    """A set at its headline level: its figures, and its files as they are (no step of the ladder, no part)."""

    figures: Figures
    files: tuple[FileResult, ...]
    number: int

    @property
    def anchor(self) -> str:
        return f"set-{self.number}"

    @property
    def is_drawn(self) -> bool:
        return self.number <= MOST_SETS_WITH_PICTURES


def to_html(results: Results) -> str:
    """The page, UTF-8 text to be written as it is; the same results give the same bytes.

    Raises :class:`MissingExtraError` where matplotlib, of the extra ``report``, is not installed.
    """
    sets = _sets(results)
    return sheet.page(
        f"{results.subject} · {results.protocol} · zhenwei",
        "Evaluation",
        _headline(results, sets),
        _trust(results, sets),
        _cards(sets),
        *(_pictures(s) for s in sets if s.is_drawn),
        _undrawn(sets),
        _slices(results),
        _ladder(results.ladder),
        _files(results.files),
        _origin(results),
    )


def _sets(results: Results) -> list[_Set]:
    whole = [f for f in results.figures if not f.slice]
    names = dict.fromkeys(f.name for f in whole)
    chosen = [min((f for f in whole if f.name == n), key=lambda f: _LEVELS.index(f.level)) for n in names]
    plain = [f for f in results.files if not f.delivery]
    files = (tuple(r for r in plain if r.set == f.name and r.level == f.level) for f in chosen)
    return [_Set(f, r, i) for i, (f, r) in enumerate(zip(chosen, files, strict=True), 1)]


def _headline(results: Results, sets: Sequence[_Set]) -> Markup:
    genuine, forged = sum(s.figures.genuine for s in sets), sum(s.figures.forged for s in sets)
    facts = [
        f"{count(genuine + forged, 'file')} ({genuine:,} genuine, {forged:,} forged)",
        count(len(sets), "set"),
        results.created[:10],
    ]
    weights = [join([foreign(k), " ", element("code", v[:12])]) for k, v in sorted(results.weights.items())]
    return join(
        [
            element("h1", "How well does ", _subject(results.subject), " tell forged from genuine?"),
            element("p", join(map(sheet.text, facts), " · "), class_="quiet"),
            element("p", sheet.text(results.protocol_text), class_="lead") if results.protocol_text else "",
            _summary(sets),
            element("p", "Weights (SHA-256): ", join(weights, " · "), class_="quiet") if weights else "",
        ]
    )


def _subject(subject: str) -> str:
    return "zhenwei as a whole" if subject == "fused" else foreign(subject)


def _summary(sets: Sequence[_Set]) -> str:
    """The weakest set first: it is what a reader will meet."""
    known = [(s.figures.auc.value, s) for s in sets if s.figures.auc]
    if not known:
        return element("p", "No set here holds both genuine and forged files, so that there is no AUC.")
    value, weakest = min(known, key=lambda pair: pair[0])
    name = foreign(weakest.figures.name)
    if len(known) == 1:
        return element(
            "p", f"Shown one forged and one genuine file, it ranks them rightly in {value:.0%} of pairs (", name, ")."
        )
    best = max(v for v, _ in known)
    ranks = f"Shown one forged and one genuine file, it ranks them rightly in {value:.0%} to {best:.0%} of pairs"
    return element("p", f"{ranks}, depending on where the files come from. Weakest: ", name, ".")


def _trust(results: Results, sets: Sequence[_Set]) -> Markup:
    told = " ".join(f.check for f in results.findings).lower()
    findings = (*results.findings, *(f for f in controls([s.figures for s in sets]) if f.check not in told))
    broken = sum(not f.ok for f in findings)
    if broken:
        lead = (
            f"{broken} of {count(len(findings), 'check')} found something: figures below may look better than they are."
        )
        tone = "bad"
    elif findings:
        lead = f"{count(len(findings), 'check')} found nothing wrong. That rules out these faults, not every fault."
        tone = "good"
    else:
        lead, tone = (
            "No checks are recorded in these results: nothing here guards against figures that are too good.",
            "open",
        )
    ordered = sorted(findings, key=lambda f: f.ok)
    checks = element("ul", *map(_finding, ordered), class_="checks") if findings else ""
    body = element(
        "section",
        element("h2", "What can I trust here?"),
        element("p", lead, class_="lead"),
        checks,
        class_=f"box {tone}",
    )
    return join([body, _controls(sets)])


def _finding(f: Finding) -> Markup:
    sign = element("span", "✓" if f.ok else "✗", class_="sign", role="img", aria_label="passed" if f.ok else "found")
    cases = [element("li", foreign(c)) for c in f.cases[:50]]
    if len(f.cases) > 50:
        cases.append(element("li", f"and {len(f.cases) - 50:,} more"))
    shown = sheet.details(count(len(f.cases), "case"), element("ul", *cases)) if cases else ""
    tone = "good" if f.ok else "bad"
    return element("li", sign, element("b", foreign(f.check)), element("p", sheet.text(f.text)), shown, class_=tone)


def _controls(sets: Sequence[_Set]) -> str:
    rows = [
        (foreign(f.name), *(bar(v, chance=0.5) for v in (f.auc, f.metadata_auc, f.random_label_auc)))
        for f in (s.figures for s in sets)
    ]
    if not rows:
        return ""
    caption = (
        "Each AUC beside its two controls, from 0 to 1; the dashed mark is guessing, 0.5. “Without pixels” is a "
        "classifier that sees only how a file was saved: the nearer it comes to the AUC, the less the AUC proves. "
        "“Shuffled labels” must lie on the mark."
    )
    return sheet.table(caption, ("Set", "AUC", "Without pixels", "Shuffled labels"), rows)


def _cards(sets: Sequence[_Set]) -> str:
    if not sets:
        return section("The sets", element("p", "These results hold no set."))
    legend = (
        "AUC: how often a forged file scores above a genuine one; 0.5 is guessing, 1 is perfect. Ranges hold the truth "
        "with 95% confidence. In-domain sets come from sources that were trained on (other people or pictures of "
        "them); what you meet in the wild is out of domain."
    )
    return section("The sets", element("p", legend, class_="quiet"), element("div", *map(_card, sets), class_="cards"))


def _card(s: _Set) -> Markup:
    f = s.figures
    big = join([f"{f.auc.value:.3f} ", element("small", f"AUC, {f.auc.low:.3f} – {f.auc.high:.3f}")]) if f.auc else None
    only = "forged" if f.forged else "genuine" if f.genuine else "no"
    rates = [
        (name, numbers(v, percent=True))
        for name, v in (
            ("False alarms", f.false_alarms),
            ("Forged found", f.found),
            ("Forged missed", f.missed),
            ("Answered", f.coverage),
        )
        if v is not None
    ]
    mass = f"{f.genuine:,} genuine, {f.forged:,} forged, {count(f.groups, 'independent group')}"
    level = "" if f.level == "video" else f" · each {'person' if f.level == 'track' else 'frame'} for itself"
    return element(
        "article",
        element("h3", element("a", foreign(f.name), href=f"#{s.anchor}") if s.is_drawn else foreign(f.name)),
        element("span", _DOMAINS[f.domain], class_=f"tag {f.domain}"),
        element("p", big or join(["— ", element("small", f"no AUC: {only} files only")]), class_="big"),
        sheet.facts(rates),
        element("p", mass + level, class_="quiet"),
        class_="card",
    )


def _pictures(s: _Set) -> Markup:
    figures = of_set(s.anchor, s.files)
    more = [
        (name, numbers(v, digits=digits, percent=percent))
        for name, v, digits, percent in (
            ("Equal error rate", s.figures.eer, 3, True),
            ("Average precision", s.figures.average_precision, 3, False),
            ("Found at 1% false alarms", s.figures.tpr_at_1, 3, True),
            ("Found at 5% false alarms", s.figures.tpr_at_5, 3, True),
            ("Calibration error (ECE)", s.figures.ece, 3, False),
            ("Cost of the LLRs, C_llr (1 = saying nothing)", s.figures.c_llr, 3, False),
            ("of which discrimination, min C_llr", s.figures.min_c_llr, 3, False),
            ("Mean risk over all coverages (AURC)", s.figures.aurc, 3, False),
            ("Log loss, nats", s.figures.log_loss, 3, False),
            ("Brier score", s.figures.brier, 3, False),
            ("Genuine called genuine", s.figures.called_genuine, 3, True),
        )
        if v is not None
    ]
    shown = element("div", *figures, class_="charts")
    numbers_ = sheet.details("More figures of this set", sheet.facts(more)) if more else ""
    return element("section", element("h2", foreign(s.figures.name)), shown, numbers_, id_=s.anchor)


def _undrawn(sets: Sequence[_Set]) -> str:
    left = sum(not s.is_drawn for s in sets)
    return element("p", f"{count(left, 'more set')} without pictures, so that this page opens.") if left else ""


def _slices(results: Results) -> str:
    parts = [f for f in results.figures if f.slice]
    levels = [f for f in results.figures if not f.slice and f.level != "video"]
    kinds = sorted({_kind(f) for f in parts}, key=lambda k: (k != "method", k != "origin", k))
    titles = {"method": "By method of forgery", "origin": "By source of the media"}
    tables = [(titles.get(k, f"By {k}" if k else "Other parts"), [f for f in parts if _kind(f) == k], k) for k in kinds]
    if levels:
        tables.append(("By frame and by person", levels, "level"))
    if not tables:
        return ""
    explained = (
        "Where a whole set looks fine, a part of it may not. A wide interval means few cases; do not rank such rows."
    )
    shown = [x for title, rows, kind in tables for x in (element("h3", foreign(title)), _slice_table(rows, kind))]
    return section("What the sets are made of", element("p", explained), *shown)


def _kind(f: Figures) -> str:
    return f.slice.split(":", 1)[0].strip() if ":" in f.slice else ""


def _slice_table(rows: Sequence[Figures], kind: str) -> Markup:
    heads = (foreign(kind.capitalize() or "Part"), "Set", "Genuine + forged", "AUC", "Forged found", "False alarms")
    caption = "Dots are figures, lines their 95% intervals, from 0 to 1; the dashed mark is guessing."
    cells = (
        (
            foreign(f.slice.split(":", 1)[-1].strip() or f.level),
            foreign(f.name),
            f"{f.genuine:,} + {f.forged:,}",
            bar(f.auc, chance=0.5),
            bar(f.found, percent=True),
            bar(f.false_alarms, percent=True),
        )
        for f in rows
    )
    return sheet.table(caption, heads, cells)


def _ladder(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    explained = (
        "The same files after what happens to files on their way: saved again, made smaller, blurred, sent through a "
        "service. A curve that falls tells from which step on an answer is worth less. Bands are 95% intervals."
    )
    heads = ("Step", "Set", "Genuine + forged", "AUC", "AUC lost", "False alarms", "Decision flipped", "Answered")
    rows = (
        (
            foreign(s.step),
            foreign(s.set),
            f"{s.genuine:,} + {s.forged:,}",
            bar(s.auc, chance=0.5),
            numbers(s.auc_lost),
            numbers(s.false_alarms, percent=True),
            numbers(s.flipped, percent=True),
            sheet.share(s.coverage),
        )
        for s in steps
    )
    caption = "“AUC lost” compares the same files before and after; an interval that includes 0 shows no loss."
    return section(
        "After compression and other harm",
        element("p", explained),
        element("div", *of_ladder(steps), class_="charts"),
        sheet.details(f"All {len(steps):,} steps in numbers", sheet.table(caption, heads, rows)),
    )


def _files(files: Sequence[FileResult]) -> str:
    plain = [f for f in files if not f.delivery and not f.part]
    if not plain:
        return ""
    ordered = sorted(plain, key=lambda f: (-wrongness(f), f.set, f.file))
    wrong = sum(f.decision in ("forged", "genuine") and _is_wrong(f) for f in plain)
    silent = sum(f.llr is None for f in plain)
    note = f"{count(wrong, 'file')} of {len(plain):,} got the wrong verdict, {silent:,} got no answer."
    cut = (
        f" The {MOST_FILES:,} worst are shown; all {len(plain):,} are in the results file."
        if len(plain) > MOST_FILES
        else ""
    )
    heads = ("File", "Set", "Truth", "Method", "LLR", "Verdict")
    caption = (
        "Worst errors first. LLR: natural logarithm of how many times likelier the findings are if the file is forged; "
        "above 0 speaks for forged. Files without an answer stand between errors and right answers."
    )
    rows = sheet.table(caption, heads, map(_file, ordered[:MOST_FILES]), class_="files")
    shown = sheet.details(f"Show {count(min(len(plain), MOST_FILES), 'file')}", rows)
    return section("Every file", element("p", note + cut), shown)


def wrongness(f: FileResult) -> float:
    """How firmly the LLR speaks against the truth, in nats; below 0 it speaks for it; 0 without an answer."""
    if f.llr is None:
        return 0.0
    return -f.llr if f.forged else f.llr


def _is_wrong(f: FileResult) -> bool:
    return f.decision != ("forged" if f.forged else "genuine")


def _file(f: FileResult) -> tuple[str, ...]:
    why = element("small", " — ", foreign(f.reason)) if f.reason else ""
    mistaken = f.decision in ("forged", "genuine") and _is_wrong(f)
    said = element("span", foreign(f.decision), class_="wrong" if mistaken else None)
    llr = "—" if f.llr is None else signed(f.llr, 2)
    origin = f.method or f.origin
    return (
        foreign(f.file),
        foreign(f.set),
        "forged" if f.forged else "genuine",
        foreign(origin) if origin else "—",
        element("span", llr, class_="number"),
        join([said, why]),
    )


def _origin(results: Results) -> Markup:
    clips = f"{count(results.frames, 'frame')} sampled from a clip" if results.frames else ""
    plain = [
        ("Protocol", foreign(results.protocol)),
        ("Made", results.created),
        ("Seed", str(results.seed)),
        ("Clips", clips),
    ]
    groups = (
        ("Data", results.data, False),
        ("Weights, SHA-256", results.weights, True),
        ("Versions", results.versions, False),
    )
    shown = [sheet.facts((k, v) for k, v in plain if v)]
    for title, pairs, code in groups:
        if pairs:
            values = [(foreign(k), element("code", v) if code else element("bdi", v)) for k, v in sorted(pairs.items())]
            shown += [element("h3", title), sheet.facts(values)]
    return section("What produced this", *shown)
