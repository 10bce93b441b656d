"""Does somebody say that they may die or be harmed? Plain rules on words, outside any model. English. Pure.

A model may miss what it was not trained on; these rules may not be talked away by a prompt. They err on the
side of asking: a question too many costs little. Figures of speech pass ("this traffic is killing me").
"""

from __future__ import annotations

import re

from ...models.labels import Risk

_SELF_HARM = (
    r"kill(?:ing)? my ?self", r"(?:end|ending|take|taking) my (?:own )?life", r"end it all", r"(?:want|going|ready|wish|like|plan\w*) to die\b",
    r"wanna die\b", r"wish i (?:was|were) dead", r"better off dead", r"rather be dead", r"suicid\w*", r"unalive",
    r"hurt(?:ing)? my ?self", r"harm(?:ing)? my ?self", r"cut(?:ting)? my ?self", r"self[- ]harm\w*",
    r"don'?t want to (?:live|be alive|exist|wake up|be here any ?more)", r"do not want to (?:live|be alive|exist|wake up)",
    r"no (?:reason|point) (?:to|in) (?:live|living|going on|being alive|be alive)", r"can'?t go on (?:living|like this|any ?more)",
    r"(?:overdos\w+|all (?:of )?(?:the|my) pills|too many pills|jump(?:ing)? off|hang(?:ing)? my ?self|shoot(?:ing)? my ?self|slit(?:ting)? my)",
    r"(?:better|easier) (?:off )?without me", r"(?:won'?t|not going to) be (?:here|around) (?:tomorrow|any ?more|much longer)",
    r"not be(?:ing)? (?:here|alive) any ?more", r"wrote (?:a|my) (?:goodbye|suicide) (?:note|letter)", r"goodbye (?:note|letter)s?",
    r"wish i (?:could )?(?:just )?(?:never wake|not wake|disappear forever|hadn'?t been born|was never born|were never born)",
)  # fmt: skip
_DANGER = (
    r"(?:he|she|they|my \w+)(?:'s| is| has|'d)? (?:going to|gonna|threatened to|trying to|tried to|said (?:he|she|they)'?(?:d|ll| will| would)) (?:kill|shoot|stab|strangle|hurt) (?:me|us)",
    r"(?:hits|beats|chokes|punches|hit|choked|beat|punched|strangled|raped|rapes|molests?|abus(?:es|ed|ing)) me\b",
    r"(?:kill|shoot|stab|strangle|hurt) (?:him|her|them|somebody|someone|my (?:\w+ )?(?:wife|husband|kid|son|daughter|boss|mother|father|baby|brother|sister))\b",
    r"(?:has|got|holding) a (?:gun|knife).{0,20}(?:me|us|door|house)",
)  # fmt: skip
_HINTS = (
    r"what'?s the point(?: of (?:any(?:thing| of it)|it all|living|going on))?\b", r"tired of (?:living|being alive|everything|fighting)",
    r"(?:nobody|no ?one) would (?:notice|miss me|care)", r"(?:just )?(?:disappear|vanish)\b", r"(?:burden|weight) (?:to|on) (?:every(?:one|body)|them|my family)",
    r"giv(?:e|ing) (?:away|up on) (?:my things|my stuff|everything|life)", r"can'?t (?:do this|take (?:it|this)|cope) any ?more",
    r"no way out", r"don'?t see a (?:way out|future)", r"hopeless", r"sleep and (?:not|never) wake", r"fall asleep and (?:not|never) wake",
    r"scared (?:to go home|of (?:him|her|my (?:husband|wife|partner|dad|father|boyfriend)))", r"afraid (?:to go home|of (?:him|her|my (?:husband|wife|partner|dad|father|boyfriend)))",
    r"chest (?:pain|hurts)|can'?t breathe|stopped breathing|(?:having|had) a stroke",
)  # fmt: skip
_FIGURES = (
    r"(?:traffic|heat|weather|suspense|back|feet|feets|shoes|legs|commute|exam|homework|boss|job|kids|cat|dog|deadline|wait(?:ing)?|it|this|that|you|he|she|they)(?:'s|'re| is| are| was| were)? killing me",
    r"(?:die|died|dying|dead) (?:laughing|of (?:laughter|embarrassment|boredom|shame|curiosity|thirst|hunger|cute\w*)|inside when|for (?:a|some|that|this) )",
    r"(?:dying|died|die) to (?:see|know|hear|try|meet|go|eat|tell|watch|read|get)", r"(?:nearly|almost|practically) died\b", r"i could (?:have )?(?:just )?(?:die|died)\b(?! by)",
    r"(?:my )?(?:phone|battery|car|laptop|plant|engine|computer|controller|tree|houseplant)\w* (?:is |was |has |just )?(?:died|dying|dead|dies)",
    r"over my dead body", r"dead (?:tired|serious|on my feet|end|line|wrong|right|beat)", r"drop[- ]dead gorgeous", r"to die for", r"kill(?:ed|ing)? it\b", r"kill(?:ing)? time",
    r"(?:wife|husband|mom|mum|mother|dad|father|boss|coach|sister|brother|she|he|they)(?:'s|'ll| is| will| would| is going to|'s going to|'s gonna|'d)? (?:gonna |going to )?(?:kill|murder) me (?:if|when|for|because)",
    r"could (?:kill|murder) (?:for )?(?:a|some|him for|her for|you)", r"kill (?:for|two birds|the (?:lights|engine|music|process))", r"suicide (?:squad|prevention|hotline|awareness|mission|watch was)",
    r"(?:in|the|this|a|that) (?:movie|film|book|show|novel|series|play|song|game|story|podcast|episode)\b",
)  # fmt: skip
_DENIED = re.compile(
    r"\b(?:i(?:'m| am) not|i(?:'d| would) never|never (?:would|going to)|don'?t (?:mean|actually)|do not|not (?:going to|thinking of|that i)|wasn'?t|isn'?t|no[,]? i(?:'m| am) not)\b"
    r"(?: \w+){0,4} *$"
)
_OTHERS = re.compile(
    r"\b(?:he|she|they|my (?:\w+ )?(?:friend|brother|sister|uncle|aunt|cousin|neighbou?r|classmate|colleague|mother|father|mom|mum|dad|son|daughter|husband|wife|grand\w+)|someone|somebody|people|a (?:man|woman|boy|girl|guy))\b(?:\W+\w+){0,5}\W*$"
)


