"""Sentences and words that the program tells and that its source does not say in the place where they are told."""

LOOKED_UP = (  # words that come out of data
    "image", "video", "audio", "fast", "standard", "full", "forged", "genuine", "inconclusive", "unreadable",
    "id", "question", "takes", "finds", "judges", "needs", "asked", "does not count", "reads metadata", "reference",
    "blind spots",
    "reading", "finding faces", "following faces", "done",
    "Invalid data found when processing input",  # FFmpeg of a damaged file
    "{}; got {}; want {}",  # an error as a store keeps it
    "no weights, or a pickle with more in it than tensors",
    "Reinstall the package that {} came with, or restore what belongs in it; what was added to it is added again by: "
    "zhenwei models add --force",
    "Question", "Takes", "Needs", "Depth", "no media", "hidden", "linked folder", "no file",
    "file that is no picture, video or sound", "files that are no pictures, videos or sound",
    "hidden file or folder", "hidden files and folders", "linked folders",
    "dead link, pipe or device", "dead links, pipes and devices",
    "[OPTIONS]", "COMMAND",
    # of the lab: how consent is written down, and what becomes of recordings that are copied
    "Make a manifest with: zhenwei forge consent make FOLDER --subject NAME --basis BASIS --evidence TEXT --scope {} "
    "--expires DATE (self needs no --evidence)",
    "{} was left out: {}", "{} was left out: {} is not installed (run: {})", "it is silent", "it is {} once more",
    "{} was left out: {} s, and no copy below {} s can carry its mark", "{} is labelled spoof: {}",
    "its credential says that AI made or altered it", "a label in it says that AI made or altered it",
    "it carries the watermark of the forgery lab",
    # of bundles of cases and their logs
    "there is no entry", "entry {} is of another chain", "entry {} is missing", "entry {} was changed",
    "entry {} does not follow on the one before",
    "its end, or all of it, is another than when the case was exported",
    "the bundle is another than {}…", "{} was put in", "{} was taken out", "{} was changed",
    "there is more in the archive than its members", "the log does not hold: {}", "the log is of another case",
    "the log ends otherwise than the bundle says", "the title is another than in the log",
    "who opened the case, or when, is another than in the log", "the tags are others than in the log",
    "the notes, or their order, are others than in the log",
    "the files, their names or their order are others than in the log",
    "{}: its verdict is another than in the log", "{}: its reports are others than in the log",
    "{}: a report is on another file, or of another verdict",
    "{}: its page was made of something else than in the log", "{}: its page is of another verdict than its report",
    "{}: its page is not in the bundle, though the log tells of one", "{}: the file is another",
    "{}: its size is another than that of the file", "{}: its size is another than in its report",
    "{}: the file itself is not in the bundle",
    "the pages were made by another version, and were not made again to be compared", "{} cannot be made again",
    "{} says something else than the rest of the bundle",
    # what consent does not cover
    "{}: files are missing", "{}: files were altered since consent was noted",
    "{}: files are not in the consent manifest", "Put them back, or make the manifest again without them.",
    "Restore them; if the change is meant, note it anew.",
    # what a run of the lab learned from
    "{} drawn puppets, seed {}", "{} drawn puppets in {} looks, seed {}", "{} stern puppets, seed {}",
    "{} smiling ones", "{} made sentences at {} Hz, seed {}",
    # of the lab: advice on faces, whether going on helps, and what a cloak is worth
    "1 face: {} to {} are usual, with fewer the swap will be vague.",
    "{} faces: {} to {} are usual, with fewer the swap will be vague.",
    "{} faces: more than {} rarely help; take fewer frames a clip.", "1 nearly equal face was left out.",
    "{} nearly equal faces were left out.", "Blurred faces: {} of {}. What is blurred is learned as blurred.",
    "The heads turn over {} degrees only: other poses will not be drawn well.", "Not read: {}.",
    "too early to say", "still improving", "no better for {} checks",
    "as it is", "half the size and back", "clean photographs", "clean photographs, another seed",
    "cloaked photographs", "cloaked photographs, JPEG 75", "learning from {}", "a swap learns the photograph",
    # of evaluations
    "the sets {} and {} were paired by the names of files",
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
    "no copies, by what they look like: {} of the test against {} that were trained on",
    "{} files of the test look like one that was trained on: {} of the test against {} that were trained on",
    "no copies, by what they look like: {} of the test against {} that were trained on; {} files were too "
    "many to be looked at",
    "{} files of the test look like one that was trained on: {} of the test against {} that were trained on; "
    "{} files were too many to be looked at",
    "{} of the test against {} that were trained on", "{}; {} files were too many to be looked at",
    "{}: without a pixel, by size, format and compression alone, AUC {}; the answers {}",
    "{} is better by {}: {}, p {}", "{} is better by coverage: {}, p {}", "No difference can be shown",
    "{} cases are in both; {} only in A and {} only in B are left out", "the protocols differ: {} and {}",
    "A looked at {} frames of a clip, B at {}", "both are of the same detectors and weights",
    "looking for leaks", "reading metadata", "where maps lie", "asking the network",
    "holding it to the contract",
    "Sources of fewer than {} cases are shown, and count neither in a mean nor as the worst.",
    "{} genuine and {} forged files, split {}", "{} genuine and {} forged files", "recordings",
    "and {} more", "{} and {} more",
    "scores, source left out", "scores, group left out",
    # of the page of a training run
    "Training {} · step {} · zhenwei", "Training run", "This page is one file. It loads nothing and sends nothing.",
    "a network", "Nothing here tells which step is best.", "{} (best)", "{} check", "{} checks",
    "Best at step {}, with {} on held-out data; {} since then did not better it.",
    "Best at step {}, with {} on held-out data, the latest check.",
    "Best at step {}, with {} on held-out data: the only check so far.",
    "Step", "Images seen", "Running time", "Pace", "Left, at this pace", "{} of {} ({}%)",
    "{} between the first check and the latest, pauses left out", "{} steps a minute", "{} s a step",
    "{} minute", "{} minutes", "{} h {} min", "Held-out AUC", "Loss on the training faces", "Learning rate",
    "learning rate", "loss, nats", "value", "step", "whole face: forged or not (whole)",
    "which regions are forged (regional)", "people it never saw (auc_people)", "sources it never saw (auc_sources)",
    "what decides (choose)", "Column {} of the log.", "Over {}; latest: {}.",
    "How often a forged face scores above a genuine one, on faces that are not trained on; 0.5 is guessing. The gap "
    "between the lines is the price of what is new. The dotted line marks the step whose weights are kept.",
    "What training lowers, averaged since the check before, on faces that are trained on. It falls while the network "
    "learns; if it falls while the held-out AUC does, too, the network learns by heart.",
    "How far one step may go. It rises at first, then falls to the end of the run.",
    "How far one step may go. It rises at first, then falls to the end of the run. The dotted line marks where the "
    "run is.",
    "Learning rate over {} steps, from {} through {} to {}.",
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
    "C_llr {} bits on groups left out of the fit (0 perfect, 1 useless); {} genuine and {} forged {} of {} groups; {} "
    "gave no answer. LLRs are kept within [{}, {}], the logarithm of all genuine media. Thresholds hold in the worst "
    "of the sources.",
    "C_llr {} bits on groups left out of the fit (0 perfect, 1 useless); {} genuine and {} forged pairs of mouth and "
    "sound of {} groups; {} gave no answer. LLRs are kept within [{}, {}], what that many groups can support. "
    "Thresholds hold in the worst of the sources.",
    "pictures", "clips", "media", "windows",
    # of the system: what it says of a file, or of JSON
    "no such file or folder", "No such file or directory", "Permission denied", "Is a directory", "Not a directory",
    "No space left on device", "Read-only file system", "File exists", "File name too long", "Input/output error",
    "Too many open files", "Disk quota exceeded", "Invalid argument", "Operation not permitted", "Directory not empty",
    "Connection refused", "Address already in use", "Expecting value: line {} column {} (char {})",
    "Extra data: line {} column {} (char {})",
    # of a file that is not read: what it is
    "a PDF document", "a Photoshop document", "a GIMP document", "a picture of a rare kind", "an icon",
    "a PostScript drawing", "MIDI notes", "a program", "a zip archive or office document", "a compressed archive",
    "plain text", "plain text (UTF-16)", "a playlist", "an SVG drawing", "a web page or XML text",
    "nothing but zero bytes", "unknown bytes that begin with {}", "JPEG, {} s",
    # of the environment
    "{} on Linux {}", "{} on Darwin {}", "{} on Windows {}", "{} frames of H.264, {} s", "AAC and MP3, {} s",
    "inconclusive, {} s",
    "models", "python", "library", "model", "plug-in", "extra", "self-test", "manifest",)  # fmt: skip
