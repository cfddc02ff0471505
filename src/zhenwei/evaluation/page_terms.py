"""The words of the page of an evaluation in English and Chinese; those of its charts are in ``chart_terms``.

``say`` speaks the language of ``zhenwei.words.speaking``. What the results say themselves (findings, data, errors) is
translated by ``zhenwei.words``; names of sets, sources, methods and files stay as they are.
"""

from __future__ import annotations

from markupsafe import Markup

from zhenwei.evaluation.chart_terms import CHARTS
from zhenwei.pages import counted
from zhenwei.words import spoken

UNITS: dict[str, str] = {  # Chinese of what is counted
    "file": "{n} 个文件",
    "set": "{n} 个数据集",
    "more set": "另外 {n} 个数据集",
    "pair": "{n} 对",
    "frame": "{n} 帧",
    "check": "{n} 项检查",
    "case": "{n} 例",
    "independent group": "{n} 个独立分组",
}

PHRASES: dict[str, tuple[str, str]] = {
    **CHARTS,
    "kind": ("Evaluation", "评测报告"),
    "footer": (
        "This page is one file. It loads nothing and sends nothing.",
        "本页为单个文件，不加载也不发送任何内容。",
    ),
    # the answer
    "title": ("How well does {subject} tell forged from genuine?", "{subject} 辨别真伪的能力如何？"),
    "title_fused": (
        "How well does zhenwei as a whole tell forged from genuine?",
        "zhenwei 整体辨别真伪的能力如何？",
    ),
    "size": (
        "{files} ({genuine} genuine, {forged} forged) · {sets}",
        "{files}（真实 {genuine}，伪造 {forged}）· {sets}",
    ),
    "no_area": (
        "No set here holds both genuine and forged files, so that there is no AUC.",
        "没有任何数据集同时含有真实和伪造文件，因此无法计算 AUC。",
    ),
    "ranks_one": (
        "Shown one forged and one genuine file, it ranks them rightly in {share} of pairs ({name}).",
        "任取一个伪造文件和一个真实文件，前者得分更高的概率为 {share}（{name}）。",
    ),
    "ranks_many": (
        "Shown one forged and one genuine file, it ranks them rightly in {low} to {high} of pairs, depending on where "
        "the files come from. Weakest: {name}.",
        "任取一个伪造文件和一个真实文件，前者得分更高的概率为 {low} 至 {high}，视文件来源而定。最低的是 {name}。",
    ),
    "weights": ("Weights (SHA-256): ", "权重（SHA-256）："),
    # source by source
    "by_source": ("Source by source", "分来源结果"),
    "by_source_how": (
        "Choose by the mean and the worst over sources that were left out, never by a figure of all files together.",
        "选用检测器时，请看各留出来源的平均值和最差值，不要看所有文件合在一起的数字。",
    ),
    "figure": ("Figure", "指标"),
    "over": ("Over", "统计范围"),
    "mean": ("Mean", "平均"),
    "worst": ("Worst", "最差"),
    "which": ("Which", "最差者"),
    "over_sources_how": (
        "Intervals of a mean tell how far it varies with the sources. AUC: the forgeries of one source against the "
        "genuine files of each source. Pair accuracy: how often a forgery scores above its own original; 0.5 is "
        "guessing. False alarms are of genuine files that were answered, firm answers of all files.",
        "平均值的置信区间表示它随来源波动的幅度。AUC：一个来源的伪造文件对各来源的真实文件。成对准确率：伪造文件得分"
        "高于其原件的比例，0.5 相当于随机猜测。误报率以已作答的真实文件为分母，明确结论率以全部文件为分母。",
    ),
    "every_source": ("Every source in numbers", "各来源的详细数字"),
    "every_method": ("Every method in numbers", "各伪造方法的详细数字"),
    "source": ("Source", "来源"),
    "method": ("Method", "伪造方法"),
    "answered_both": ("Answered, genuine + forged", "已作答（真实 + 伪造）"),
    "lowest": ("Lowest, against", "最低值及对照来源"),
    "own": ("Against its own", "对照自身来源"),
    "firm": ("Firm answers", "明确结论率"),
    "by_source_area": (
        "AUC: the mean over all genuine sources of ten files or more, and the lowest of them.",
        "AUC：对所有不少于十个文件的真实来源取平均，并列出其中的最低值。",
    ),
    # what can be trusted
    "trust": ("What can I trust here?", "这些数字可信吗？"),
    "trust_bad": (
        "{broken} of {checks} found something: figures below may look better than they are.",
        "{checks}中有 {broken} 项发现问题：下面的数字可能偏于乐观。",
    ),
    "trust_good": (
        "{checks} found nothing wrong. That rules out these faults, not every fault.",
        "{checks}均未发现问题。这只排除了所查的问题，不等于没有其他问题。",
    ),
    "trust_open": (
        "No checks are recorded in these results: nothing here guards against figures that are too good.",
        "这份结果没有任何检查记录，无从排除数字虚高的可能。",
    ),
    "passed": ("passed", "通过"),
    "broken": ("found", "发现问题"),
    "and_more": ("and {n} more", "另有 {n} 例"),
    "controls_how": (
        "Each AUC beside its two controls, from 0 to 1; the dashed mark is guessing, 0.5. “Without pixels” is a "
        "classifier that sees only how a file was saved: the nearer it comes to the AUC, the less the AUC proves. "
        "“Shuffled labels” must lie on the mark.",
        "各 AUC 与两项对照，范围 0 至 1；虚线为随机猜测，即 0.5。“不看像素”是只凭文件保存方式作判断的分类器：它越接近 "
        "AUC，AUC 的说服力就越弱。“标签打乱”应落在虚线上。",
    ),
    "set": ("Set", "数据集"),
    "without_pixels": ("Without pixels", "不看像素"),
    "shuffled": ("Shuffled labels", "标签打乱"),
    # the sets
    "sets": ("The sets", "各数据集"),
    "no_set": ("These results hold no set.", "这份结果不含任何数据集。"),
    "sets_how": (
        "AUC: how often a forged file scores above a genuine one; 0.5 is guessing, 1 is perfect. Pair accuracy: the "
        "same for a forgery and its own original, where both are there. Ranges hold the truth with 95% confidence. "
        "In-domain sets come from sources that were trained on (other people or pictures of them); what you meet in "
        "the wild is out of domain.",
        "AUC：伪造文件得分高于真实文件的概率，0.5 相当于随机猜测，1 为完美。成对准确率：伪造文件与其原件之间的同一"
        "比例，仅在两者俱全时给出。范围为 95% 置信区间。域内数据集与训练数据来源相同（但人物或图片不同）；实际遇到的"
        "文件都属于域外。",
    ),
    "in": ("in-domain", "域内"),
    "out": ("out of domain", "域外"),
    "area_range": ("AUC, {low} – {high}", "AUC，{low} – {high}"),
    "only_forged": ("no AUC: forged files only", "无 AUC：只有伪造文件"),
    "only_genuine": ("no AUC: genuine files only", "无 AUC：只有真实文件"),
    "only_no": ("no AUC: no files only", "无 AUC：没有文件"),
    "pair_accuracy": ("Pair accuracy", "成对准确率"),
    "false_alarms": ("False alarms", "误报率"),
    "forged_found": ("Forged found", "伪造检出率"),
    "forged_missed": ("Forged missed", "漏报率"),
    "answered": ("Answered", "作答率"),
    "set_size": ("{genuine} genuine, {forged} forged, {groups}", "真实 {genuine}，伪造 {forged}，{groups}"),
    "each_track": (" · each person for itself", " · 按人物统计"),
    "each_frame": (" · each frame for itself", " · 按帧统计"),
    "more_figures": ("More figures of this set", "该数据集的更多指标"),
    "eer": ("Equal error rate", "等错误率（EER）"),
    "average_precision": ("Average precision", "平均精度（AP）"),
    "tpr_at_1": ("Found at 1% false alarms", "误报率 1% 时的检出率"),
    "tpr_at_5": ("Found at 5% false alarms", "误报率 5% 时的检出率"),
    "ece": ("Calibration error (ECE)", "校准误差（ECE）"),
    "c_llr": ("Cost of the LLRs, C_llr (1 = saying nothing)", "LLR 的代价 C_llr（1 = 不提供信息）"),
    "min_c_llr": ("of which discrimination, min C_llr", "其中来自区分能力的部分 min C_llr"),
    "aurc": ("Mean risk over all coverages (AURC)", "各作答率下的平均风险（AURC）"),
    "log_loss": ("Log loss, nats", "对数损失（奈特）"),
    "brier": ("Brier score", "Brier 分数"),
    "called_genuine": ("Genuine called genuine", "真实文件判为真实的比例"),
    "undrawn": ("{sets} without pictures, so that this page opens.", "{sets}不附图，以免页面过大。"),
    # parts, steps, files
    "parts": ("What the sets are made of", "数据集的构成"),
    "parts_how": (
        "Where a whole set looks fine, a part of it may not. A wide interval means few cases; do not rank such rows.",
        "整体表现良好的数据集，局部未必如此。区间宽说明样本少，这样的行之间不宜比较高下。",
    ),
    "by_method": ("By method of forgery", "按伪造方法"),
    "by_origin": ("By source of the media", "按媒体来源"),
    "by_other": ("Other parts", "其他部分"),
    "by_kind": ("By {kind}", "按 {kind}"),
    "by_level": ("By frame and by person", "按帧和按人物"),
    "part": ("Part", "部分"),
    "origin": ("Origin", "来源"),
    "level": ("Level", "层级"),
    "frame": ("frame", "帧"),
    "track": ("track", "人物"),
    "genuine_forged": ("Genuine + forged", "真实 + 伪造"),
    "dots_how": (
        "Dots are figures, lines their 95% intervals, from 0 to 1; the dashed mark is guessing.",
        "圆点为数值，横线为其 95% 置信区间，范围 0 至 1；虚线为随机猜测。",
    ),
    "ladder": ("After compression and other harm", "经过压缩等处理之后"),
    "ladder_how": (
        "The same files after what happens to files on their way: saved again, made smaller, blurred, sent through a "
        "service. A curve that falls tells from which step on an answer is worth less. Bands are 95% intervals.",
        "同样的文件经历传播途中的常见处理：重新保存、缩小、模糊、经平台转发。曲线从哪一步开始下降，结论就从那一步起不再"
        "那么可靠。阴影为 95% 置信区间。",
    ),
    "all_steps": ("All {n} steps in numbers", "全部 {n} 步的详细数字"),
    "area_lost_how": (
        "“AUC lost” compares the same files before and after; an interval that includes 0 shows no loss.",
        "“AUC 下降”为同一批文件处理前后之差；区间包含 0 说明未见下降。",
    ),
    "step": ("Step", "步骤"),
    "area_lost": ("AUC lost", "AUC 下降"),
    "flipped": ("Decision flipped", "结论反转率"),
    "every_file": ("Every file", "逐个文件"),
    "files_wrong": (
        "{wrong} of {files} got the wrong verdict, {silent} got no answer.",
        "{files} 个文件中，{wrong}结论错误，{silent} 个未作答。",
    ),
    "files_worst": (
        " The {shown} worst are shown; all {files} are in the results file.",
        "此处列出错得最多的 {shown} 个；全部 {files} 个见结果文件。",
    ),
    "show_files": ("Show {files}", "展开 {files}"),
    "files_how": (
        "Worst errors first. LLR: natural logarithm of how many times likelier the findings are if the file is forged; "
        "above 0 speaks for forged. Files without an answer stand between errors and right answers.",
        "错得最多的在前。LLR（对数似然比）：检验所见在文件为伪造时的可能性是为真实时的多少倍，取自然对数；大于 0 支持"
        "伪造。未作答的文件排在错误与正确的答案之间。",
    ),
    "file": ("File", "文件"),
    "truth": ("Truth", "实际"),
    "verdict": ("Verdict", "结论"),
    "forged": ("forged", "伪造"),
    "genuine": ("genuine", "真实"),
    "inconclusive": ("inconclusive", "无法判定"),
    "unreadable": ("unreadable", "无法读取"),
    # what produced this
    "produced": ("What produced this", "评测条件"),
    "protocol": ("Protocol", "评测协议"),
    "made": ("Made", "生成时间"),
    "seed": ("Seed", "随机种子"),
    "clips": ("Clips", "视频"),
    "clips_frames": ("{frames} sampled from a clip", "每段视频抽取 {frames}"),
    "data": ("Data", "数据"),
    "weights_all": ("Weights, SHA-256", "权重（SHA-256）"),
    "versions": ("Versions", "版本"),
}
_WORDS = ("forged", "genuine", "inconclusive", "unreadable", "frame", "track")


def say(phrase: str, **values: object) -> str:
    """The phrase, its ``{names}`` filled in; markup where one of the values is."""
    template = PHRASES[phrase][spoken() == "zh"]
    is_markup = any(hasattr(value, "__html__") for value in values.values())
    return (Markup(template) if is_markup else template).format(**values)  # noqa: S704 - of this package


def known(word: str) -> str:
    """A decision or a level of the results; any other word as it is."""
    return say(word) if word in _WORDS else word


def count(n: int, one: str) -> str:
    """``1,204 files``."""
    return UNITS[one].format(n=f"{n:,}") if spoken() == "zh" else counted(n, one)