def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns))


_CRISIS_RE, _DANGER_RE, _HINT_RE, _FIGURE_RE = map(_compiled, (_SELF_HARM, _DANGER, _HINTS, _FIGURES))


def risk_in(text: str) -> Risk:
    """Crisis for a voiced wish to die or to harm, or danger from somebody; watch for a hint, or for somebody else."""
    plain = _FIGURE_RE.sub(" ", _normalized(text))
    found = [*_CRISIS_RE.finditer(plain), *_DANGER_RE.finditer(plain)]
    grades = [_grade(plain[: match.start()], match.group()) for match in found]
    if Risk.CRISIS in grades:
        return Risk.CRISIS
    return Risk.WATCH if grades or _HINT_RE.search(plain) else Risk.NONE


def _grade(before: str, said: str) -> Risk:
    """Denied, or told of somebody else, it is something to watch, not to act on."""
    recent = before[-60:]
    if _DENIED.search(recent) or (" i " not in f" {before[-25:]} " and "my" not in said and _OTHERS.search(recent)):
        return Risk.WATCH
    return Risk.CRISIS


def _normalized(text: str) -> str:
    """Lower case, plain apostrophes, hesitations and stretched letters taken out."""
    plain = text.lower().replace("’", "'").replace("gonna", "going to").replace("wanna", "want to")
    plain = re.sub(r"\b(?:um+|uh+|er+|like|you know|just|really|kind of|sort of|maybe)\b,?", " ", plain)
    plain = re.sub(r"\b(\w+)(?:[-,.…]+ *\1\b)+", r"\1", plain)
    return re.sub(r"[^a-z' -]+|\s+", " ", plain).replace("  ", " ")
