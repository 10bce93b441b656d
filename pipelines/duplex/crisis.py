"""Does somebody say that they may die, be harmed, or harm? Plain rules on words, outside any model. Pure.

A model may miss what it was not trained on; these rules may not be talked away by a prompt. They err on the
side of asking: a question too many costs little. Figures of speech pass ("this traffic is killing me").
English here, the plainest phrases of other languages in crisis_words.py.
"""

from __future__ import annotations

import re
from enum import StrEnum

from ...models.labels import Risk
from .crisis_words import PHRASES
from .wording import clipped

MOST_CHARS = 20_000
"""Of one text are read: an hour of speech. Rules over more would hold up everybody else's session."""


class Danger(StrEnum):
    """What the danger is, for the answer that is given."""

    SELF = "self"
    """A wish to die, or to hurt oneself."""
    FROM_SOMEBODY = "from_somebody"
    """Violence, threats, abuse."""
    TO_SOMEBODY = "to_somebody"
    """The speaker may hurt somebody."""
    ANOTHER = "another"
    """Somebody else may die, or may be harmed."""
    MEDICAL = "medical"
    """A body in acute danger."""


_SELF = (
    r"kill(?:ing)? my ?self", r"(?:end|ending|take|taking) my (?:own )?life", r"end (?:it all|things for good|everything tonight)\b",
    r"(?<!us )(?:want|wish|plan\w*|decided|hope|prefer) (?:i could )?(?:to )?die\b(?! (?:first|before|of old age|old))", r"(?:ready|going|about) to die\b(?! if)", r"wish (?:that )?i (?:was|were) dead",
    r"(?:better off|i'd be better|rather be|i should be|i'd be happier) dead\b", r"(?:i'm|i am|am i|feel(?:ing)?|been|was|being|get(?:ting)?) (?:(?!not)\w+ )?suicidal", r"(?:commit\w*|attempt\w*|tried|thought\w* (?:of|about)|thinking (?:of|about)|consider\w*|contemplat\w*) suicide", r"suicide (?:plan|note|attempt)",
    r"unaliv\w+", r"(?:hurt|harm|cut|cutting|hurting|harming|burn|burning|starving) my ?self\b(?! (?:shaving|cooking|on|with (?:a|the) (?:can|tin|paper)|at|while|by accident|chopping|slicing))",
    r"self[- ]harm(?:ed|ing)?\b", r"(?:started|start|been|keep|back to|want to start) cutting\b(?! (?:down|back|out|the|my (?:hair|grass|hours)))", r"do the thing\b.{0,20}\b(?:arm|leg|wrist|thigh)s?\b", r"did (?:a|the) thing\b.{0,24}\b(?:arm|leg|wrist|thigh)s?\b",
    r"don'?t (?:even )?(?:want|wanna|wish) to (?:live(?! (?:in|with|near|at|here|there|alone|far|on)\b)|be alive|exist|wake up(?! (?:to|at|early|late|in|so|for)\b)|be here(?: any ?more)?(?= *(?:$|[.,!?]))|go on living|keep living)", r"do not want to (?:live(?! (?:in|with|near|at|here|there|alone|far|on)\b)|be alive|exist|wake up(?! (?:to|at|early|late|in|so|for)\b))",
    r"(?:wouldn'?t|won'?t|would not) mind\W+(?:\w+\W+){0,3}(?:not|never) (?:waking|wake)", r"(?:easier|better|fine|okay|ok|glad|happy|relieved|nice|peaceful) (?:\w+ )?if i (?:didn'?t|never|don'?t|wasn'?t|weren'?t) (?:wake|woke|here|around|alive|exist\w*|born)",
    r"(?:go|going|fall(?:ing)?) (?:to sleep|asleep|to bed) and (?:not|never|don'?t|just not) (?:wak\w+|get up)", r"(?:never|not) (?:wake|waking) up (?:again|tomorrow|any ?more)",
    r"no (?:reason|point) (?:to|in|for me to) (?:live|living|going on|being alive|be alive|keep going|staying alive)", r"can'?t (?:go on|carry on) (?:living|(?:like )?this|any ?more)", r"(?:life|living) (?:isn'?t|is not) worth (?:it|living)",
    r"overdos(?:e|ed|ing) (?:on|my)", r"(?:going|want|thinking|thought|about|plan\w*) (?:to |of |about )?(?:overdos\w+|od\b)", r"tak(?:e|ing) (?:all (?:of )?(?:the|my|these)|the whole|a load of|every) ?(?:my )?(?:pills?|tablets?|meds|medication|bottle|box|of them)\b",
    r"(?:pills|tablets|gun|rope|razor|blade|knife|bridge|rail\w*|train tracks?)\b.{0,40}\b(?:looking at (?:it|them)|thinking (?:of|about) (?:it|them)|end it|use (?:it|them)|keep thinking|calling (?:to )?me)", r"(?:saved|saving|stockpil\w+|counted|counting) (?:up )?(?:my |the |all my )?(?:pills|tablets)",
    r"how many (?:\w+ ){0,3}(?:pills|tablets|paracetamol|tylenol)\b.{0,40}\b(?:kill|takes?|take|enough|die|lethal)", r"(?<!you can )(?:jump(?:ing)? (?:off (?:a|the|that|my) (?:\w+ )?(?:bridge|roof|building|balcony|platform|cliff)|in front of (?:a|the))|hang(?:ing)? my ?self|shoot(?:ing)? my ?self|slit(?:ting)? my|drown(?:ing)? my ?self|gas(?:sing)? my ?self)",
    r"(?:drive|driving|steer\w*|swerv\w+) (?:\w+ ){0,3}(?:off the (?:road|bridge|cliff)|into (?:a|the|that) (?:wall|tree|lorry|truck|river|barrier))",
    r"hop(?:e|ed|ing) (?:that )?(?:a|the|some) (?:car|bus|truck|lorry|train) (?:doesn'?t stop|hits? me|would hit me|runs? me over)", r"(?:better|easier|happier) (?:off )?(?:without me|if i (?:was|were) (?:gone|dead)|if i wasn'?t (?:here|around))",
    r"(?:won'?t|not going to|don'?t plan to) be (?:here|around|alive) (?:tomorrow|any ?more|much longer|next (?:week|month|year)|after (?:tonight|today|sunday|\w+day))", r"not be(?:ing)? (?:here|alive|around) any ?more", r"(?:wrote|written|writing|left) (?:a|my|the|some|everyone a|everybody a)? ?(?:goodbye|suicide) (?:notes?|letters?)",
    r"(?:wrote|written|writing|left) (?:\w+ )?(?:letters?|notes?) (?:to|for) (?:everyone|everybody|them all|my (?:kids|family|parents)|each of them)", r"wish i(?:'d| had| could| was| were)? ?(?:just )?(?:never (?:wake|woken|been born|born)|not (?:wake|been born)|disappear forever|hadn'?t (?:been born|woken up)|didn'?t exist)",
    r"(?:go|be|want to be|going) (?:and |to )?(?:join|where|with) (?:her|him|them|my (?:wife|husband|son|daughter|mum|mom|dad))(?: is| are)?\b(?= *(?:$|[.,!?]|to be honest|now|soon|in heaven|up there))(?<!with her)(?<!with him)(?<!with them)", r"better if i (?:just )?go to (?:her|him|them)\b", r"ready to (?:go|join) (?:and )?(?:join )?(?:her|him|them)\b",
    r"(?:in a grave|six feet under) (?:soon|already)", r"(?:nobody|no ?one) has to deal with me", r"(?:thought|think|thinking) (?:\w+ )?about (?:\w+ ){0,2}(?:ending (?:it|things|my)|dying|killing|not being (?:here|around|alive)|not existing)", r"had a date in mind", r"(?:have|got|made) a plan to (?:die|end)",
)  # fmt: skip
_FROM = (
    r"(?:he|she|they|my \w+(?: \w+)?)(?:'s| is| has|'d|'ll| will| would)? ?(?:going to|threatened to|threatens to|threatening to|trying to|tried to|said (?:he|she|they)'?(?:d|ll| will| would)) (?:kill|shoot|stab|strangle|hurt|beat|make) (?:me|us)\b(?! (?:if|when|for|because|laugh|look|feel|do|clean|eat|breakfast|dinner|tea))",
    r"(?:hits|beats|chokes|punches|kicks|slaps|shoves|choked|beat|punched|strangled|kicked|slapped|raped|rapes|molest(?:s|ed)|abus(?:es|ed|ing)|threatens|grabbed) me\b(?! (?:a|an|some|in (?:the )?(?:game|chess|tennis|squash|poker|cards|face|that)|at|to|by|again at|on the (?:final|last)|with (?:a )?(?:kindness|joy|love)))",
    r"(?<!it )(?<!that )(?<!this )(?<!really )(?<!news )(?<!just )(?<!would )(?<!'d )(?<!used to )hit me\b(?! (?:that|like|hard|how|when|today|then|all|again like|up|with (?:a|the) (?:bill|news|fee)))", r"(?:hand|hands|arm) (?:on|around|round) my (?:neck|throat)", r"(?:scared|afraid|frightened|terrified) (?:of what (?:he|she|they)|(?:he|she|they)'?(?:ll|s going to| will| is going to| might)) (?:\w+ ){0,2}(?:do|kill|hurt|hit|find)",
    r"(?:he|she|they|guy|man|somebody|someone|husband|boyfriend|ex)\b.{0,20}\b(?:has|got|holding|with|pulled|had) a (?:gun|knife|machete)\b.{0,30}\b(?:me|us|door|house)\b", r"(?:locks?|locked) me (?:in|out|up)\b.{0,40}\b(?:again|he|she|keys?|phone|room)", r"locked my phone", r"(?:touch(?:es|ed|ing)) me (?:down|there|when|at night|and)|touch(?:es|ed|ing) me (?:where|in (?:a|the) (?:way|places?))",
    r"our (?:special|little) (?:thing|secret)\b", r"said i'?d get in trouble if i", r"(?:somebody|someone|a (?:man|guy|car)|there's|he's|they're)\b.{0,20}\b(?:following|followed|stalking|behind) me\b.{0,40}\b(?:walk\w*|street|home|turn\w*|blocks?|every)", r"(?:forced|forces|forcing|made|makes) me (?:to )?(?:have sex|undress|strip|touch|send)",
    r"he said (?:if i ever|he'?d make me sorry)", r"(?:he|she|they)(?:'ll| will|'s going to| is going to) (?:be even madder|hurt me|come after me|find me)",
)  # fmt: skip
_TO = (
    r"(?:going to|want to|could|will|'ll|about to|wanna) (?:kill|shoot|stab|strangle|murder|smash) (?:him|her|them|somebody|someone|everyone|that (?:man|woman|guy|bastard)|my (?:\w+ )?(?:wife|husband|kid|son|daughter|boss|mother|father|baby|brother|sister|neighbou?r|ex))\b",
    r"(?:i'?ve got|i have|got|bring\w*|took|loaded|holding) (?:\w+ ){0,3}(?:gun|knife|crowbar|bat|hammer|machete)\b.{0,60}\b(?:him|her|them|car|wait\w*|glove|teach|feel)", r"(?:he|she|they)(?:'s|'re| is| are) not walking away", r"wait(?:ing)? (?:by|outside|for) (?:his|her|their) (?:truck|car|house|work|flat)\b",
    r"(?:hurt|hit|shake|shook|shaking|smother|drop|dropping) (?:the|my) (?:baby|kid|child|son|daughter|little (?:one|boy|girl))\b", r"(?:picture|thought|image)s? (?:in my head )?of (?:shaking|hurting|dropping|smothering) (?:her|him|the baby|my)", r"put (?:her|him|the baby) down too hard", r"(?:scared|afraid) i(?:'ll|'m going to| will| might) hurt (?:him|her|them|somebody|someone|the (?:baby|kids))",
    r"make (?:him|her|them) pay for (?:it|this|what)\b.{0,20}\btonight",
)  # fmt: skip
_ANOTHER = (
    r"(?:friend|roommate|flatmate|brother|sister|son|daughter|mate|girlfriend|boyfriend|partner|husband|wife|mum|mom|dad|he|she|they)\b.{0,60}\b(?:said goodbye|like a goodbye|and goodbye|wants to die|going to (?:kill|hurt) (?:him|her|them)sel\w+|tried to (?:kill|hang) (?:him|her|them)sel\w+|talking about (?:suicide|dying))",
    r"(?:goodbye|suicide) (?:text|message|note) from", r"reads like (?:a |\w+ )?(?:a )?goodbye", r"(?:screaming|crying|thumping|shouting)\b.{0,50}\bthrough the wall|through the wall\b.{0,80}\b(?:screaming|thumping|hitting)", r"(?:hits|beats|hitting|beating|hurting) (?:his|her|their|the) (?:kid|kids|child|children|son|daughter|wife|girlfriend|baby)\b",
)  # fmt: skip
_MEDICAL = (
    r"won'?t wake up\b(?! (?:early|in time|for|on time))", r"(?:stopped|not|isn'?t|hardly|barely) breathing", r"(?:having|it'?s|think it'?s|she'?s had|he'?s had|just had) a (?:heart attack|stroke)\b(?! (?:when|over|at|if))", r"(?:lips?|tongue|throat|face) (?:is|are|'s)? ?swelling", r"(?:chest|heart)\b.{0,30}\b(?:tight|crushing|pain)\b.{0,40}\b(?:arm|jaw|breath)",
    r"took (?:my |the |his |her )?(?:\w+ )?(?:tablets|pills|meds|medicine|dose)s? twice", r"(?:took|taken|swallowed) (?:too many|way too many|a whole|all (?:of )?(?:the|my|his|her)) (?:of )?(?:\w+ )?(?:pills|tablets|bottle|box|packet|meds)", r"bleeding (?:and it )?(?:won'?t|doesn'?t|will not) stop", r"(?:unconscious|passed out on the floor|collapsed)\b.{0,40}\b(?:now|floor|breath|help)",
)  # fmt: skip
_HINTS = (
    r"what(?:'?s| is| was),? (?:the point)\b(?! (?:of (?:a\b|having|buying|getting|the (?:meeting|rule|exercise)))|in)", r"(?:see|be|there'?s|there is) no (?:real )?point\b(?= *(?:$|[.,!?]|any ?more|in the morning|to (?:it|any|me|me))|$)|(?:no point) (?:in|to) (?:the morning|it|anything|me|any of)", r"tired of (?:living|being alive|everything|fighting|being (?:here|me))",
    r"(?:nobody|no ?one)(?:'d| would) (?:even )?(?:notice|miss me|care if)", r"(?:want to|wish i could|could|going to) (?:disappear|vanish)\b", r"(?:a burden|weight|expensive)\b(?: (?:to|on) (?:every(?:one|body)|them|my (?:family|kids|wife|husband|parents)))", r"giv(?:e|ing|en) (?:away|up on) (?:my things|my stuff|everything|life|all my)", r"(?:gave|given) (?:my|the) (?:cat|dog|watch|guitar) to (?:my|a|the)",
    r"can'?t (?:do this|take (?:it|this)|cope|keep doing this) any ?more", r"(?:wanted|wished|wishing) to die\b", r"no way out\b", r"don'?t see a (?:way out|future)", r"hopeless\b", r"suicidal\b", r"(?:scared|afraid) (?:to go home|of (?:him|her|my (?:husband|wife|partner|dad|father|boyfriend|ex)))", r"don'?t (?:want to|wanna) go home\b", r"chest (?:pain|hurts)|hurts to breathe|can'?t breathe|(?:having|had) a stroke",
    r"i (?:have )?(?:thought|think|thinking) about (?:it|how)\b.{0,30}\b(?:tonight|sometimes|a lot|though)", r"(?:sleep and|asleep and) (?:not|never) wake", r"being where (?:he|she) is\b", r"(?:don'?t|can'?t) trust my ?self\b.{0,24}\b(?:tonight|alone|if|with|around)", r"(?:old )?scars\b.{0,24}self[- ]harm|self[- ]harm.{0,30}(?:years ago|from school|old)",
    r"(?:he|she|dad|mum|mom) (?:goes|went) through me\b|(?:checks|looks at|goes through|reads) my phone\b", r"(?:left|leaving) (?:him|her)\b.{0,60}\b(?:outside|car|followed|lights)", r"stopped eating|not eat(?:en|ing) (?:for|in) (?:days|a week)|haven'?t eaten in (?:days|\w+ days)", r"(?:nothing|not much) (?:left )?to live for", r"(?:my|this) (?:life|whole life) is over\b", r"(?:fire|fired|sacked|hit|hurt) .{0,20}\bi(?:'m| am) going round there\b|i know where (?:he|that man|she) lives",
)  # fmt: skip
_FROM_HINT = re.compile(
    r"\b(?:goes|went) through me\b|\b(?:checks|looks at|goes through|reads) my phone\b"
    r"|\b(?:scared|afraid) (?:to go home|of (?:him|her|my \w+))|don'?t (?:want to|wanna) go home\b"
)
_FIGURES = (
    r"(?:traffic|heat|weather|suspense|back|feet|shoes|legs|knees?|commute|exam|homework|boss|job|kids|cat|dog|deadline|wait(?:ing)?|hay fever|prices?|it|this|that|you|he|she|they)(?:'s|'re| is| are| was| were)? (?:absolutely |literally )?killing me\b(?! (?:and my|with))",
    r"(?:die|died|dying|dead) (?:laughing|of (?:laughter|embarrassment|boredom|shame|curiosity|thirst|hunger|cringe|cute\w*|happiness|joy|the heat)|inside(?= *(?:$|[.,!?]| when| a (?:bit|little)))|for (?:a|some|that|this|one) )",
    r"(?:dying|died|die|dead keen) to (?:see|know|hear|try|meet|go|eat|tell|watch|read|get|show|find)", r"(?:nearly|almost|practically|just about|literally) died\b", r"i could(?:'ve| have)? (?:just )?(?:die|died)\b(?! by)", r"(?:i'm|i am|i'll) (?:going to die|dying|dead)(?= *(?:$|[.,!?]|if|when|laughing|of|over|at|at this|here|before))",
    r"(?:phone|battery|car|laptop|plant|engine|computer|controller|tree|houseplant|wi ?fi|conversation|basil|fish)\w* (?:is |was |has |just |'s )?(?:died|dying|dead|dies)",
    r"over my dead body", r"dead (?:tired|serious|on my feet|end|line|wrong|right|beat|good|easy|nice|proud|chuffed|man|meat)", r"drop[- ]dead gorgeous", r"to die for", r"kill(?:ed|s)? it\b", r"killing it\b", r"kill(?:ing|ed)? (?:time|the mood|my (?:vibe|appetite|phone|battery|plants?|sourdough))",
    r"(?<!said )(?<!says )(?<!threatened )(?:wife|husband|mom|mum|mother|dad|father|boss|coach|sister|brother|teacher|manager|flatmate|roommate|parents|she|he|they)(?:'s|'ll|'re| is| are| will| would| is going to|'s going to|'re going to|'s gonna|'d)? (?:going to |literally |actually )*(?:kill|murder|strangle|shoot) (?:me|us)\b(?= *(?:$|[.,!?]|if|when|for|because|i forgot|over|that|tonight,? i|they'?ll actually))",
    r"could (?:kill|murder) (?:for )?(?:a|some|him for|her for|you)\b(?! (?:tonight|right now))", r"(?:could|going to|want to|'ll|wanna) (?:kill|murder|strangle|destroy) (?:him|her|them|my (?:brother|sister|brother-in-law|mates?|flatmate|roommate|cat|dog|kids?))\b(?=.{0,80}\b(?:game|racing|chess|match|league|round|mario|fifa|cards|monopoly|spoiler|ha|haha|lol|joking|again, that dog|slippers?|shoes?)\b)",
    r"kill (?:for|two birds|the (?:lights|engine|music|process|power))", r"suicide (?:squad|prevention|hotline|awareness|mission|watch was|bombing|doors|rates?)", r"(?:heart attack|stroke) (?:when|over|at|if|of luck|of genius)", r"(?:gave me|nearly had|almost had|having|had) a heart attack(?= *(?:$|[.,!?]| when| over))(?!.*\b(?:arm|chest|ambulance|hospital)\b)",
    r"\b(?:in|on) (?:the|this|a|that|my) (?:movie|film|book|show|novel|series|play|song|game|story|podcast|episode|level)\b.{0,60}", r"(?:character|villain|hero|boss|team|zombie|vampire|guy in the (?:film|show|game))\b.{0,30}\b(?:dies|die|died|kills?|killed|shoots?)\b", r"beats? me\b(?= (?:at|to|in|by)|[.,!?]| *$)", r"it (?:just |really |suddenly )?hit me\b", r"(?:best|worst) .{0,20}to die on|hill (?:to die|i'?ll die) on",
    r"(?:hurt|hurting|cut) myself (?:shaving|cooking|on|at|while|by accident|chopping|slicing)", r"die (?:happy|trying)\b", r"(?:overdos\w+|od'?d?) on (?:chocolate|sugar|cake|coffee|crisps|carbs|ice cream|tv|netflix)", r"slept? like the dead", r"(?:end|ended|ending) it all (?:with|there|neatly|by the)", r"jump(?:ing)? off (?:the|a) (?:high board|diving board|pier|rope swing|sofa|bed|swing)",
)  # fmt: skip
_DENIED = re.compile(
    r"\b(?:i(?:'m| am) not|i(?:'d| would| will|'ll) never|never (?:would|going to)|don'?t (?:mean|actually|really)|do not|not (?:going to|thinking (?:of|about)|that i|trying to|about to|here to)|wasn'?t|isn'?t|aren'?t|no[,]? i(?:'m| am) not|i don'?t|didn'?t|no longer|stopped|used to|haven'?t|never|without)\b"
    r"(?:(?: |, (?!i\b))[\w']+){0,4}[ ,]*$"
)
_NO_MORE = re.compile(r"\bdon'?t (?:\w+ )?(?:want|wish) to die\b")
_OTHERS = re.compile(
    r"\b(?:he|she|they|my (?:\w+ )?(?:friend|brother|sister|uncle|aunt|cousin|neighbou?r|classmate|colleague|mother|father|mom|mum|dad|son|daughter|husband|wife|grand\w+|mate|roommate|flatmate|partner|girlfriend|boyfriend|best friend)|someone|somebody|people|a (?:man|woman|boy|girl|guy)|who)\b(?:\W+(?!i\b|i'\w+|my\b)\w+){0,6}\W*$"
)


