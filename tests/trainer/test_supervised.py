"""The loop: resumes to the same weights, learns, leaves frozen layers alone, and never saves a broken state."""

from __future__ import annotations

import csv
import math
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.making import person, tampered, tiny_pack, tiny_recipe
from torch import Tensor, nn

from zhenwei.errors import DataError, UsageError
from zhenwei.nets.face_forgery import FaceForgeryNet, FaceForgeryOutput
from zhenwei.trainer import loop
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.schedule import warmup_cosine
from zhenwei.trainer.scores import scores
from zhenwei.trainer.state import TrainState, begin, frozen
from zhenwei.trainer.supervised import loss_of, to_input, train
from zhenwei.training.cnn import _face_forgery as face_forgery
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.recipe import Recipe

pytestmark = pytest.mark.heavy

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a run left behind. ``losses``: (whole, regional) by step."""

    state: TrainState
    losses: dict[int, tuple[float, float]]
    folder: Path

    @property
    def log(self) -> list[dict[str, str]]:
        with (self.folder / "log.csv").open(encoding="utf-8", newline="") as text:
            return [{k: v for k, v in row.items() if k != "time"} for row in csv.DictReader(text)]


def run(folder: Path, recipe: Recipe | None = None, *, resume: bool = False, **options: int) -> Run:
    losses: dict[int, tuple[float, float]] = {}

    def tell(step: int, figures: dict[str, float]) -> None:
        if "choose" not in figures:
            losses[step] = (figures["whole"], figures["regional"])
        if step == options.get("interrupt_at"):
            raise KeyboardInterrupt

    state = face_forgery.train_network(
        recipe or tiny_recipe(),
        tiny_pack(),
        folder,
        device=CPU,
        tell=tell,
        workers=options.get("workers", 1),
        resume=resume,
        stop_after=options.get("stop_after"),
    )
    return Run(state, losses, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four steps in one go, a check after the second and the last."""
    return run(tmp_path_factory.mktemp("whole"))


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def assert_same_end(ended: Run, whole: Run) -> None:
    assert ended.state.step == whole.state.step == 4
    assert same(ended.state.net.state_dict(), whole.state.net.state_dict())
    assert same(ended.state.average.state_dict(), whole.state.average.state_dict())
    assert all(whole.losses[step] == loss for step, loss in ended.losses.items())
    assert ended.log == whole.log
    best = [torch.load(r.folder / "best.pt", weights_only=True) for r in (ended, whole)]
    assert same(*best)


@pytest.mark.heavy
@pytest.mark.parametrize(("first", "workers"), [(1, 3), (2, 1)])
def test_a_resumed_run_ends_bit_equal_to_an_uninterrupted_one(
    first: int, workers: int, whole: Run, tmp_path: Path
) -> None:
    begun = run(tmp_path, stop_after=first)
    assert begun.state.step == first
    ended = run(tmp_path, resume=True, workers=workers)  # nor does it matter who prepared the batches
    assert_same_end(ended, whole)
    assert sorted(begun.losses | ended.losses) == [1, 2, 3, 4]
    assert begun.losses | ended.losses == whole.losses


def test_ctrl_c_saves_and_the_run_goes_on_as_if_nothing_had_happened(whole: Run, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupt_at=3)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 3
    assert_same_end(run(tmp_path, resume=True), whole)


def test_what_is_checked_is_written_down(whole: Run) -> None:
    assert [row["step"] for row in whole.log] == ["2", "4"]
    first = [whole.losses[1], whole.losses[2]]
    assert float(whole.log[0]["whole"]) == pytest.approx(np.mean([w for w, _ in first]), rel=1e-5)
    assert float(whole.log[0]["regional"]) == pytest.approx(np.mean([r for _, r in first]), rel=1e-5)
    best = max(float(row["choose"]) for row in whole.log)
    assert whole.state.best == pytest.approx(best, rel=1e-5)
    assert (whole.folder / "recipe.json").is_file()
    assert not list(whole.folder.glob("*.partial"))


def test_a_folder_with_a_run_is_not_overwritten(whole: Run) -> None:
    before = {p.name: p.read_bytes() for p in whole.folder.iterdir()}
    with pytest.raises(DataError, match="--resume"):
        run(whole.folder, tiny_recipe(seed=99))
    assert {p.name: p.read_bytes() for p in whole.folder.iterdir()} == before


