"""Heads on tokens: what sources differ by is no forgery, and whoever is left out is not learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.nets.face_encoder import Part, Read
from zhenwei.training.encoder._heads import (
    BOTH,
    COLLECTED,
    SELF_MADE,
    Members,
    _by_source,
    _Cell,
    by_medium,
    family_of,
    fit_head,
    samples_of,
)
from zhenwei.training.encoder._tokens import TokenTable, load_table, save_table
from zhenwei.training.install.calibrate import Sample

WIDTH, EACH = 24, 40
READS: tuple[Read, ...] = ((0, "mean"), (1, "class"))


def table(*, trace: float = 2.5, apart: float = 6.0, made: int = 40) -> TokenTable:
    """Three pages with talking heads of methods of their own and genuine faces, two sources of genuine faces alone.

    Forgeries differ along token 0 of the mean; every source along directions of its own, by far more."""
    rng = np.random.default_rng(0)
    rows: list[tuple[str, str, str, np.ndarray]] = []
    names = ("Alpha", "Beta", "Gamma")
    for number, source in enumerate(("a", "b", "c", "d", "e")):
        place = np.zeros(WIDTH)
        place[3 + number] = apart
        for forged in (False, True)[: 1 + (number < 3)]:
            for _ in range(EACH):
                x = rng.normal(size=(2, 2, WIDTH))
                x[0, 1] += place + forged * trace * np.eye(WIDTH)[0]
                rows.append(
                    ("animated" if forged else "", source, f"talkinghead:{names[number]} 1" if forged else "", x)
                )
    for forged in (False, True):
        for _ in range(made):
            x = rng.normal(size=(2, 2, WIDTH))
            x[0, 1] += forged * trace * np.eye(WIDTH)[0]
            rows.append(("made decoded" if forged else "made genuine", "made 1", "", x))
    kinds, sources, methods, tokens = zip(*rows, strict=True)
    medium = np.array([str(number // 2) for number in range(len(rows))])  # two faces of each
    return TokenTable(
        np.array(tokens, np.float16),
        np.array(kinds),
        np.array(sources),
        np.array(methods),
        medium,
        medium,
        np.full(len(rows), 90, np.float32),
        np.full(len(rows), "train"),
        np.array(sources),
    )


def blended() -> TokenTable:
    plain = table()
    return replace(plain, kind=np.where(plain.kind == "animated", "blended", plain.kind))


def joined(one: TokenTable, other: TokenTable) -> TokenTable:
    columns = {name: getattr(one, name) for name in TokenTable.__dataclass_fields__}
    return TokenTable(**{name: np.concatenate([x, getattr(other, name)]) for name, x in columns.items()})


def altered_of(plain: TokenTable, way: str, *origins: str, moved: float = 0.0) -> TokenTable:
    """The genuine faces of ``origins`` once more, as a source of its own, moved along the trace of forgeries."""
    rows = np.isin(plain.source, origins) & (plain.kind == "")
    columns = {name: getattr(plain, name)[rows] for name in TokenTable.__dataclass_fields__}
    tokens = columns["tokens"].copy()
    tokens[:, 0, 1, 0] += moved
    made = {"tokens": tokens, "kind": np.full(rows.sum(), "made altered"), "source": np.full(rows.sum(), way)}
    medium = np.char.add(f"{way} ", columns["medium"])
    return TokenTable(**{**columns, **made, "medium": medium, "group": medium})


@pytest.mark.parametrize("learned", [SELF_MADE, BOTH, COLLECTED])
def test_sources_that_were_left_out_are_told_apart(learned: str) -> None:
    head = fit_head(table(), "animated", (READS,), learned)
    assert set(head.by_source) == {"a", "b", "c"}
    assert min(head.by_source.values()) > 0.85
    assert head.figure == pytest.approx((np.mean(list(head.by_source.values())) + min(head.by_source.values())) / 2)


def test_where_forgeries_do_not_differ_sources_alone_tell_nothing() -> None:
    head = fit_head(table(trace=0.0), "animated", (READS,), COLLECTED)
    assert 0.3 < np.mean(list(head.by_source.values())) < 0.7


def test_a_source_that_is_left_out_is_not_learned_from() -> None:
    """Whatever its labels: turned round, its own scores stay."""
    plain = table()
    kind = plain.kind.copy()
    mine = plain.source == "a"
    kind[mine] = np.where(kind[mine] == "", "animated", "")
    turned = replace(plain, kind=kind)
    scores = []
    for one in (plain, turned):
        head = fit_head(one, "animated", (READS,), COLLECTED)
        scores.append([s.score for s in head.samples if s.source == "a"])
    assert np.allclose(scores[0], scores[1], atol=2e-2)  # but for the standardisation, which is of everybody


def test_what_is_set_aside_for_testing_is_asked_and_not_learned_from() -> None:
    plain = table()
    aside = (plain.source == "b") & (np.arange(len(plain.kind)) % 4 < 2)
    wrong = np.where(aside & (plain.kind == ""), "animated", np.where(aside, "", plain.kind))
    split = np.where(aside, "val", plain.split)
    one = fit_head(replace(plain, split=split), "animated", (READS,), COLLECTED)
    other = fit_head(replace(plain, split=split, kind=wrong), "animated", (READS,), COLLECTED)
    assert np.array_equal(one.weight, other.weight)
    assert set(one.left_out) == set(plain.medium[plain.collected].tolist())


def test_methods_of_the_same_family_are_left_out_with_a_source() -> None:
    plain = table()
    method = np.array(["talkinghead:Same 2" if m else "" for m in plain.method.tolist()])
    alike = replace(plain, method=method)
    head = fit_head(alike, "animated", (READS,), COLLECTED)
    assert not head.by_source  # nothing is left to learn from


def test_altered_faces_of_a_source_that_is_left_out_are_not_learned_from() -> None:
    """With the origin "a" the scores of "a" are those of heads without them, those of "b" are not."""
    plain = blended()
    lot = joined(plain, altered_of(plain, "way", "a", moved=8.0))

    def ranks(data: TokenTable, source: str) -> float:
        head = fit_head(data, "blended", (READS,), COLLECTED)
        assert set(head.left_out) == set(plain.medium[plain.collected].tolist())  # nothing else is measured on
        mine = [(s.score, s.forged) for s in head.samples if s.source == source]
        return float(np.corrcoef(np.array(mine, float).T)[0, 1])

    nobody = replace(lot, split=np.where(lot.source == "way", "val", lot.split))  # standardised alike, not learned from
    nobodys = replace(lot, origin=np.where(lot.source == "way", "way", lot.origin))
    assert ranks(lot, "a") == pytest.approx(ranks(nobody, "a"), abs=1e-6)
    assert ranks(nobodys, "a") < ranks(nobody, "a") - 0.05
    assert ranks(lot, "b") < ranks(nobody, "b") - 0.05


@pytest.mark.parametrize("kind", ["blended", "animated"])
def test_a_way_of_altering_is_no_trace_of_forgeries(kind: str) -> None:
    """Faces that were moved as forgeries are: the head no longer calls them forged, at a price."""
    plain = blended() if kind == "blended" else table()
    way = altered_of(plain, "way", "d", "e", moved=2.5)
    x = way.read(READS)
    shares = []
    for data in (plain, joined(plain, way)):
        head = fit_head(data, kind, (READS,), COLLECTED)
        genuine = data.read(READS)[data.kind == ""] @ head.weight.ravel() + head.bias
        shares.append(np.mean(x @ head.weight.ravel() + head.bias > np.quantile(genuine, 0.95)))
    assert shares[1] < shares[0] - 0.1


def test_clips_are_measured_beside_clips() -> None:
    """Genuine pictures that look more forged than any clip: what a head is chosen by does not see them, unless forged
    pictures stand beside them."""

    def sample(number: int, source: str, score: float, *, forged: bool) -> Sample:
        return Sample(score=score, forged=forged, number=number, group=f"{source} {number}", source=source)

    clips = [sample(k, "page", 1.0 + k, forged=True) for k in range(4)]
    clips += [sample(4 + k, "streams", 0.5 + k, forged=False) for k in range(4)]
    pictures = [sample(8 + k, "photographs", 9.0, forged=False) for k in range(4)]
    found = _by_source((*clips, *pictures), range(8))
    assert found == {"page": pytest.approx(10 / 16)}
    assert _by_source((*clips, *pictures), ()) == {"page": pytest.approx((10 / 16 + 0) / 2)}
    forged = [sample(12 + k, "page", 10.0, forged=True) for k in range(4)]
    assert _by_source((*clips, *pictures, *forged), range(8)) == {"page": pytest.approx((10 / 16 + 1) / 2)}


def test_the_parts_of_a_source_are_one() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 5)).astype(np.float32) + 3
    cells = []
    for rows in (x[:7], x[7:8], x[8:]):
        spread = np.cov(rows.T).astype(np.float32) if len(rows) > 1 else np.zeros((5, 5), np.float32)
        cells.append(_Cell("way", "a", "", forged=False, count=len(rows), mean=rows.mean(0), spread=spread))
    whole = cells[0].merged(cells[1]).merged(cells[2])
    assert whole.count == 60
    assert np.allclose(whole.mean, x.mean(0), atol=1e-5)
    assert np.allclose(whole.spread, np.cov(x.T), atol=1e-4)


def test_weights_are_folded() -> None:
    data = table()
    head = fit_head(data, "animated", (READS,), BOTH)
    straight = data.read(READS) @ head.weight.ravel() + head.bias
    forged, genuine = straight[data.kind == "animated"], straight[data.kind == ""]
    assert forged.mean() > genuine.mean() + 0.5
    assert head.weight.shape == (2, WIDTH)


def test_one_sample_of_each_medium_by_the_mean_of_its_faces() -> None:
    data = table()
    scores = np.arange(len(data.kind), dtype=np.float64)
    scores[:2] = np.nan
    samples = samples_of(data, "animated", by_medium(data, scores))
    wanted = np.isin(data.kind, ("", "animated"))
    assert len(samples) == wanted.sum() // 2 - 1
    assert samples[0].score == 2.5
    assert samples[0].face_px == 90
    assert len({sample.number for sample in samples}) == len(samples)


def test_a_head_of_several_is_the_mean_of_each_alone() -> None:
    data = table()
    members: Members = (READS, ((1, "class"),), ((0, "mean"),))
    together = fit_head(data, "animated", members, COLLECTED)
    alone = [fit_head(data, "animated", (member,), COLLECTED) for member in members]
    assert together.reads == READS  # each once
    wanted = np.zeros_like(together.weight)
    for head in alone:
        for read, weight in zip(head.reads, head.weight, strict=True):
            wanted[together.reads.index(read)] += weight / 3
    assert np.allclose(together.weight, wanted, atol=1e-5)
    assert together.bias == pytest.approx(np.mean([head.bias for head in alone]), abs=1e-4)
    scores = np.mean([[sample.score for sample in head.samples] for head in alone], 0)
    assert np.allclose([sample.score for sample in together.samples], scores, atol=1e-4)  # those left out, too


def test_what_the_face_differs_in_from_its_surroundings_is_read_from_its_own_column() -> None:
    plain = table()
    tokens = np.zeros((len(plain.tokens), 2, 4, WIDTH), np.float16)
    tokens[:, :, :2] = np.random.default_rng(3).normal(size=plain.tokens.shape)
    tokens[:, :, 3] = plain.tokens[:, :, 1]
    data = replace(plain, tokens=tokens)
    parts: tuple[Part, ...] = ("contrast", "mean")
    contrast, mean = (fit_head(data, "animated", (((0, part),),), COLLECTED) for part in parts)
    assert contrast.figure > 0.9
    assert mean.figure < 0.65


def test_nothing_to_learn_from_is_said() -> None:
    data = table(made=0)
    with pytest.raises(DataError, match="no blended faces"):
        fit_head(data, "blended", (READS,), SELF_MADE)


def test_families() -> None:
    assert family_of("talkinghead:SadTalker (on MoCha frame)") == family_of("SadTalker 2") == "sadtalker"
    assert family_of("EchoMimic v2") == family_of("EchoMimic v3 sample") == "echomimic"
    assert family_of("") == ""


def test_a_table_is_kept(tmp_path: object) -> None:
    data, path = table(), tmp_path / "tokens.npz"  # type: ignore[operator]
    save_table(data, path)
    again = load_table(path)
    assert np.array_equal(again.tokens, data.tokens)
    assert again.kind.tolist() == data.kind.tolist()
