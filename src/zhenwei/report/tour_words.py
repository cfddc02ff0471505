"""What the tour says: the lecture's seven families and those that came after, each with its idea in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.types import Text


@dataclass(frozen=True, slots=True)
class Chapter:
    """One family: ``idea``, what forgers do about it (``limit``), and which of the two files shows it best."""

    family: str
    title: Text
    idea: Text
    limit: Text
    in_lecture: bool = True


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "traditional",
        Text("Classical statistics", zh="传统统计特征"),
        Text(
            "A camera exposes the whole picture at once, adds the same noise everywhere and compresses it once. A "
            "face that was pasted in went through other steps. So tones, noise and the grid of JPEG are measured "
            "inside the face and outside it.",
            zh="相机一次曝光整幅画面，各处噪声相同，只压缩一次。贴进来的脸经过的是另外的步骤。"
            "因此在脸内和脸外分别测量影调、噪声和 JPEG 网格。",
        ),
        Text(
            "Saving the whole picture anew evens out all three; a generator that draws the whole picture never "
            "breaks them.",
            zh="把整幅图重新保存就会抹平这三者；整幅生成的图片从不违背它们。",
        ),
    ),
    Chapter(
        "cnn",
        Text("Features that a network learned", zh="卷积网络学到的特征"),
        Text(
            "Nobody names the trace: a network is shown genuine faces beside forgeries of the very same ones "
            "until it tells them apart. Another way looks at which neurons fire in every layer.",
            zh="不指定痕迹是什么：让网络看真脸和由同一张脸做成的伪造，直到能分辨。另一种方法看每一层有哪些神经元被激活。",
        ),
        Text(
            "It knows what it was shown. Forgeries of a new kind may look to it like nothing at all.",
            zh="它只认得见过的东西。新的伪造方式在它看来可能毫无痕迹。",
        ),
    ),
    Chapter(
        "consistency",
        Text("Does the picture agree with itself?", zh="图像自身是否一致"),
        Text(
            "All parts of a photograph were taken with one camera, one lens, one setting. A network that learned "
            "which patches belong to one photograph asks whether these do; and what the file says of itself must "
            "not contradict what it holds.",
            zh="一张照片的各部分来自同一台相机、同一镜头、同一设置。学会了哪些小块属于同一张照片的网络，检查这些小块是否如此；文件对自身的描述也不能与内容矛盾。",
        ),
        Text("Both halves of a splice may come from the same camera.", zh="拼接的两部分可能来自同一台相机。"),
    ),
    Chapter(
        "attention",
        Text("First where, then whether", zh="先问在哪里，再问是不是"),
        Text(
            "The network draws a map of what was changed, taught by the masks of forgeries, and judges by what "
            "the map marks.",
            zh="网络先画出哪里被改动（用伪造样本的掩膜来教），再依据标出的区域作判断。",
        ),
        Text(
            "The map says where the network looked. It is no outline of the forgery, least of all where it is "
            "sure of nothing.",
            zh="图上显示的是网络看了哪里，不是伪造区域的轮廓；没有把握时尤其如此。",
        ),
    ),
    Chapter(
        "fingerprint",
        Text("Whose picture is this?", zh="这是谁的作品"),
        Text(
            "A camera leaves the same faint pattern in all that it takes, a generator in all that it draws. What "
            "is left when the picture is taken away from itself is compared with patterns that are known.",
            zh="相机在它拍的每张照片里留下同样的微弱图案，生成器也一样。从画面中减去画面本身，把剩下的与已知图案比较。",
        ),
        Text(
            "It can name only what it knows, and shrinking wipes it out.",
            zh="只能认出已知的来源，而缩小画面就会把它抹掉。",
        ),
    ),
    Chapter(
        "temporal",
        Text("Behaviour over time", zh="时间上的表现"),
        Text(
            "People blink, breathe, and blush a little with every beat of the heart, all of the face at once. A "
            "forgery made frame by frame trembles between frames and has no heart.",
            zh="人会眨眼、呼吸，脸随每次心跳微微泛红，而且整张脸同步。逐帧制作的伪造在帧间抖动，也没有心跳。",
        ),
        Text(
            "It takes ten seconds without a cut, and compression hides a pulse. Good forgeries carry the pulse of "
            "whoever was filmed.",
            zh="需要十秒不间断的画面，压缩会掩盖脉搏。好的伪造会带着被拍摄者自己的脉搏。",
        ),
    ),
    Chapter(
        "warp",
        Text("Warping and blending", zh="仿射变形与融合"),
        Text(
            "A face that is put in was turned and scaled to fit, which softens it, and has an edge where it was "
            "blended. Both can be imitated with genuine faces alone, so that these networks never saw a forgery.",
            zh="植入的脸要旋转缩放才能贴合，因而变软；融合处留有边缘。两者都可以只用真脸模拟，因此这些网络从未见过真正的伪造。",
        ),
        Text("What is drawn whole has no edge.", zh="整张生成的图没有边缘。"),
    ),
    Chapter(
        "encoder",
        Text("A large encoder", zh="大型编码器"),
        Text(
            "A network that read hundreds of millions of pictures knows what faces look like. Three linear "
            "questions are asked of what it sees: put in, set in motion, drawn?",
            zh="读过数亿张图片的网络知道人脸是什么样子。对它看到的内容提三个线性问题：是换入的、驱动的，还是生成的？",
        ),
        Text("It costs twenty times what the small networks do.", zh="代价是小网络的二十倍。"),
        in_lecture=False,
    ),
    Chapter(
        "speech",
        Text("The voice", zh="语音"),
        Text(
            "Machines speak too evenly, and the parts that make sound from features leave traces in its spectrum.",
            zh="机器说话过于均匀，由特征生成声音的部件会在频谱里留下痕迹。",
        ),
        Text("The best vocoders and low bit rates leave little.", zh="最好的声码器和低码率几乎不留痕迹。"),
        in_lecture=False,
    ),
    Chapter(
        "audiovisual",
        Text("Picture beside sound", zh="画面与声音"),
        Text("A mouth follows the voice that it speaks.", zh="嘴型应当跟随所说的声音。"),
        Text(
            "So does one that is driven by the voice. And dubbing is no forgery.",
            zh="由声音驱动的嘴也会跟随；而配音并不是伪造。",
        ),
        in_lecture=False,
    ),
    Chapter(
        "provenance",
        Text("What the file says of itself", zh="文件对自身的说明"),
        Text(
            "Signed credentials, labels of AI-generated content, settings that generators write, watermarks. A "
            "statement, no statistic: it is told first.",
            zh="签名凭证、AI 生成标识、生成器写入的设置、水印。这是声明，不是统计，因此放在最前面。",
        ),
        Text(
            "Saving anew removes most of it, and anybody can write what is not signed.",
            zh="重新保存会去掉大部分；没有签名的内容任何人都能写。",
        ),
        in_lecture=False,
    ),
)

WORDS: dict[str, Text] = {
    "title": Text("A tour of seven families", zh="七类方法导览"),
    "kind": Text("Tour", zh="导览"),
    "lead": Text(
        "One picture and one clip, examined step by step. Everything below was measured a moment ago, on this "
        "machine; nothing was prepared.",
        zh="一张图片和一段视频，逐步检验。下面的一切都是刚刚在这台机器上测得的，没有预先准备。",
    ),
    "files": Text("1. The files", zh="一、文件"),
    "files_idea": Text(
        "What the bytes are, whatever the name says. The digest names exactly these bytes: whoever has the same "
        "one has the same file.",
        zh="先看字节是什么，不管文件名怎么写。摘要唯一对应这些字节：摘要相同，文件就相同。",
    ),
    "faces": Text("2. Who is in it?", zh="二、里面有谁"),
    "faces_idea": Text(
        "Faces are found, followed through the clip and cut out, each person apart. Detectors get cuts of the "
        "size that they learned with; what is too small is refused, not guessed.",
        zh="找到人脸，在视频中跟踪，逐人裁出。检测器得到的是训练时所用尺寸的裁图；太小的直接拒绝，不去猜。",
    ),
    "families": Text("3. Seven families", zh="三、七类方法"),
    "families_idea": Text(
        "Every detector answers one question with a likelihood ratio, or does not answer and says why. Bars to "
        "the right speak for a forgery, to the left for a genuine recording.",
        zh="每个检测器用似然比回答一个问题，或不作判断并说明原因。条形向右支持伪造，向左支持真实。",
    ),
    "since": Text("4. What came after", zh="四、后来的方法"),
    "together": Text("5. Together", zh="五、合在一起"),
    "together_idea": Text(
        "All detectors see the same pixels, so that their evidence overlaps; the overlap was measured and is "
        "subtracted. What is left is added up, and the error rate of such a verdict was measured on sources that "
        "nothing was set on.",
        zh="所有检测器看的是同样的像素，证据会重叠；重叠多少是测出来的，要扣除。剩下的相加，这样的结论会错多少，则在没有参与任何设定的来源上测得。",
    ),
    "limit": Text("What it cannot do", zh="它做不到的"),
    "picture": Text("picture", zh="图片"),
    "clip": Text("clip", zh="视频"),
    "silent": Text("no answer", zh="不作判断"),
    "verdict": Text("Verdict", zh="结论"),
    "forged": Text("forged", zh="伪造"),
    "genuine": Text("genuine", zh="真实"),
    "inconclusive": Text("inconclusive", zh="无法判定"),
    "adds": Text("adds", zh="贡献"),
    "detector": Text("detector", zh="检测器"),
    "alone": Text("alone", zh="单独"),
    "people": Text("Person {}", zh="人物 {}"),
    "bytes": Text("{} bytes", zh="{} 字节"),
    "seen": Text("{} px, sharpness {}", zh="{} 像素，清晰度 {}"),
    "next": Text(
        "Try it on a file of your own: zhenwei scan FILE --output out/ --full. What a verdict is worth stands in "
        "its page.",
        zh="用自己的文件试试：zhenwei scan FILE --output out/ --full --lang zh。结论值多少，报告里写得很清楚。",
    ),
    "footer": Text(
        "Made on this machine by zhenwei; nothing was sent anywhere. The picture that comes with it is a marked "
        "forgery of a portrait by NASA.",
        zh="由 zhenwei 在本机生成，没有向外发送任何内容。随附的图片是用 NASA 肖像做成的、带标记的伪造图。",
    ),
}