def test_a_recipe_that_was_changed_on_the_way_stays_on_record(tmp_path: Path) -> None:
    run(tmp_path, stop_after=1)
    harder = tiny_recipe(augmentation={"jpeg_quality": (30, 60)})
    run(tmp_path, harder, resume=True, stop_after=1)
    records = [(tmp_path / name).read_text() for name in ("recipe-until-1.json", "recipe.json")]
    assert [Recipe.model_validate_json(text) for text in records] == [tiny_recipe(), harder]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_checkpoint_that_is_none_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is None:
        torch.save({"net": {"another": torch.zeros(1)}}, tmp_path / "last.pt")
    else:
        (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(DataError, match="no checkpoint of this network"):
        run(tmp_path, resume=True)


def test_a_checkpoint_from_before_sums_were_kept_still_resumes(tmp_path: Path) -> None:
    run(tmp_path, stop_after=2)
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    del saved["sums"]
    torch.save(saved, tmp_path / "last.pt")
    assert run(tmp_path, resume=True).state.step == 4


class Planted(BatchMaker):
    """Every batch is this one."""

    __slots__ = ("batch",)
    batch: Batch

    def __getitem__(self, step: int) -> Batch:
        return self.batch


def planted(batch: Batch, recipe: Recipe) -> Planted:
    maker = Planted(tiny_pack(), split_pack(tiny_pack(), recipe), recipe)
    object.__setattr__(maker, "batch", batch)
    return maker


def two_classes(pairs: int = 3) -> Batch:
    """Black is genuine, light grey is forged."""
    forged = np.tile(np.array([0, 1], np.float32), pairs)
    pixels = np.broadcast_to((forged * 200).astype(np.uint8)[:, None, None, None], (2 * pairs, 64, 64, 3)).copy()
    mask = np.broadcast_to(forged[:, None, None], (2 * pairs, 2, 2)).copy()
    return Batch(pixels, forged, mask, np.ones(2 * pairs, np.float32))


def fresh(recipe: Recipe) -> TrainState:
    torch.manual_seed(0)
    return begin(FaceForgeryNet(recipe.backbone), recipe.optimiser, CPU)


def no_check(net: nn.Module) -> dict[str, float]:
    return {"choose": 0.5}


def test_the_loss_falls_on_what_is_easily_told_apart(tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 10, "warmup_steps": 0, "check_every": 10, "frozen_stages": 0})
    losses: list[float] = []
    train(
        fresh(recipe),
        planted(two_classes(), recipe),
        tmp_path,
        check=no_check,
        tell=lambda _, figures: losses.append(figures["whole"]),
        device=CPU,
    )
    assert losses[0] == pytest.approx(math.log(2), abs=0.15)  # it begins undecided
    assert min(losses[7:10]) < 0.6 * losses[0]


def test_a_loss_that_is_no_number_ends_the_run_and_saves_nothing(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    state, maker = fresh(recipe), planted(two_classes(), recipe)
    train(state, maker, tmp_path, check=no_check, tell=lambda *_: None, device=CPU, stop_after=1)
    good = (tmp_path / "last.pt").read_bytes()
    broken = replace_labels(two_classes(), math.nan)
    with pytest.raises(DataError, match="no longer a number"):
        train(state, planted(broken, recipe), tmp_path, check=no_check, tell=lambda *_: None, device=CPU)
    assert (tmp_path / "last.pt").read_bytes() == good


def replace_labels(batch: Batch, value: float) -> Batch:
    return replace(batch, forged=np.full_like(batch.forged, value))


@pytest.fixture
def usual_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_interrupts")
def test_ctrl_c_within_a_step_waits_for_its_end(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    maker = planted(two_classes(), recipe)
    told: list[int] = []
    pressed, calm = fresh(recipe), fresh(recipe)
    hook = pressed.net.register_forward_hook(lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(pressed, maker, tmp_path, check=no_check, tell=lambda step, _: told.append(step), device=CPU)
    hook.remove()
    assert pressed.step == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(calm, maker, tmp_path / "..", check=no_check, tell=lambda *_: None, device=CPU, stop_after=1)
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    assert saved["step"] == 1
    assert same(saved["net"], calm.net.state_dict())
    assert same(saved["average"], calm.average.state_dict())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tensor]:
    recipe, folder = tiny_recipe(optimiser={"steps": 2}), tmp_path_factory.mktemp("undisturbed")
    state = fresh(recipe)
    train(state, planted(two_classes(), recipe), folder, check=no_check, tell=lambda *_: None, device=CPU)
    return state.net.state_dict()


def test_dropout_is_drawn_by_the_step_alone(undisturbed: Mapping[str, Tensor], tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 2})
    state = fresh(recipe)

    def draw(*_: object) -> None:  # as a check of figures might
        torch.rand(3)

    train(state, planted(two_classes(), recipe), tmp_path, check=no_check, tell=draw, device=CPU)
    assert same(state.net.state_dict(), undisturbed)


def test_a_check_that_was_interrupted_is_made_up_for(tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 2})
    maker, state = planted(two_classes(), recipe), fresh(recipe)

    def interrupted(net: nn.Module) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(state, maker, tmp_path, check=interrupted, tell=lambda *_: None, device=CPU)
    assert not (tmp_path / "best.pt").exists()
    again = fresh(recipe)
    again.restore(tmp_path / "last.pt")
    train(again, maker, tmp_path, check=no_check, tell=lambda *_: None, device=CPU)
    assert (tmp_path / "best.pt").is_file()
    ended = Run(again, {}, tmp_path)
    assert [row["step"] for row in ended.log] == ["2"]
    assert 0.01 < float(ended.log[0]["whole"]) < 2


