"""Sentences that must never be said, whatever model made them: rules on our own output. English. Pure.

They are few and sure rather than many: a reply that is cut for nothing is a worse reply. What is only poor style
is left to whoever chooses among replies.
"""

from __future__ import annotations

import re

_SELF = (
    r"when i was (?:a |your |in |young|little|at )", r"i (?:once|also) (?:had|went|lost|felt)", r"i remember (?:when|my)", r"my (?:own )?(?:wife|husband|mother|mom|mum|father|dad|son|daughter|kids|boss|dog|cat|childhood|brother|sister|grandmother|grandfather)\b(?! (?:of|to) )",
    r"as a (?:woman|man|mother|father|parent|human)\b", r"i(?:'ve| have) been (?:there|through (?:that|this|the same))", r"i(?:'m| am) (?:a |also )?(?:real |only )?(?:human|person)\b", r"i(?:'m| am) not (?:an ai|a (?:robot|machine|bot|computer))",
)  # fmt: skip
"""A past, a family, a body that we do not have."""
_ANNOUNCED = (
    r"i (?:can )?(?:detect|sense)(?:ed)? (?:that |some |a )?(?:sadness|anger|fear|joy|emotion|stress)", r"your voice (?:indicates|shows|registers)", r"(?:emotion|label|cues?|tone|need|cause|risk) ?(?:detected|label|:)", r"(?:an )?intensity (?:of|level)", r"tactics?:", r"\bappraisal\b", r"the (?:voice|cue) line",
)  # fmt: skip
"""The appraisal, or a measurement, aloud."""
_DISMISSED = (
    r"i (?:understand|know) exactly how you feel", r"everything happens for a reason", r"don'?t worry about it", r"look on the bright side", r"as an ai language model", r"calm down\b(?=[.,!?]|,? please| now)", r"(?:it )?could(?:'ve| have)? be(?:en)? (?:much |a lot |so much )?worse", r"(?:other|some) people have it (?:\w+ )?worse", r"you(?:'re| are) overreacting", r"time heals all", r"just (?:get over|snap out of) it",
)  # fmt: skip
_DIAGNOSED = (
    r"(?:you (?:have|might have|may have|could have|probably have|clearly have|suffer from|are suffering from|must have)|you've got|sounds like|this is|that's) (?:a |an |some |clinical |severe |chronic |a case of |you have |symptoms of )*(?:depression\b|(?:\w+ )?(?:anxiety|panic|personality|eating|bipolar|stress) disorder|adhd|ptsd|autism|dementia|bipolar\b|psychosis|anorexia|ocd\b)",
    r"you(?:'re| are) (?:probably |clearly |definitely |likely |clinically )*(?:bipolar|schizophrenic|psychotic|autistic|clinically depressed|an alcoholic|a narcissist|borderline|mentally ill)", r"i (?:would )?diagnose",
    r"(?:stop|quit|skip|double) (?:taking )?your (?:medication|meds|pills|tablets|insulin|dose)", r"(?:take|swallow|have) (?:\d+|a few more|some more|twenty|ten|a handful of|all of (?:the|your)) (?:more )?(?:mg|milligrams|pills|tablets|of (?:the|your) (?:pills|tablets))",
)  # fmt: skip
"""We are nobody's doctor."""
_HARMFUL = (
    r"lethal (?:dose|amount)", r"(?:how|ways?|best way|easiest way|painless(?:ly)?) (?:\w+ )?to (?:kill|hang|overdose|cut) (?:yourself|on)", r"(?:kill|hang|shoot|harm|drown) yourself\b(?! ?\?)|killed yourself|cut(?:ting)? yourself deep", r"better off (?:dead|without you)", r"(?:go ahead and|you should|you could|just) (?:hurt|hit|kill|stab|shoot|end it|die)\b", r"nobody would (?:miss|blame) you", r"he (?:hits|hit|beat) you because you",
)  # fmt: skip
_PROMISED = (
    r"i(?:'ll| will|'ve|'m| have| am|'d| can)? ?(?:just |already )?(?:call(?:ed|ing)?|contact(?:ed|ing)?|send(?:ing)?|sent|alert(?:ed|ing)?|dial(?:led|ling)?) (?:\w+ )?(?:\w+ )?(?:911|999|112|ambulance|police|emergency services|paramedics|your (?:doctor|mother|mum|mom|family|parents))\b",
    r"i(?:'ll| will) (?:come over|drive you|pick you up|be at your door|meet you there)", r"i(?:'m| am) (?:on my way|outside your)",
)  # fmt: skip
"""Help that we cannot give."""

_BELITTLED = (
    r"you(?:'re| are) (?:still |just |really |such |also |being |only )*(?:a |an )?(?:bad |terrible |awful |horrible )?(?:coward|failure|loser|idiot|fool|fraud|liar|burden|monster|mess|pathetic|worthless|useless|stupid|disgusting|ugly|hopeless|unlovable|selfish|lazy|weak|bad (?:mother|father|mum|mom|dad|son|daughter|friend|wife|husband|person|parent))\b",
)  # fmt: skip
"""What people call themselves, said back as if it were so: "I'm a coward" gets no "You're still a coward"."""
_HOLLOW = (
    r"(?:that|it)(?:'s| is) (?:still |also )?a (?:(?:real|very serious) (?:thing|person|word|way|question)|big thing)\b", r"i(?:'ll| will) (?:stay|sit|wait|be|come) with you (?:in|at|under|on) (?:the|your)\b",
)  # fmt: skip
"""Where a small model has nothing to say: "That's a real thing", "I'll stay with you in the shower"."""

_UNFIT = re.compile(
    r"\b(?:"
    + "|".join((*_SELF, *_ANNOUNCED, *_DISMISSED, *_DIAGNOSED, *_HARMFUL, *_PROMISED, *_BELITTLED, *_HOLLOW))
    + ")",
    re.IGNORECASE,
)


def unfit(sentence: str) -> bool:
    """Whether a sentence, or what there is of it, may not be said."""
    return bool(_UNFIT.search(sentence.replace("’", "'")))
