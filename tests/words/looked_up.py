"""Sentences and words that the program tells and that its source does not say in the place where they are told."""

LOOKED_UP = (  # words that come out of data
    "image", "video", "audio", "fast", "standard", "full", "forged", "genuine", "inconclusive", "unreadable",
    "id", "question", "takes", "finds", "judges", "needs", "asked", "does not count", "reads metadata", "reference",
    "blind spots",
    "reading", "finding faces", "following faces", "done",
    "Question", "Takes", "Needs", "Depth", "no media", "hidden", "linked folder", "no file",
    "file that is no picture, video or sound", "files that are no pictures, videos or sound",
    "hidden file or folder", "hidden files and folders", "linked folders",
    "dead link, pipe or device", "dead links, pipes and devices",
    # of evaluations
    "{} is not in the folder", "{} entries repeat a video; it is taken once, test before val before train",
    "{} of {} videos of the split files are not in the folder", "{} is no method of this data set and was left out",
    "AUC against each genuine source", "pair accuracy", "firm answers", "coverage",
    "{} source of pictures", "{} source of clips", "{} source of recordings",
    "{} sources of pictures", "{} sources of clips", "{} sources of recordings",
    "{} method of pictures", "{} method of clips", "{} method of recordings",
    "{} methods of pictures", "{} methods of clips", "{} methods of recordings",
    "no people of the test were trained on", "no source videos of the test were trained on",
    "no files of the test were trained on", "{} people of the test were trained on, in {} of {} files",
    "{} source videos of the test were trained on, in {} of {} files",
    "{} files of the test were trained on, in {} of {} files",
    "split leak: identity", "split leak: source video", "split leak: name", "near-duplicates",
    "{} of the test against {} that were trained on", "{}; {} files were too many to be looked at",
    "{}: without a pixel, by size, format and compression alone, AUC {}; the answers {}",
    "{} is better by {}: {}, p {}", "{} is better by coverage: {}, p {}", "No difference can be shown",
    "{} cases are in both; {} only in A and {} only in B are left out", "the protocols differ: {} and {}",
    "A looked at {} frames of a clip, B at {}", "both are of the same detectors and weights",
    "looking for leaks", "reading metadata", "where maps lie", "asking the network",
    "holding it to the contract",
    "Sources of fewer than {} cases are shown, and count neither in a mean nor as the worst.",
    # of trainings: stages and the tables that they end with
    "training", "calibrating", "fitting", "reading", "hearing", "encoding", "tuning", "coverage",
    "answered", "equal error rate", "Seed {}; weights {}.", "Seed {}.", "source", "method", "genuine, answered",
    "called forged", "called genuine", "forged, answered", "found", "lowest, against", "against its own", "pairs",
    "genuine + forged, answered", "Sources left out", "Pictures", "Clips, by their pictures", "Recordings of speech",
    "AUC {} (n {} + {} answered); metadata alone {}. LLRs count {} times.",
    "Genuine called forged: {}; forged found: {}; forged called genuine: {}; genuine called genuine: {}.",
    "Seed {}; sha256 of the digests of all weights: {}.", "none answered",
    "all, as published", "metadata only", "Chinese", "other languages", "forged is the picture alone",
    "forged is the voice alone", "forged is both", "which of the two, where one is",
    "sound shifted by 0.4 to 1.4 s; clip left out", "sound of another clip; clip left out",
    "sound shifted by 0.4 to 1.4 s; source left out", "sound of another clip; source left out",
    # of the cards of models: how well they are calibrated, and of what
    "C_llr {} bits on groups left out of the fit (0 perfect, 1 useless); {} genuine and {} forged {} of {} groups; {} "
    "gave no answer. LLRs are kept within [{}, {}], what that many groups can support. Thresholds hold in the worst of "
    "the sources.",
    "C_llr {} bits on groups left out of the fit (0 perfect, 1 useless); {} genuine and {} forged pairs of mouth and "
    "sound of {} groups; {} gave no answer. LLRs are kept within [{}, {}], what that many groups can support. "
    "Thresholds hold in the worst of the sources.",
    "pictures", "clips", "media", "windows",
    # of the environment
    "models", "python", "library", "model", "plug-in", "extra", "self-test", "manifest",)  # fmt: skip