@pytest.mark.parametrize("decay", [0.9, 0.5])
def test_the_average_is_the_running_mean_of_the_weights(decay: float, tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 3, "check_every": 3, "ema_decay": decay})
    state = fresh(recipe)
    by_hand = {k: v.double() for k, v in state.net.state_dict().items()}

    def follow(step: int, figures: dict[str, float]) -> None:
        if "choose" in figures:
            return
        share = min(decay, (1 + step) / (10 + step))  # short runs forget the beginning sooner
        for key, value in state.net.state_dict().items():
            by_hand[key] = share * by_hand[key] + (1 - share) * value.double()

    train(state, planted(two_classes(), recipe), tmp_path, check=no_check, tell=follow, device=CPU)
    for key, value in state.average.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert int(value) == int(state.net.state_dict()[key])
        else:
            assert torch.allclose(value.double(), by_hand[key], atol=1e-6), key
    assert not state.average.training
    assert not same(state.average.state_dict(), state.net.state_dict())


@pytest.mark.parametrize("stages", [0, 2, 7])
def test_frozen_layers_stay_bit_equal_and_all_others_move(stages: int, tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 2, "frozen_stages": stages, "learning_rate": 1e-2})
    state = fresh(recipe)
    before = {k: v.clone() for k, v in state.net.state_dict().items()}
    both = two_classes(2)
    odd = Batch(both.pixels[:3], both.forged[:3], both.mask[:3], both.masked[:3])  # in balance the biases would stay
    train(state, planted(odd, recipe), tmp_path, check=no_check, tell=lambda *_: None, device=CPU)
    kept = ("backbone.stem.", *(f"backbone.stages.{n}." for n in range(stages))) if stages else ("nothing",)
    moved = {k for k, v in state.net.state_dict().items() if not torch.equal(v, before[k])}
    assert {k for k in before if k not in moved} == {k for k in before if k.startswith(kept)}


def test_nothing_is_frozen_where_the_recipe_freezes_nothing() -> None:
    recipe = tiny_recipe(optimiser={"frozen_stages": 0})
    assert frozen(fresh(recipe).net, recipe.optimiser) == []
    assert all(p.requires_grad for p in fresh(recipe).net.parameters())


def test_only_matrices_decay() -> None:
    recipe = tiny_recipe(optimiser={"weight_decay": 0.3})
    decayed, free = fresh(recipe).optimizer.param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"])
    assert all(p.ndim == 1 for p in free["params"])


def test_the_learning_rate_rises_in_a_line_and_falls_in_half_a_cosine() -> None:
    rates = [warmup_cosine(step, 110, 2.0, 10) for step in range(110)]
    assert rates[:10] == pytest.approx(np.linspace(0.2, 2.0, 10))
    turn = np.linspace(0, np.pi, 101)[:100]
    assert rates[10:] == pytest.approx(0.02 + 1.98 * np.cos(turn / 2) ** 2)  # cos² x/2 = (1 + cos x) / 2
    assert warmup_cosine(60, 110, 2.0, 10) == pytest.approx(1.01)
    assert warmup_cosine(110, 110, 2.0, 10) == warmup_cosine(500, 110, 2.0, 10) == pytest.approx(0.02)


class Fixed(nn.Module):
    """Answers the same whatever it is shown."""

    def __init__(self, score: list[float], regions: list[float]) -> None:
        super().__init__()
        self.answer = FaceForgeryOutput(torch.tensor(score), torch.tensor(regions)[:, None, None].expand(-1, 2, 2))

    def forward(self, _: Tensor) -> FaceForgeryOutput:
        return self.answer


def test_the_losses_are_cross_entropies_over_what_is_known() -> None:
    score, regions = [1.0, -2.0, 0.5, 3.0], [0.3, -1.0, 2.0, 0.7]
    batch = two_classes(2)
    batch = Batch(batch.pixels, batch.forged, batch.mask, np.array([1, 1, 1, 0], np.float32))
    options = tiny_recipe(optimiser={"label_smoothing": 0.1}).optimiser
    net = Fixed(score, regions)
    whole, regional = loss_of(net, batch, options, CPU)

    def cost(logit: float, target: float) -> float:
        p = 1 / (1 + math.exp(-logit))
        return -(target * math.log(p) + (1 - target) * math.log(1 - p))

    targets = [0.05, 0.95, 0.05, 0.95]
    assert float(whole) == pytest.approx(np.mean([cost(s, t) for s, t in zip(score, targets, strict=True)]), rel=1e-5)
    known = [cost(r, t) for r, t in zip(regions[:3], [0.0, 1.0, 0.0], strict=True)]
    assert float(regional) == pytest.approx(np.mean(known), rel=1e-5)


