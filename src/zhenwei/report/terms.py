"""The words of the report in English and Chinese, and figures put into words.

Sentences that detectors and the fusion write carry their own translation (``zhenwei.types.Text``); here is the rest.
"""

from __future__ import annotations

import math

from zhenwei.fusion.wording import leaning, one_in, ratio
from zhenwei.report.annex_terms import ANNEX
from zhenwei.report.pair_terms import PAIR
from zhenwei.types import Interval, Language, Report, Verdict

PHRASES: dict[str, tuple[str, str]] = {
    "forged": ("Forged", "伪造"),
    "genuine": ("Genuine", "真实"),
    "inconclusive": ("Inconclusive", "无法判定"),
    "unreadable": ("Unreadable", "无法读取"),
    "image": ("picture", "图片"),
    "video": ("video", "视频"),
    "held": ("video of a still picture, judged as the picture", "展示静止图片的视频，按图片判定"),
    "audio": ("sound recording", "录音"),
    "title": ("Examination report", "检验报告"),
    "meaning": ("What this means", "这意味着什么"),
    "next": ("What to do next:", "下一步："),
    "next_forged": (
        "do not pass this {kind} on as genuine; look for the earliest copy, and ask where it came from.",
        "不要将其当作真实{kind}传播；查找最早的版本，并追问来源。",
    ),
    "next_genuine": (
        "still check when and where it was made: a genuine {kind} can carry a false caption.",
        "仍需核实拍摄或录制的时间和地点：真实的{kind}也可能配有虚假说明。",
    ),
    "next_inconclusive": (
        "look for a copy nearer to the original and examine that; until then judge by source and context.",
        "查找更接近原件的版本再作检验；在此之前，请依据来源和背景判断。",
    ),
    "count_answers": ("{answered} with an answer · {silent} abstain", "{answered} 项有结论 · {silent} 项不作判断"),
    "count_suspicious": ("suspicious passages: {count}", "可疑时段：{count}"),
    "contents": ("Contents", "目录"),
    "strongest": ("Strongest exhibits", "最有力的证据"),
    "enlarge": ("Enlarge: {caption}", "放大：{caption}"),
    "close": ("Close", "关闭"),
    "original": ("Original", "原图"),
    "slide": ("Original to map", "原图与叠加图分界"),
    "opacity": ("Strength of the map", "叠加强度"),
    "as_weighed": ("as it weighs", "按证据强度"),
    "whole_map": ("full", "完整"),
    "maps_how": (
        "A map is drawn as strongly as its detector weighs, and grey where that does not speak for a forgery.",
        "叠加图的浓淡与检测器的证据强度成正比；若不支持伪造，则显示为灰色。",
    ),
    "grey_maps": ("Maps that do not speak for a forgery: {count}", "不支持伪造的叠加图：{count} 幅"),
    "grey_map": ("grey: does not speak for a forgery", "灰色：不支持伪造"),
    "over_time": ("Behaviour over time", "随时间的变化"),
    "suspicious": ("Suspicious passages", "可疑时段"),
    "suspicious_none": (
        "No detector that speaks for a forgery stands out at any time.",
        "没有支持伪造的检测器在任何时段表现突出。",
    ),
    "seek": ("Click a curve to play from there.", "点击曲线即可从该处播放。"),
    "more_spots": ("{count} more blind spots", "另有 {count} 项盲区"),
    "declared_nothing": ("nothing about its origin", "未说明来源"),
    "annex": ("Annex", "附录"),
    "one_in": ("{few} in {of}", "{few}/{of}"),
    "not_probability": (
        "This is not the probability that the file is forged: that also depends on how common forgeries are where it "
        "came from, and on everything else you know about it.",
        "这不是“文件为伪造的概率”：后者还取决于其来源中伪造品有多常见，以及您所知的其他一切情况。",
    ),
    "means_inconclusive": (
        "Inconclusive is an answer, not a failure: what could be measured speaks clearly for neither side, or nothing "
        "could be measured. The file may be genuine or forged; this examination does not say.",
        "“无法判定”是一种结论，而不是检验失败：能够测量的内容没有明确支持任何一方，或者没有可测量的内容。"
        "文件可能是真实的，也可能是伪造的；本次检验不作断言。",
    ),
    "scale": ("Strength of the evidence", "证据强度"),
    "scale_genuine": ("for genuine", "支持真实"),
    "scale_neither": ("for neither", "无明显倾向"),
    "scale_forged": ("for forged", "支持伪造"),
    "scale_none": (
        "Nothing could be measured, so there is no mark on the scale.",
        "没有可测量的内容，因此标尺上没有标记。",
    ),
    "scale_alt": (
        "Scale from genuine to forged; the file stands at a log-likelihood ratio of {llr}.",
        "从真实到伪造的标尺；此文件的对数似然比为 {llr}。",
    ),
    "whole_file": ("whole file", "整个文件"),
    "streams": ("Picture and voice", "画面与语音"),
    "streams_how": (
        "Each is judged by itself. The squares show how likely each of the four possibilities is, had all four been "
        "equally likely beforehand; what could not be examined speaks for neither side.",
        "分别判断画面与语音。方格显示在四种情况事先同样可能的前提下，每种情况有多可能；无法检验的部分不偏向任何一方。",
    ),
    "stream_picture": ("Picture", "画面"),
    "stream_voice": ("Voice", "语音"),
    "stream_pairing": ("Belong together", "音画相配"),
    "stream_declared": ("The file itself says", "文件自述"),
    "fault_picture": ("the picture", "画面"),
    "fault_voice": ("the voice", "语音"),
    "fault_pairing": ("picture and sound do not belong together", "音画不相配"),
    "fault_declared": ("by its own statement", "据其自述"),
    "declared": ("What the file declares", "文件的声明"),
    "declared_how": (
        "A file's own statement. A signature shows who made it and that nothing changed since, not that it is true; "
        "what is not signed anybody can have written. What was measured follows below.",
        "以上为文件自身的声明。签名只说明由谁作出且此后未被改动，并不证明属实；未签名的内容任何人都可写入。测量结果见下文。",
    ),
    "stream_nothing": ("nothing can be said", "无法判断"),
    "at_fault_none": ("Neither stands out as forged.", "两者均无明显伪造迹象。"),
    "at_fault_picture": ("If something is forged, it is likelier the picture.", "若有伪造，更可能是画面。"),
    "at_fault_voice": ("If something is forged, it is likelier the voice.", "若有伪造，更可能是语音。"),
    "at_fault_both": ("Both lean towards forged.", "两者均倾向于伪造。"),
    "at_fault_pairing": (
        "If something is forged, it is likelier that one of the two was put to the other.",
        "若有伪造，更可能是其中之一被配给了另一个。",
    ),
    "voice_genuine": ("voice genuine", "语音真实"),
    "voice_forged": ("voice forged", "语音伪造"),
    "picture_genuine": ("picture genuine", "画面真实"),
    "picture_forged": ("picture forged", "画面伪造"),
    "people": ("People", "人物"),
    "people_how": (
        "Each person is judged apart. The verdict on the file follows the most suspicious one, corrected for how many "
        "were looked at.",
        "对每个人分别判断。文件的结论以最可疑的一位为准，并按所检验的人数作了校正。",
    ),
    "person": ("Person {number}", "人物 {number}"),
    "portrait_alt": ("Clearest view of person {number}", "人物 {number} 最清晰的画面"),
    "portrait": ("Clearest view", "最清晰的画面"),
    "attention": (
        "Coloured maps show where a detector looked. Attention is not a forgery map.",
        "彩色图显示检测器关注的位置。注意力图不是伪造区域图。",
    ),
    "seen": ("face found in {faces} frames", "在 {faces} 帧中找到人脸"),
    "from_to": ("{start} to {end}", "{start} 至 {end}"),
    "size": ("face {size} px", "人脸 {size} 像素"),
    "sharpness": ("sharpness {value}", "清晰度 {value}"),
    "brightness": ("brightness {value} %", "亮度 {value}%"),
    "turned": ("turned {value}°", "侧转 {value}°"),
    "left_out": ("{count} more are in the JSON report.", "另有 {count} 项见 JSON 报告。"),
    "curve_alt": (
        "{y_label} against {x_label}: from {low} to {high}, median {middle}.",
        "{y_label}随{x_label}的变化：从 {low} 到 {high}，中位数 {middle}。",
    ),
    "curve_above": ("Above the threshold {share} % of the time.", "有 {share}% 的时间高于阈值。"),
    "points_above": ("{share} % of the points lie above the threshold.", "有 {share}% 的点高于阈值。"),
    "threshold": ("threshold {value}", "阈值 {value}"),
    "exhibits": ("Exhibits on the whole file", "关于整个文件的图示"),
    "evidence": ("Evidence", "证据"),
    "evidence_how": (
        "A log-likelihood ratio (LLR) above zero speaks for forged, below zero for genuine. A detector that cannot "
        "say abstains, and that counts for neither side.",
        "对数似然比（LLR）大于零支持伪造，小于零支持真实。无法判断的检测器不作判断，也不计入任何一方。",
    ),
    "not_counted": ("not counted in the verdict", "不计入结论"),
    "not_counted_how": (
        "A detector is not counted in the verdict where, on media from sources it had never seen, it told forged from "
        "genuine no better than chance, or where it only repeats what others say.",
        "若某检测器在从未见过的来源的媒体上区分真伪不优于随机猜测，或只是重复其他检测器的结论，则不计入结论。",
    ),
    "no_evidence": ("No detector was asked about this file.", "没有检测器检验过此文件。"),
    "silent": ("{count} detectors had no answer", "{count} 个检测器未作答"),
    "unasked": ("Not for a {kind}, and not asked: {names}.", "不适用于{kind}，未询问：{names}。"),
    "not_counting": (
        "Not asked about a {kind}, because on such files from sources they had never seen they told forged from "
        "genuine no better than chance: {names}. With --full they are asked, and do not count.",
        "未询问：{names}。对于来源从未见过的{kind}，它们区分真伪不优于随机猜测；使用 --full 可询问，但不计入结论。",
    ),
    "not_at_depth": (
        "Not asked at the {depth} depth: {names}. With --full all are asked, with --detector those that are named.",
        "{depth}深度下未询问：{names}。使用 --full 可询问全部检测器，使用 --detector 可指定检测器。",
    ),
    "depth_fast": ("fast", "快速"),
    "depth_standard": ("standard", "标准"),
    "families": ("What each kind of examination adds", "各类检验的贡献"),
    "families_how": (
        "To the right speaks for forged, to the left for genuine, in LLR. Overlap between detectors is subtracted. "
        "What speaks of one kind of forgery adds up; of several kinds the likeliest weighs most.",
        "向右支持伪造，向左支持真实（对数似然比）；各检测器之间的重叠部分已扣除。同一种伪造的证据相加；多种之间以最可能者为主。",
    ),
    "families_silent": ("No answer from: {names}.", "未作答：{names}。"),
    "family_traditional": ("Classical statistics", "传统统计特征"),
    "family_cnn": ("Learned features", "深度特征"),
    "family_consistency": ("Consistency of the file", "内部一致性"),
    "family_attention": ("Manipulation map", "篡改区域图"),
    "family_fingerprint": ("Generator's fingerprint", "生成器指纹"),
    "family_speech": ("Sound of the voice", "语音特征"),
    "family_audiovisual": ("Picture beside sound", "音画一致性"),
    "family_temporal": ("Behaviour over time", "时序与生理"),
    "family_provenance": ("Its own statements", "文件的自述"),
    "family_encoder": ("Large pretrained network", "大型预训练网络"),
    "family_foreign": ("Added by the user", "用户添加"),
    "family_warp": ("Warping and blending", "变形与融合"),
    "detector": ("Detector", "检测器"),
    "about": ("About", "对象"),
    "weight": ("Strength", "强度"),
    "finding": ("Finding", "发现"),
    "abstains": ("Abstains", "不作判断"),
    "because": ("Reason: {reason}", "原因：{reason}"),
    "note": ("Note: {reason}", "说明：{reason}"),
    "neutral": ("for neither side", "无明显倾向"),
    "slight": ("slight", "微弱"),
    "weak": ("weak", "弱"),
    "moderate": ("moderate", "中等"),
    "strong": ("strong", "强"),
    "for_forged": ("{strength}, for forged", "{strength}，支持伪造"),
    "for_genuine": ("{strength}, for genuine", "{strength}，支持真实"),
    "odds_forged": (
        "about {odds} times more likely in a forged file than in a genuine one",
        "在伪造文件中出现的可能性约为真实文件的 {odds} 倍",
    ),
    "odds_genuine": (
        "about {odds} times more likely in a genuine file than in a forged one",
        "在真实文件中出现的可能性约为伪造文件的 {odds} 倍",
    ),
    "file": ("File", "文件"),
    "folder": ("Folder", "文件夹"),
    "path": ("Path", "路径"),
    "bytes": ("Size", "大小"),
    "bytes_value": ("{count} bytes", "{count} 字节"),
    "format": ("Format", "格式"),
    "dimensions": ("Picture", "画面"),
    "duration": ("Length", "时长"),
    "rate": ("Frame rate", "帧率"),
    "rate_value": ("{fps} frames a second", "每秒 {fps} 帧"),
    "rotation": ("Rotation", "旋转"),
    "sound": ("Sound", "声音"),
    "notes": ("On reading it", "读取说明"),
    "facts": ("What the file says of itself", "文件的自述信息"),
    "facts_how": (
        "Anyone can write anything here; it is shown as found.",
        "任何人都可以随意填写这些信息；此处按原样显示。",
    ),
    "limits": ("What this cannot tell", "本报告不能说明什么"),
    "limits_of": ("Known blind spots of the detectors that answered:", "已作答检测器的已知盲区："),
    "limit_context": (
        "Whether the {kind} is what its caption claims: genuine material can be cut, relabelled or shown out of "
        "context, and none of that leaves traces looked for here.",
        "此{kind}是否与其说明文字相符：真实素材也可能被剪辑、张冠李戴或断章取义，这些都不会留下本检验所寻找的痕迹。",
    ),
    "limit_new": (
        "Forgery methods unlike those the detectors learned from may pass unnoticed.",
        "与检测器学习过的方法不同的伪造手段可能不会被发现。",
    ),
    "limit_resaved": (
        "Every resize, screenshot and re-encoding on the way removes traces. A copy nearer to the original is worth "
        "examining too.",
        "传播途中的每次缩放、截屏和重新编码都会抹去痕迹。更接近原件的副本也值得检验。",
    ),
    "limit_rates": (
        "The error rates were measured on particular collections. On material from elsewhere they can be higher.",
        "错误率是在特定数据集上测得的。对其他来源的素材，错误率可能更高。",
    ),
    "limit_alone": (
        "This report is one piece of evidence. It does not replace asking where the file came from.",
        "本报告只是证据之一，不能代替对文件来源的追查。",
    ),
    "reproduce": ("To repeat this examination", "如何重现本次检验"),
    "command": ("Command", "命令"),
    "package": ("Package", "软件包"),
    "libraries": ("Libraries", "依赖库"),
    "models": ("Model", "模型"),
    "file_sha256": ("SHA-256 of the file", "文件的 SHA-256"),
    "options": ("Options", "选项"),
    "took": ("Time taken", "用时"),
    "seconds": ("{value} s", "{value} 秒"),
    "kept_local": (
        "Examined on this computer; nothing was sent anywhere. This page loads nothing from the network.",
        "检验在本机完成，没有发送任何数据。本页面不会从网络加载任何内容。",
    ),
    "page_size": ("It is one file of {size}.", "页面为单个文件，大小 {size}。"),
    "none": ("none", "无"),
    "column_llr": ("LLR", "LLR"),
    "column_error": ("Wrong in", "错误率"),
    "column_why": ("Why", "原因"),
    "column_verdict": ("Verdict", "结论"),
    "leans_forged_weakly": ("looks slightly more forged than genuine", "看起来略偏向伪造"),
    "leans_forged": ("looks more forged, but too many genuine files do, too", "看起来更像伪造，但太多真实文件也是如此"),
    "leans_genuine_weakly": ("looks slightly more genuine than forged", "看起来略偏向真实"),
    "leans_genuine": ("looks more genuine, but not so that it can be called so", "看起来更像真实，但不足以这样判定"),
    "leans_nowhere": ("leans neither way", "无明显倾向"),
    "count_person": ("1 person", "1 人"),
    "count_people": ("{count} people", "{count} 人"),
    "kind_people": ("{kind}, {people}", "{kind}，{people}"),
    "nobody": ("no person", "无人物"),
    **ANNEX,
    **PAIR,
}


