"""Stop words: frequent words that carry no subject matter."""

_ENGLISH = (
    "a an the of to in on at by for from with and or not is are was were be been being am do does "
    "did doing done have has had having i you he she it we they me my mine your yours his her its "
    "our ours their theirs this that these those there here what which who whom whose when where "
    "why how can could will would shall should may might must if then than so as but about into "
    "over after before any some all no nor only own same too very just also up out more most "
    "other such again once please pls want wants wanted need needs get gets got let lets give "
    "tell know say says like thanks hi hello s t ll re ve d m am ok"
)
_CHINESE = (
    "的 了 吗 呢 吧 啊 呀 嘛 哦 么 是 在 有 和 与 或 及 也 都 就 还 又 再 很 太 最 更 被 把 让 给 "
    "对 从 到 向 于 以 为 之 其 这 那 这个 那个 这些 那些 这种 那种 这样 那样 哪 哪个 哪些 哪种 "
    "哪里 什么 啥 怎么 怎样 怎么样 如何 咋 为什么 为啥 多少 几 几个 谁 我 你 您 他 她 它 我们 "
    "你们 他们 它们 咱 咱们 自己 大家 请 请问 麻烦 想 想要 要 需要 可以 能 能够 会 应该 得 不 没 "
    "没有 不要 别 一个 一下 一些 个 些 种 次 的话 时候 时 里 上 下 中 后 前 来 去 说 看 用 做 弄 "
    "跟 但 但是 而 如果 因为 所以 然后 那么 只 才 吗 嗯 知道 告诉 是不是 有没有 能不能 可不可以 "
    "到底 究竟 怎么办 咋办"
)
ENGLISH_STOP, CHINESE_STOP = frozenset(_ENGLISH.split()), frozenset(_CHINESE.split())
