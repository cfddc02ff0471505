"""The words of a comparison of two files, in English and Chinese."""

from __future__ import annotations

PAIR: dict[str, tuple[str, str]] = {
    "pair_title": ("Two files compared", "两个文件的比较"),
    "pair_same_bytes": ("The two files are the same, byte for byte.", "两个文件逐字节相同。"),
    "pair_same_picture": (
        "Both show the same picture; nothing differs by more than saving it again does.",
        "两者画面相同；差异不超过重新保存所致。",
    ),
    "pair_changed_picture": (
        "Both show the same picture, and {share} % of it differs by more than saving it again does; the page "
        "marks it in red.",
        "两者画面基本相同，其中 {share}% 的差异超过重新保存所致，页面上以红色标出。",
    ),
    "pair_same_part": (
        "Where both show the same, nothing differs by more than saving it again does.",
        "在两者共有的画面中，差异不超过重新保存所致。",
    ),
    "pair_changed_part": (
        "Where both show the same, {share} % of the picture differs by more than saving it again does; the page marks "
        "it in red.",
        "在两者共有的画面中，{share}% 的差异超过重新保存所致，页面上以红色标出。",
    ),
    "pair_unlike": (
        "{count} of {all} frames of the first show something else than the second.",
        "第一个文件的 {all} 帧中有 {count} 帧与第二个文件的画面不同。",
    ),
    "pair_cut_second": (
        "The second shows {share} % of the first; the rest could not be compared.",
        "第二个文件只显示了第一个的 {share}%，其余部分无法比较。",
    ),
    "pair_cut_first": (
        "The first shows {share} % of the second; the rest could not be compared.",
        "第一个文件只显示了第二个的 {share}%，其余部分无法比较。",
    ),
    "pair_other_picture": (
        "They could not be laid over each other: they do not show the same, or one was changed beyond that.",
        "两者无法对齐：画面不同，或其中之一改动过大。",
    ),
    "pair_apart": (
        "It could not be found which moments of the two clips belong together, so differences of the picture are not "
        "marked.",
        "无法确定两段视频中哪些时刻相互对应，因此未标出画面差异。",
    ),
    "pair_colourless": (
        "One of them is without colour, so only brightness was compared.",
        "其中一个没有颜色，因此只比较了亮度。",
    ),
    "pair_same_sound": (
        "The sound is the same recording (correlation {correlation}); the second begins {offset} s later.",
        "声音为同一录音（相关系数 {correlation}）；第二个文件晚 {offset} 秒开始。",
    ),
    "pair_other_sound": (
        "The sound is not the same recording (correlation {correlation}).",
        "声音并非同一录音（相关系数 {correlation}）。",
    ),
    "pair_silent": (
        "One of them is silent, so there are no two sounds to compare.",
        "其中一个没有声音，因此无法比较声音。",
    ),
    "pair_nothing": (
        "One is a picture and the other is sound: only facts can be compared.",
        "一个是画面，另一个是声音：只能比较文件信息。",
    ),
    "pair_how_as they are": ("Laid over each other as they are", "按原样重叠"),
    "pair_how_scaled": ("Scaled to the same size", "缩放至相同大小后重叠"),
    "pair_how_moved": ("Moved, turned or scaled to lie over each other", "经平移、旋转或缩放后重叠"),
    "pair_levels": (
        "{how}: mean difference {levels} of 255 grey levels.",
        "{how}：平均差异为 255 级灰度中的 {levels} 级。",
    ),
    "pair_difference": ("Difference, in red", "差异（红色）"),
    "pair_verdicts": ("Verdicts", "结论"),
    "pair_provenance": ("Provenance", "来源信息"),
    "pair_facts": ("Facts side by side", "文件信息对照"),
    "pair_facts_differ": ("{count} differ", "{count} 项不同"),
    "pair_evidence": ("Evidence side by side", "证据对照"),
    "pair_first": ("First", "第一个"),
    "pair_second": ("Second", "第二个"),
    "pair_fact": ("Fact", "项目"),
    "pair_no_person": ("no such person", "没有此人物"),
    "pair_unpaired": ("not known who this is here", "不知对应何人"),
    "pair_people_apart": (
        "It is not known who of the first is who of the second, so each person stands alone.",
        "无法确定两个文件中的人物如何对应，因此各人物单独列出。",
    ),
    "pair_person_first": ("Person {first} of the first", "第一个文件的人物 {first}"),
    "pair_person_second": ("Person {second} of the second", "第二个文件的人物 {second}"),
    "pair_person_both": (
        "Person {first}, in the second person {second}",
        "人物 {first}，在第二个文件中为人物 {second}",
    ),
    "pair_not_asked": ("not asked", "未询问"),
    "pair_abstained": ("no answer", "未作答"),
    "pair_one_differs": (
        "The verdicts differ. A verdict on the file nearer to the original weighs more.",
        "两者结论不同。更接近原件者的结论更可靠。",
    ),
}
