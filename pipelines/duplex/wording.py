"""What plain words give away without any model: heavy or glad news, mere courtesy, the language. Pure.

These only ever hold something back; they never decide what is felt.
"""

from __future__ import annotations

import re

_HEAVY = re.compile(
    r"\b(?:die[ds]?|dying|dead|death|passed away|lost (?:my|our|his|her|the|him|her|them)|funeral|grave|buried|cancer|"
    r"tumou?r|terminal|hospice|chemo|hospital|ambulance|surgery|stroke|overdos\w+|suicid\w+|miscarr\w+|stillborn|"
    r"divorc\w+|left me|broke up|dumped|cheated|fired|laid off|redundan\w+|evict\w+|accident|crash\w*|attack\w*|"
    r"abus\w+|hit me|hate[ds]?|cry|crying|cried|tears|scared|afraid|terrified|panic\w*|ashamed|guilty|lonely|alone|"
    r"failed|rejected|worst|awful|terrible|hurts?|miss(?:es|ed)? (?:him|her|them|my|you)|gone|"
    r"can't (?:cope|sleep|stop)|without (?:him|her|them)|worried|nervous|sick|ill|pain|"
    r"wish (?:i|he|she|they|it)|never)\b",
    re.IGNORECASE,
)
"""Words that ask for care whatever an appraisal says: no bright opener, and no breezy "Okay." either."""
_GLAD = re.compile(
    r"\b(?:passed(?! away| on\b)|got (?:the job|in\b|engaged|accepted|married)|engaged|pregnant|won|promot\w+|"
    r"graduat\w+|best (?:day|news|thing)|so happy|excited|thrilled|over the moon|can't wait|hooray|yay|woohoo|"
    r"all clear|good news|great news|finally|proud|said yes|haha|lol)\b",
    re.IGNORECASE,
)
"""Words of good news: no "I'm so sorry"."""
_COURTESY = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|night)|bye(?: bye)?|goodbye|see you|thanks?|"
    r"thank you|cheers|yes|no|yeah|yep|nope|ok(?:ay)?|sure|right|please|there|affetto|so much|then|you|again)\b\W*)+$",
    re.IGNORECASE,
)
"""Greetings, thanks, a plain yes or no: they are answered, not received."""
_SOUNDS = re.compile(
    r"^\W*(?:(?:ha+h?|(?:ah)+a+h+|(?:h[ae]){2,}h?|a+h+|u+gh+|a+r+gh+|achoo+|ahem|t+sk|pf+t?|hic|u+h+|u+m+|h*m+|er+m?)\b\W*)+$",
    re.IGNORECASE,
)
"""What a recogniser writes for a laugh, a cough, a sneeze, a groan, a hesitation."""
_ENGLISH = re.compile(
    r"\b(?:the|a|an|and|i|i'm|you|he|she|it|we|they|my|your|is|was|are|am|be|to|of|in|on|at|for|with|that|this|not|"
    r"don't|it's|just|have|had|has|do|did|so|but|what|how|why|when|me|him|her|them|no|yes|up|out|all|about|from)\b",
    re.IGNORECASE,
)
_LANGUAGE_ASKED = re.compile(
    r"\b(?:arabic|chinese|czech|danish|dutch|finnish|french|german|greek|hebrew|hindi|hungarian|italian|japanese|"
    r"korean|mandarin|norwegian|persian|polish|portuguese|romanian|russian|spanish|swedish|thai|turkish|ukrainian|"
    r"urdu|vietnamese|language)\b",
    re.IGNORECASE,
)


def clipped(text: str, most: int) -> str:
    """At most so many characters: how it begins and, three times as much, how it ends; words stay whole.

    People come to the point at the end; and what reads a text word by word must not be held up by a pasted book.
    """
    if len(text) <= most:
        return text
    head, tail = text[: most // 4], text[len(text) - (most - most // 4) :]
    return f"{head.rpartition(' ')[0] or head} ... {tail.partition(' ')[2] or tail}"


def heavy(text: str) -> bool:
    """Whether it names something that asks for care."""
    return bool(_HEAVY.search(text))


def glad(text: str) -> bool:
    """Whether it tells good news."""
    return bool(_GLAD.search(text))


def sounds(text: str) -> bool:
    """Whether it is no words, but the spelling of sounds."""
    return bool(_SOUNDS.match(text))


def courtesy(text: str) -> bool:
    """Whether it is no more than a greeting, thanks, or a yes or no."""
    return bool(_COURTESY.match(text))


def english(text: str) -> bool:
    """Whether it may be English: too short to tell counts as yes."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'"))
    foreign = sum(not word.isascii() for word in words)
    return foreign * 4 <= len(words) and (len(words) < 4 or bool(_ENGLISH.search(text)))


def names_language(instructions: str) -> bool:
    """Whether instructions may ask for another language."""
    return bool(_LANGUAGE_ASKED.search(instructions))