def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?:\b|(?=\())(?:{pattern})" for pattern in patterns))


_RULES = {
    Danger.SELF: _compiled(_SELF),
    Danger.FROM_SOMEBODY: _compiled(_FROM),
    Danger.TO_SOMEBODY: _compiled(_TO),
    Danger.MEDICAL: _compiled(_MEDICAL),
    Danger.ANOTHER: _compiled(_ANOTHER),
}
_HINT_RE, _FIGURE_RE = _compiled(_HINTS), _compiled(_FIGURES)
_FOREIGN = {language: _compiled(phrases) for language, phrases in PHRASES.items()}


def risk_in(text: str) -> Risk:
    """Crisis for a voiced wish to die or to harm, or danger from somebody; watch for a hint, or for what is past."""
    if foreign_language(text) is not None or danger_in(text) is not None:
        return Risk.CRISIS
    plain = _literal(text)
    told = any(rule.search(plain) for rule in _RULES.values())
    return Risk.WATCH if told or _HINT_RE.search(plain) else Risk.NONE


def danger_in(text: str) -> Danger | None:
    """What is in danger here, if anything is: said, meant, and of now."""
    plain = _literal(text)
    for danger, rule in _RULES.items():
        for match in rule.finditer(plain):
            before = plain[: match.start()][-70:]
            if danger is Danger.SELF and _of_another(before, match.group()):
                return Danger.ANOTHER if not _past(match.group()) else None
            if not _DENIED.search(before) and not _NO_MORE.search(match.group()):
                return danger
    return Danger.SELF if foreign_language(text) is not None else None


