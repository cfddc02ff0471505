"""What reading had to guess, drop, cut or leave out, in the same words whatever the format.

Every reader of this room collects its notes in a :class:`Notes`. A note is a clause without a capital or a full stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zhenwei.types import Media, Text


@dataclass(slots=True)
class Notes:
    """Collects notes in the order in which they come up, each once; and counts what decoding lost.

    ``lost_frames``, ``lost_audio``: packets of picture and sound that could not be decoded, among those tried.
    ``gaps_s``: seconds between sounds that follow each other in the file; ``closed_s``: those that were not filled.
    """

    notes: list[str] = field(default_factory=list)
    lost_frames: int = 0
    lost_audio: int = 0
    gaps_s: float = 0.0
    closed_s: float = 0.0

    def say(self, *notes: str) -> None:
        self.notes.extend(note for note in notes if note not in self.notes)

    def onto(self, media: Media) -> Media:
        """``media`` with these notes after its own."""
        all_notes = [*self.notes, *_lost(self.lost_frames, self.lost_audio), *_missing(self.gaps_s, self.closed_s)]
        return replace(media, notes=tuple(dict.fromkeys((*media.notes, *all_notes))))


def _lost(frames: int, audio: int) -> list[Text]:
    notes = []
    if frames:
        some = "1 damaged frame was" if frames == 1 else f"{frames:,} damaged frames were"
        notes.append(Text(f"{some} left out", zh=f"略去了 {frames:,} 个损坏的视频帧"))
    if audio:
        some = "1 damaged packet" if audio == 1 else f"{audio:,} damaged packets"
        notes.append(Text(f"{some} of sound left out", zh=f"略去了 {audio:,} 个损坏的声音数据包"))
    return notes


def _missing(gaps_s: float, closed_s: float) -> list[Text]:
    notes = []
    if round(gaps_s, 1) > 0:
        en = f"{gaps_s:.1f} s of sound are missing in between: silence was put in their place"
        notes.append(Text(en, zh=f"中间缺少 {gaps_s:.1f} 秒声音：已用静音填补"))
    if round(closed_s, 1) > 0:
        en = f"its sound leaps by {closed_s:,.1f} s, too far to fill: sound after that is told at too early times"
        notes.append(Text(en, zh=f"声音的时间跳跃了 {closed_s:,.1f} 秒，过长而未填补：此后声音所标的时间偏早"))
    return notes


def cover(count: int) -> Text:
    en = "a cover picture in the file was not examined: save it as a file of its own to examine it"
    if count > 1:
        en = f"{count} cover or preview pictures in the file were not examined: save them as files to examine them"
    return Text(en, zh="未检查文件中的封面或预览图片：如需检查，请将其另存为图片文件")


def cut_short(end_s: float, declared_s: float | None) -> Text:
    """The file breaks off after ``end_s``; ``declared_s``: how long it says that it is, if it does."""
    more = declared_s is not None and round(declared_s, 1) > round(end_s, 1)
    en = f"cut short: the file ends after {end_s:.1f} s"
    zh = f"文件不完整：在 {end_s:.1f} 秒处中断"
    if not more:
        return Text(en, zh=zh)
    return Text(f"{en}, it tells of {declared_s:.1f} s", zh=f"{zh}，而文件声称有 {declared_s:.1f} 秒")


def not_marked_complete(end_s: float) -> Text:
    """Its last part is not marked as the last, as a stream that was cut, or recorded as it went out, is not."""
    en = f"perhaps cut short: the file ends after {end_s:.1f} s without the mark that ends one"
    return Text(en, zh=f"文件可能不完整：在 {end_s:.1f} 秒处结束，没有结束标记")


NO_LENGTH = Text(
    "its header gives no length of the sound: everything up to the end was read",
    zh="文件头没有给出声音的长度：已读到文件末尾",
)


def left_behind(size_bytes: int) -> Text:
    return Text(
        f"{size_bytes:,} bytes behind the sound that its header tells of were left out",
        zh=f"文件头所述声音之后还有 {size_bytes:,} 字节，未读取",
    )


def rate_assumed(rate: float) -> Text:
    return Text(
        f"it does not say how many frames a second it shows: {rate:g} were assumed, so its times are a guess",
        zh=f"文件没有说明帧率：按每秒 {rate:g} 帧处理，因此时间只是估计",
    )


def late_start(frames: int) -> Text:
    some = "1 frame" if frames == 1 else f"{frames:,} frames"
    return Text(
        f"it begins in the middle: {some} before the first key frame cannot be decoded and were left out",
        zh=f"文件从中间开始：第一个关键帧之前的 {frames:,} 帧无法解码，已略去",
    )


def mid_packet(size_bytes: int) -> Text:
    return Text(
        f"it begins in the middle of a packet or frame: the first {size_bytes:,} bytes were left out",
        zh=f"文件从数据包或帧的中间开始：略去了开头的 {size_bytes:,} 字节",
    )


def tone_mapped(curve: str) -> Text:
    return Text(
        f"high dynamic range ({curve}): brought to standard range by the curve of ITU-R BT.2390, 1000 to 203 cd/m²",
        zh=f"高动态范围（{curve}）：已按 ITU-R BT.2390 的曲线由 1000 cd/m² 映射到 203 cd/m² 的标准动态范围",
    )


def gamut_mapped(primaries: str) -> Text:
    return Text(
        f"wide colours ({primaries}) were brought to those of BT.709, clipped where they lie outside",
        zh=f"广色域（{primaries}）已转换为 BT.709，超出部分被截断",
    )


def reduced_to_8_bits(bits: int) -> Text:
    return Text(f"samples of {bits} bits were reduced to 8", zh=f"{bits} 位样本已降为 8 位")


def squared(ratio: str, stored: tuple[int, int], shown: tuple[int, int]) -> Text:
    have, made = f"{stored[0]} x {stored[1]}", f"{shown[0]} x {shown[1]}"
    return Text(
        f"its pixels are not square ({ratio}): {have} were resampled to {made}",
        zh=f"像素不是正方形（{ratio}）：{have} 已重采样为 {made}",
    )


def absurd_ratio(ratio: str) -> Text:
    return Text(f"a pixel ratio of {ratio} makes no sense and was not applied", zh=f"像素宽高比 {ratio} 不合理，未应用")


OVER_GREY = Text("transparent parts are laid over mid-grey", zh="透明部分以中灰色为底")


def other_images(count: int, chosen: int) -> Text:
    return Text(
        f"it holds {count} video tracks: only number {chosen}, the largest, was examined",
        zh=f"文件有 {count} 条视频轨：只检查了最大的第 {chosen} 条",
    )


def several_tracks(count: int) -> Text:
    return Text(f"it holds {count} sound tracks, of which one is heard", zh=f"文件有 {count} 条音轨，只听取其中一条")


def heard(chosen: int, count: int, why: Text) -> Text:
    """``why``: a clause, such as "where somebody speaks the most"."""
    return Text(
        f"of its {count} sound tracks number {chosen} was heard: {why}",
        zh=f"{count} 条音轨中听取了第 {chosen} 条：{why.in_language('zh')}",
    )


SPEAKS_MOST = Text("there somebody speaks the most", zh="其中说话最多")
IS_DEFAULT = Text("it is the one marked to be played, or the first", zh="它是默认（或第一条）音轨")
OTHERS_SILENT = Text("the one marked to be played, or the first, is silent", zh="默认（或第一条）音轨没有声音")
OTHER_DAMAGED = Text("the one marked to be played, or the first, cannot be decoded", zh="默认（或第一条）音轨无法解码")


def unread_tracks(count: int, most: int) -> Text:
    return Text(
        f"of its {count} sound tracks the first {most} were compared", zh=f"共 {count} 条音轨，只比较了前 {most} 条"
    )


def no_decoder(count: int) -> Text:
    some = "1 track" if count == 1 else f"{count} tracks"
    return Text(f"{some} of a codec that is not read here left out", zh=f"略去了 {count} 条无法解码的轨道")