def test_pixels_go_in_as_the_detector_feeds_them() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    x = to_input(pixels, CPU)
    assert x.shape == (2, 3, 5, 7)
    assert x[1, 2, 3, 4].item() == pytest.approx((pixels[1, 3, 4, 2] / 255 - 0.5) / 0.5, abs=1e-6)


def test_scores_do_not_hang_on_how_many_are_asked_for_at_once() -> None:
    net = fresh(tiny_recipe()).net
    faces = [np.ascontiguousarray(person(n)[::3, ::3][:64, :64]) for n in range(3)]
    faces += [np.ascontiguousarray(tampered(person(n))[::3, ::3][:64, :64]) for n in range(2)]
    together, alone = scores(net, faces, CPU), scores(net, faces, CPU, batch=2)
    assert together.shape == (5,)
    assert together == pytest.approx(alone, abs=1e-5)


def test_the_weights_at_the_checks_are_averaged_in_equal_shares(tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 4, "check_every": 1, "swa_from": 2})
    state, seen = fresh(recipe), []

    def check(net: nn.Module) -> dict[str, float]:
        seen.append({k: v.clone() for k, v in net.state_dict().items()})
        return {"choose": len(seen) / 10}  # the last one asked is the best

    train(state, planted(two_classes(), recipe), tmp_path, check=check, tell=lambda *_: None, device=CPU)
    assert len(seen) == 5
    for name, value in seen[4].items():
        if value.dtype.is_floating_point:
            assert torch.allclose(value, (seen[1][name] + seen[2][name] + seen[3][name]) / 3, atol=1e-6), name
    assert same(torch.load(tmp_path / "best.pt", weights_only=True), seen[4])
    log = Run(state, {}, tmp_path).log
    assert [(row["step"], row["averaged"]) for row in log] == [
        ("1", "1"),
        ("2", "1"),
        ("3", "1"),
        ("4", "1"),
        ("4", "3"),
    ]
    again = fresh(recipe)
    again.restore(tmp_path / "last.pt")
    assert again.counted == 3
    assert same(again.mean, state.mean)


@pytest.mark.heavy
def test_a_schedule_is_shortened_to_the_time_there_is_and_still_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_FIRST", 3)
    recipe = tiny_recipe(optimiser={"steps": 100_000, "check_every": 50_000, "warmup_steps": 2})
    state = fresh(recipe)
    began = time.monotonic()
    rates: list[float] = []
    train(
        state,
        planted(two_classes(1), recipe),
        tmp_path,
        check=no_check,
        tell=lambda *_: rates.append(state.optimizer.param_groups[0]["lr"]),
        device=CPU,
        deadline=began + 3,
    )
    assert time.monotonic() - began < 60  # all its steps would take many minutes
    assert state.step == state.options.steps == state.shortened < 100_000
    assert [row["step"] for row in Run(state, {}, tmp_path).log] == [str(state.step)]
    assert min(rates[-2:]) < 0.2 * max(rates)
    again = fresh(recipe)
    again.restore(tmp_path / "last.pt")
    assert again.options.steps == state.step  # a resumed run is at its end, too


def test_an_average_that_is_no_number_is_not_kept(tmp_path: Path) -> None:
    recipe = tiny_recipe(optimiser={"steps": 2, "check_every": 2})
    state = fresh(recipe)
    with torch.no_grad():
        next(state.average.parameters()).fill_(math.nan)
    with pytest.raises(DataError, match="average of the weights is no longer a number"):
        train(state, planted(two_classes(), recipe), tmp_path, check=no_check, tell=lambda *_: None, device=CPU)
    assert not list(tmp_path.iterdir())


def test_sharpness_aware_steps_learn_and_are_not_plain_ones(tmp_path: Path) -> None:
    ends = []
    for rho in (0.0, 0.05):
        recipe = tiny_recipe(optimiser={"steps": 3, "check_every": 3, "sam_rho": rho})
        state = fresh(recipe)
        (tmp_path / str(rho)).mkdir()
        train(
            state, planted(two_classes(), recipe), tmp_path / str(rho), check=no_check, tell=lambda *_: None, device=CPU
        )
        ends.append(state.net.state_dict())
    assert not same(*ends)
    assert all(bool(torch.isfinite(v).all()) for v in ends[1].values())


def test_a_network_without_stages_cannot_be_frozen_by_half() -> None:
    with pytest.raises(UsageError, match="no stages to freeze"):
        frozen(nn.Linear(1, 1), tiny_recipe(optimiser={"frozen_stages": 1}).optimiser)
