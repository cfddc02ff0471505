"""The words of the examiner's annex, of signatures and of comparisons, in English and Chinese."""

from __future__ import annotations

ANNEX: dict[str, tuple[str, str]] = {
    "case": ("Case", "案件"),
    "case_number": ("Case number", "案件编号"),
    "exhibit_number": ("Exhibit number", "物证编号"),
    "examiner": ("Examiner", "检验人"),
    "made_at": ("This report was made", "本报告制作时间"),
    "kept_at": ("The kept report was last written", "留存报告的最后写入时间"),
    "time_zone": ("Time zone", "时区"),
    "remarks": ("Remarks", "备注"),
    "not_given": ("not given", "未填写"),
    "environment": ("Made on", "制作环境"),
    "integrity": ("The file today", "文件现状"),
    "file_same": (
        "It lies where it was, and its SHA-256 is the one that was examined.",
        "文件仍在原处，其 SHA-256 与检验时一致。",
    ),
    "file_changed": (
        "What lies there today is another file: its SHA-256 differs from the one that was examined. No other hash is "
        "given.",
        "该处现为另一文件：其 SHA-256 与检验时不同，因此不列出其他散列值。",
    ),
    "file_missing": (
        "It could not be read where it was, so that only the SHA-256 taken at the examination is known.",
        "无法在原处读取该文件，因此仅知检验时计算的 SHA-256。",
    ),
    "methods": ("Methods and error rates", "方法与错误率"),
    "methods_how": (
        "Each detector measures something, and its score is turned into a likelihood ratio by a calibration that was "
        "fitted on recordings of other people and sources. Overlap between detectors is subtracted before their "
        "evidence is added.",
        "每个检测器测量某种现象，其得分经校准转换为似然比；校准所用素材来自其他人物和其他来源。"
        "相加之前先扣除各检测器之间的重叠部分。",
    ),
    "error_rate_is": (
        "Error rate of this decision: at most {rate} (upper limit, in the worst of the sources measured).",
        "本结论的错误率：最多 {rate}（上限，取自所测来源中最差者）。",
    ),
    "error_rate_none": (
        "No decision was made, so that there is no error rate of one.",
        "未作出判定，因此没有相应的错误率。",
    ),
    "reference": ("Reference", "参考文献"),
    "calibration": ("Calibration", "校准"),
    "answer_adds": ("adds {llr} to the LLR", "对 LLR 的贡献：{llr}"),
    "likelihood": ("Statement of limits", "局限性声明"),
    "likelihood_asked": (
        "Two propositions are compared. H1: the {kind} was forged by a method of the kinds that these detectors look "
        "for. H2: it is a genuine recording, changed by nothing but delivery.",
        "比较两个命题。H1：该{kind}系以这些检测器所针对的方法伪造。H2：其为真实录制，除传输处理外未被改动。",
    ),
    "likelihood_value": (
        "The findings are about {ratio} times more likely if {first} is true than if {second} is (LLR {llr}).",
        "若 {first} 成立，出现上述发现的可能性约为 {second} 成立时的 {ratio} 倍（LLR {llr}）。",
    ),
    "likelihood_none": (
        "Nothing could be measured; there is no likelihood ratio.",
        "没有可测量的内容，因此没有似然比。",
    ),
    "likelihood_even": (
        "The findings are about equally likely under H1 and under H2 (LLR {llr}).",
        "在 H1 与 H2 之下，出现上述发现的可能性大致相同（LLR {llr}）。",
    ),
    "likelihood_not": (
        "A likelihood ratio says how strongly the findings support one proposition over the other. It is not the "
        "probability that either of them is true; that takes everything else that is known of the case, and is for "
        "whoever decides. It holds for the propositions above alone: under others it would have to be assessed anew.",
        "似然比表示检验发现对一个命题相对于另一个命题的支持程度，而不是任一命题为真的概率；"
        "后者需结合案件的其他全部信息，由裁判者判断。似然比仅适用于上述命题；若命题改变，须重新评估。",
    ),
    "likelihood_scale": (
        "Verbal scale after the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015)",
        "文字表述量表，依据 ENFSI《法庭科学评价性报告指南》（2015）",
    ),
    "likelihood_bounds": (
        "The ratio is limited to what the data of the calibration can support, and was measured on particular "
        "collections. Whoever knew the detectors could have worked against them.",
        "似然比以校准数据所能支持的范围为限，并测自特定的数据集。了解这些检测器的人可能采取了针对性措施。",
    ),
    "column_ratio": ("Likelihood ratio", "似然比"),
    "column_support": ("Support for the likelier proposition", "对更可能命题的支持程度"),
    "support_1": ("none for either over the other", "不支持任何一个命题"),
    "support_2": ("weak", "弱"),
    "support_3": ("moderate", "中等"),
    "support_4": ("moderately strong", "较强"),
    "support_5": ("strong", "强"),
    "support_6": ("very strong", "很强"),
    "support_7": ("extremely strong", "极强"),
    "this_file": ("this file", "本文件"),
    "no_pictures": (
        "This report was kept without its pictures: scan with --pictures to have them, or make it with --again.",
        "留存的报告不含图示：扫描时使用 --pictures 可一并留存，或使用 --again 重新制作。",
    ),
    "frames": ("Frames of the clip", "视频帧"),
    "face_of": ("Face of person {number}", "人物 {number} 的人脸"),
}
