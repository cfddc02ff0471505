"""``--lang zh`` in the lab and in protection: whole Chinese lines, and no work ends because a line cannot be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from unicodedata import east_asian_width

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from zhenwei.cli import _protect_cloak, every_command, main
from zhenwei.cli.language import without_language
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.stats.estimate import Estimate
from zhenwei.training.cloak import Arm, Cloaked, CloakRow

Read = pytest.CaptureFixture[str]
PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,}\b")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    without_language([], {})  # other tests know of no language that was chosen here


def told(capsys: Read, *words: object, status: int = 0) -> list[str]:
    """The lines of a command in Chinese."""
    ended = main(["--lang", "zh", *map(str, words)])
    said = capsys.readouterr()
    assert ended == status, said
    lines = [line for line in (said.out + said.err).splitlines() if not line.startswith("sha256 ")]
    assert all(_CHINESE.search(line) for line in lines), lines
    assert not any(_ENGLISH.search(line.partition("zhenwei ")[0]) for line in lines), lines
    return lines


def test_a_swap_from_faces_to_a_picture(place: Path, capsys: Read) -> None:
    for name, puppet, seed in (("anna", ANNA, 1), ("bruno", BRUNO, 2)):
        (place / name).mkdir()
        for k, portrait in enumerate(portraits(puppet, 4, 128, seed)):
            Image.fromarray(portrait.pixels).save(place / name / f"{k}.png")
        shared = ("--basis", "synthetic", "--evidence", "drawn", "--scope", "face", "--expires", "never")
        told(capsys, "forge", "consent", "make", name, "--subject", name, *shared, "-o", "c.json")
        lines = told(capsys, "forge", "swap", "prepare", name, "--subject", name, "--size", 32, "-o", f"faces/{name}")
        assert re.fullmatch(rf"faces/{name}：{name} 的人脸 \d 张，32 像素", lines[0])
    rest = ("faces/anna", "faces/bruno", "--consent", "c.json")
    sizes = ("-o", "run", "--width", 8, "--batch", 2, "--held-out", 1, "--check-every", 1)
    cost = told(capsys, "forge", "swap", "train", *rest, *sizes, "--steps", 2, "--dry-run")
    assert "百万参数，在 cpu 上约占" in cost[0]
    ended = told(capsys, "forge", "swap", "train", *rest, *sizes, "--steps", 2)
    assert re.fullmatch("run/last.safetensors：已完成，(仍在改善|连续 1 次检查没有改善)", ended[1])
    assert ended[2].startswith("  第 2 步：留出集 L1 ")
    looked = told(capsys, "forge", "swap", "preview", "run", *rest)
    assert looked[2].startswith("  换脸外观：与目标相似度 ")
    assert looked[3].startswith("  与驱动人脸的关键点偏差：")
    assert "1 次换脸中有" in looked[3]
    swapped = told(capsys, "forge", "swap", "convert", "run", "anna/0.png", "--consent", "c.json", "-o", "out.png")
    assert swapped[0].startswith("out.png：已换脸，标记 ")


def test_consent(place: Path, capsys: Read) -> None:
    (place / "rec").mkdir()
    (place / "rec" / "1.wav").write_bytes(b"1")
    make = ("forge", "consent", "make", "rec", "--subject", "anna", "--scope", "voice", "--basis")
    lines = told(capsys, *make, "written-consent", "--evidence", "signed", "--expires", "never")
    assert lines[0].endswith("consent.json：anna，1 个文件，书面同意，嗓音，无期限")
    assert told(capsys, "forge", "consent", "check", "consent.json") == ["anna：1 个文件，书面同意，嗓音，无期限"]
    told(capsys, *make, "self", "--expires", "2099-12-31", "--replace")
    assert told(capsys, "forge", "consent", "check", "consent.json")[0].endswith("本人，嗓音，有效期至 2099-12-31")


def test_consent_without_end_is_told_in_one_way_in_english(place: Path, capsys: Read) -> None:
    (place / "rec").mkdir()
    (place / "rec" / "1.wav").write_bytes(b"1")
    make = ["forge", "consent", "make", "rec", "--subject", "anna", "--scope", "voice", "--basis", "self"]
    assert main([*make, "--expires", "never"]) == 0
    assert "anna, 1 file, self, voice, without end" in capsys.readouterr().out
    assert main([*make[:-1], "synthetic", "--expires", "never", "--replace"]) == 2
    assert "this ground needs --evidence" in capsys.readouterr().err


def test_runs_of_gans_and_what_is_sampled(place: Path, capsys: Read) -> None:
    assert told(capsys, "forge", "gan", "train", "--puppets", 32, "--steps", 1, "--batch", 4, "--output", "run") == [
        "run：已完成，共 1 步，样张见 run/samples.png"
    ]
    lines = told(capsys, "forge", "gan", "sample", "--run", "run", "--count", 1, "-o", "one.png")
    assert lines[0].startswith("one.png：1 张人脸，标记 ")
    train = ("forge", "translate", "train", "--puppets", 32, "--steps", 1, "--batch", 1, "--width", 4, "--output")
    assert told(capsys, *train, "other") == ["other：已完成，共 1 步，图片见 other/translations.png"]
    lines = told(capsys, "forge", "translate", "convert", "other", "--puppets", 2, "-o", "two.png")
    assert lines[0].startswith("two.png：2 张图片，a-to-b，标记 ")


def test_the_zoo_stands_in_columns(capsys: Read) -> None:
    assert main(["--lang", "zh", "forge", "gan", "list"]) == 0
    head, _, first, *_ = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", head.strip()) == ["模型", "类型", "像素", "步", "距离", "真实人脸的距离"]
    for column, cell in (("类型", "dcgan "), ("像素", "32 ")):
        assert _wide(head.partition(column)[0]) == _wide(first[: first.index(cell, 10)])


def _wide(text: str) -> int:
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def test_made_voices(capsys: Read) -> None:
    lines = told(capsys, "forge", "voice", "learn", "--made", 24, "--steps", 1, "--output", "run")
    assert re.fullmatch(r"run：已完成，共 1 步，损失 \d\.\d{3}", lines[0])
    lines = told(capsys, "forge", "voice", "convert", "run", "--made", 6, "--to", "high", "-o", "high.wav")
    assert re.match(r"high.wav：\d\.\d 秒，high 的嗓音，标记 ", lines[0])


def test_signing_and_marking(place: Path, capsys: Read) -> None:
    (place / "photo.jpg").write_bytes(PORTRAIT.read_bytes())
    Image.new("RGB", (32, 32)).save(place / "tiny.png")
    signed, *_ = told(capsys, "protect", "sign", "photo.jpg")
    assert "photo.signed.jpg: 已签名，声明“经过编辑”，签名者 zhenwei" in signed
    assert "photo.marked.jpg: 水印 " in told(capsys, "protect", "mark", "photo.jpg")[0]
    assert len(told(capsys, "protect", "sign", "tiny.png")) == 2  # too small for a watermark, which is noted


def test_the_tables_of_a_cloak(capsys: Read) -> None:
    small = Estimate(1.23e-5, 1e-5, 2e-5, 9)
    rows = tuple(CloakRow(name, small, small, small, 0.5) for name in ("as it is", "half the size and back"))
    arms = tuple(
        Arm(name, small, small) for name in ("clean photographs, another seed", "cloaked photographs, JPEG 75")
    )
    made = Cloaked(np.zeros((4, 4, 3), np.uint8), rows, rows, arms, 8)
    without_language(["--lang", "zh"], {})
    _protect_cloak._show(Console(width=100), made, Path("x.png"))
    said = capsys.readouterr().out
    assert "1.2e-05, 1.2e-05" in said
    for name in ("原样", "缩小一半再放大", "干净的照片，另一种子", "加了扰动的照片，JPEG 75"):
        assert f"│ {name} " in said
    assert not _ENGLISH.search(said.partition("zhenwei ")[0])


@pytest.mark.parametrize(
    ("words", "status", "wanted"),
    [
        ("forge translate convert run x.png -o y.png", 2, "转换人脸须有同意书"),
        ("forge voice learn a b --subject-a a --subject-b b -o r", 2, "学习和使用嗓音须有同意书"),
        ("forge gan sample -o x.bmp", 2, "应为：.png, .jpg, .jpeg"),
        ("forge gan train --puppets 40 --augment ada -o r", 2, "增强方式 ada 用于 stylegan，不用于 dcgan"),
        ("forge voice speak nodir -o x.wav", 1, "得到：没有这个文件或文件夹"),
        ("forge gan sample --model dcgan-64-0 --truncation 0.5 -o x.png", 2, "没有样式的生成器"),
        ("forge consent make . --subject a --basis synthetic --scope face --expires never", 2, "此依据须有 --evidence"),
        ("forge consent make . --subject a --scope face --expires never", 2, "缺少选项 --basis。"),
        ("forge gan train --puppets 40", 2, "缺少选项 --output / -o。"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_language(place: Path, words: str, status: int, wanted: str, capsys: Read) -> None:
    if "translate" in words:
        told(
            capsys,
            "forge",
            "translate",
            "train",
            "--puppets",
            32,
            "--steps",
            1,
            "--batch",
            1,
            "--width",
            4,
            "-o",
            "run",
        )
    (place / "a").mkdir(exist_ok=True)
    (place / "b").mkdir(exist_ok=True)
    assert wanted in " ".join(told(capsys, *words.split(), status=status))


def test_help_names_options_commands_and_what_is_required_in_chinese(capsys: Read) -> None:
    for command in every_command():
        assert main(["--lang", "zh", *command.path, "--help"]) == 0
        said = capsys.readouterr().out
        for word in ("Required", "[OPTIONS]", " COMMAND\n"):
            assert word not in said, command.path