def say(phrase: str, language: Language, **values: str | int) -> str:
    """The phrase in the language, its ``{names}`` filled in."""
    english, chinese = PHRASES[phrase]
    return (chinese if language == "zh" else english).format(**values)


def often(rate: float, language: Language) -> str:
    """An upper limit of a share in [0, 1] in the figures of the verdict's sentence: 0.05 -> "1 in 20"."""
    few, of = one_in(rate)
    return say("one_in", language, few=few, of=f"{of:,}")


def kind_of(report: Report, language: Language) -> str:
    """What the file is, and what it was judged as where that is something else."""
    is_held = report.media.kind == "video" and report.verdict.judged_as == "image"
    return say("held" if is_held else report.media.kind, language)


def headline(verdict: Verdict, language: Language) -> str:
    """The verdict in a word, and the stream that is at fault where it could be another: "Forged: the voice"."""
    word = say(verdict.decision, language)
    named = [name for name in verdict.at_fault if verdict.streams or name == "declared"]
    if not named:
        return word
    joined = ", ".join(say(f"fault_{name}", language) for name in named)
    return f"{word}：{joined}" if language == "zh" else f"{word}: {joined}"


def leans(llr: float | None, language: Language) -> str:
    """Why an LLR is no decision, in a few words; the verdict's explanation says it at length."""
    side = leaning(llr or 0.0)
    if side == "neither":
        return say("leans_nowhere", language)
    return say(f"leans_{side}_weakly" if abs(llr or 0.0) < 1 else f"leans_{side}", language)


def strength(llr: float, language: Language) -> str:
    """An LLR in words. What is shown as 0.0 is neutral; below e, which no decision is made on, it is slight; a
    likelihood ratio below 10 is weak, below 100 moderate, else strong."""
    side = leaning(llr)
    if side == "neither":
        return say("neutral", language)
    size = abs(llr)
    word = "slight" if size < 1 else "weak" if size < math.log(10) else "moderate" if size < math.log(100) else "strong"
    return say(f"for_{side}", language, strength=say(word, language))


def odds(llr: float, language: Language) -> str:
    """What the LLR says: how many times likelier the finding is on one side. "" where the sides are about equal."""
    side = leaning(llr)
    return "" if side == "neither" else say(f"odds_{side}", language, odds=ratio(llr))


def clock(time_s: float) -> str:
    """Seconds as a place in a clip: ``0:03.5``, ``12:07.0``, ``1:02:07.0``."""
    tenths = round(max(0.0, time_s) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def between(interval: Interval, language: Language) -> str:
    """``0:03.5 to 0:10.0``."""
    return say("from_to", language, start=clock(interval.start_s), end=clock(interval.end_s))
