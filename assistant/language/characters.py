"""Chinese characters, and clean-up of unreadable ones."""

import re
from unicodedata import east_asian_width

HAN_RANGE = "\u3400-\u9fff"  # inside a character class: the unified ideographs and extension A
HAN = re.compile(f"[{HAN_RANGE}]")
# The most common Chinese characters, simplified and traditional: a third of any Chinese text.
COMMON_HAN = frozenset(
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着下"
    "自之年过過发發后後作里裡用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理"
    "心她本前开開但因只从從想实實日军軍者意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并並物手应應"
    "战戰向头頭文体體政美相见見被利什二等产產新己制身果加西斯月话話合回特代内內信表化老给給世位次度门門任常先海通教儿兒原东東声聲提立及比员員解水名真论論处處走义義"
    "各入几幾口认認条條平系统統模型数數据據训訓练練型号配置请請安装裝参參"
)


def has_words(text: str) -> bool:
    """Whether the text contains a letter, Han character or digit."""
    return any(map(str.isalnum, text))


def readable(text: str) -> str:
    """Replace lone surrogates with "?": tokenizers and files reject them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def width_of(text: str) -> int:
    """Columns of a text in a fixed-width font: wide characters take two."""
    return sum(1 + (east_asian_width(character) in "WF") for character in text)
