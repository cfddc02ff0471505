"""The words in and below the charts of an evaluation, in English and Chinese."""

from __future__ import annotations

FAMILIES: dict[str, str] = {  # Chinese of the families of steps, beside the name that ``--family`` takes
    "resize": "缩放", "crop": "裁剪", "blur": "模糊", "noise": "噪声", "colour": "色彩", "social": "社交平台",
    "screenshot": "截屏", "jpeg": "JPEG 压缩", "webp": "WebP 压缩", "h264": "H.264 编码", "h265": "H.265 编码",
}  # fmt: skip

CHARTS: dict[str, tuple[str, str]] = {
    "nothing_answered": (
        "No file of this set got an answer: there is nothing to draw.",
        "该数据集没有一个文件得到作答，无图可绘。",
    ),
    "nothing_listed": (
        "These results list no file of this set: there is nothing to draw.",
        "这份结果未列出该数据集的文件，无图可绘。",
    ),
    "one_class_forged": (
        "All answered files of this set are forged: a ROC curve and a reliability diagram need both kinds.",
        "该数据集已作答的文件全部为伪造：ROC 曲线和可靠性图需要真伪两类。",
    ),
    "one_class_genuine": (
        "All answered files of this set are genuine: a ROC curve and a reliability diagram need both kinds.",
        "该数据集已作答的文件全部为真实：ROC 曲线和可靠性图需要真伪两类。",
    ),
    # LLRs
    "scores": ("How firmly it speaks", "证据强度的分布"),
    "scores_alt": (
        "Histogram of the log-likelihood ratios: {forged}; {genuine}.",
        "对数似然比直方图：{forged}；{genuine}。",
    ),
    "median_forged": ("forged files have the median {median}", "伪造文件的中位数为 {median}"),
    "median_genuine": ("genuine files have the median {median}", "真实文件的中位数为 {median}"),
    "none_forged": ("there are no forged files", "没有伪造文件"),
    "none_genuine": ("there are no genuine files", "没有真实文件"),
    "scores_how": (
        "Forged files upwards, genuine ones downwards, by the odds that the findings speak for. A good detector has "
        "forged files on the right and genuine ones on the left; what lies on the wrong side is an error.",
        "伪造文件向上、真实文件向下，横轴为检验所见的似然比。好的检测器让伪造文件在右、真实文件在左；落在另一侧的即为错误。",
    ),
    "scores_beyond": (" {n} lie further out and are drawn at the edge.", "另有 {n} 个超出范围，画在边缘。"),
    "axis_odds": ("← for genuine · odds · for forged →", "← 支持真实 · 似然比 · 支持伪造 →"),
    "axis_share": ("share of the class", "占该类文件的比例"),
    "mark_forged": ("forged", "伪造"),
    "mark_genuine": ("genuine", "真实"),
    "mark_called": ("called forged", "判为伪造"),
    # ROC
    "roc": ("Found against falsely accused (ROC, area {area})", "检出与误报（ROC 曲线，AUC {area}）"),
    "roc_alt": (
        "ROC curve, area {area}. The default thresholds give {place}.",
        "ROC 曲线，AUC {area}。默认阈值下{place}。",
    ),
    "roc_place": (
        "{alarms} false alarms and {found} of forged files found",
        "误报率 {alarms}，伪造文件检出率 {found}",
    ),
    "roc_how": (
        "Each point is a threshold: how many forged files it finds against how many genuine files it accuses. The "
        "nearer to the top left corner, the better. The orange dot is the default, {place}, with 95% intervals.",
        "每一点对应一个阈值：检出多少伪造文件，又误伤多少真实文件。越靠近左上角越好。橙点为默认阈值：{place}，"
        "附 95% 置信区间。",
    ),
    "axis_alarms": ("genuine files called forged", "误报率（真实文件判为伪造）"),
    "axis_found": ("forged files found", "检出率（伪造文件判为伪造）"),
    "mark_guessing": ("guessing", "随机猜测"),
    # reliability
    "reliability": ("Does it mean what it says? (reliability)", "给出的概率准不准？（可靠性图）"),
    "reliability_alt": ("Reliability diagram: {places}.", "可靠性图：{places}。"),
    "reliability_place": ("{said} said and {seen} seen", "给出 {said}，实际 {seen}"),
    "reliability_between": (", ", "；"),
    "reliability_how": (
        "Files in order of their probability at even prior odds, in groups of {counts}; the bars are 95% intervals. On "
        "the dashed line, of 100 files called 70% forged 70 are. Points above it: more were forged than it said.",
        "设真伪的先验概率相等，将文件按伪造概率排序，每组 {counts} 个；竖线为 95% 置信区间。虚线表示概率准确：给出 "
        "70% 的文件，100 个中正好有 70 个伪造。点在虚线之上：实际伪造的比给出的多。",
    ),
    "range": ("{low} to {high}", "{low} 至 {high}"),
    "reliability_bent": (
        " The line is bent since {share} of these files are forged, not half.",
        "虚线弯曲，是因为这些文件中伪造的占 {share}，而非一半。",
    ),
    "axis_said": ("probability of being forged, as said", "给出的伪造概率"),
    "axis_seen": ("share that was forged", "实际为伪造的比例"),
    # risk and coverage
    "risk": ("Does doubt help? (risk and coverage)", "只取有把握的答案，会更准吗？（风险与作答率）"),
    "risk_alt": (
        "Risk against coverage: {all} wrong of all that were answered, {half} of the surer half.",
        "风险随作答率的变化：全部答案中错误占 {all}，把握较大的一半中占 {half}。",
    ),
    "risk_how": (
        "If only the surest answers are kept, how many of them are wrong? Of all answers {all} lean to the wrong side, "
        "of the surer half {half}. A good curve rises to the right; errors on the left are firm ones.",
        "若只保留把握最大的答案，其中有多少是错的？全部答案中 {all} 偏向错误一侧，把握较大的一半中为 {half}。好的曲线"
        "向右上升；左端的错误是有把握的错误。",
    ),
    "risk_end": (
        " It ends at the dashed line: {silent} of {asked} files got no answer.",
        "曲线止于虚线：{asked} 个文件中有 {silent} 个未作答。",
    ),
    "axis_answered": ("files answered, surest first", "作答率（把握大的在前）"),
    "axis_wrong": ("of these wrong", "其中错误的比例"),
    # the ladder
    "family_alt": (
        "AUC of {sets} sets over {steps} steps of {family}; the lowest is {worst}.",
        "{sets} 个数据集在 {family} 的 {steps} 步中的 AUC；最低为 {worst}。",
    ),
    "family_how": ("Lowest: {worst}. The dashed line is guessing.", "最低：{worst}。虚线为随机猜测。"),
    "family_steps": (" Steps: {steps}.", "各步：{steps}。"),
    "family_worst": ("{area} at {step}", "{area}（{step}）"),
    "axis_harsher": ("{amount}, harsher to the right", "{amount}，越靠右越强"),
    "axis_numbered": ("step, as numbered below", "步骤（编号见下文）"),
    "amount_jpeg": ("quality kept", "保留的画质"),
    "amount_webp": ("quality kept", "保留的画质"),
    "amount_resize": ("size kept", "缩放后的比例"),
    "amount_crop": ("per cent kept", "保留的百分比"),
    "amount_blur": ("width of the blur, pixels", "模糊宽度（像素）"),
    "amount_noise": ("strength of the noise, grey levels", "噪声强度（灰度级）"),
    "amount_h264": ("compression (CRF)", "压缩强度（CRF）"),
    "amount_h265": ("compression (CRF)", "压缩强度（CRF）"),
}