def hinted_in(text: str) -> Danger:
    """What a hint is likeliest to hint at, where nothing was said outright."""
    return Danger.FROM_SOMEBODY if _FROM_HINT.search(_literal(text)) else Danger.SELF


def foreign_language(text: str) -> str | None:
    """The language, other than English, in which somebody says that they want to die or are being harmed."""
    plain = " ".join(clipped(text, MOST_CHARS).lower().replace("’", "'").split())
    return next((language for language, rule in _FOREIGN.items() if rule.search(plain)), None)


def _of_another(before: str, said: str) -> bool:
    """Told of somebody else, not of the speaker."""
    speaks = re.search(r"\b(?:i|i'm|i've|i'd|i'll)\b", before[-28:])
    return not speaks and not re.search(r"\b(?:my|me|i)\b", said) and bool(_OTHERS.search(before))


def _past(said: str) -> bool:
    return bool(re.search(r"\b(?:was|were|had|died|tried|attempted|committed)\b", said))


def _literal(text: str) -> str:
    """What is left to be taken at its word."""
    return _FIGURE_RE.sub(" ", _normalized(text))


def _normalized(text: str) -> str:
    """Lower case, plain apostrophes, hesitations and repeated words taken out; sentence marks stay."""
    plain = clipped(text, MOST_CHARS).lower().replace("’", "'").replace("gonna", "going to").replace("wanna", "want to")
    plain = re.sub(
        r"\b(?:um+|uh+|er+|like|you know|just|really|kind of|sort of|maybe|honestly|actually|literally)\b,?", " ", plain
    )
    plain = re.sub(r"[.…]{2,}|(?<![-–—])[-–—]+(?=\s)|[\"“”]", " ", plain)
    plain = " ".join(re.sub(r"[^a-z'.,!? -]+", " ", plain).split())
    return re.sub(
        r"\b(\w+(?:'\w*)?)(?:[-, ]+\1\b)+", r"\1", re.sub(r" +([,.!?])", r"\1", re.sub(r"(?:, *)+", ", ", plain))
    )
