"""The one vocabulary of cues, appraisals, corpus and evaluation (the corpus' SPEC.md defines each label)."""

from enum import StrEnum


class Emotion(StrEnum):
    """What a person may feel; several at once may be high."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    EXCITED = "excited"
    CONTENT = "content"
    GRATEFUL = "grateful"
    PROUD = "proud"
    AMUSED = "amused"
    HOPEFUL = "hopeful"
    RELIEVED = "relieved"
    SURPRISED = "surprised"
    SAD = "sad"
    GRIEVING = "grieving"
    LONELY = "lonely"
    DISAPPOINTED = "disappointed"
    HURT = "hurt"
    ASHAMED = "ashamed"
    GUILTY = "guilty"
    ANXIOUS = "anxious"
    AFRAID = "afraid"
    OVERWHELMED = "overwhelmed"
    FRUSTRATED = "frustrated"
    ANGRY = "angry"
    DISGUSTED = "disgusted"
    JEALOUS = "jealous"
    EMBARRASSED = "embarrassed"
    TIRED = "tired"
    NUMB = "numb"
    CONFUSED = "confused"


JOYS = frozenset(
    {
        Emotion.HAPPY, Emotion.EXCITED, Emotion.CONTENT, Emotion.GRATEFUL, Emotion.PROUD, Emotion.AMUSED,
        Emotion.HOPEFUL, Emotion.RELIEVED,
    }
)  # fmt: skip
EVEN = frozenset({Emotion.NEUTRAL, Emotion.SURPRISED, Emotion.CONFUSED, Emotion.TIRED})
"""Neither glad nor sad. What is in neither set is a heavy feeling."""


def sign(emotion: Emotion) -> int:
    """1 for a glad feeling, -1 for a heavy one, 0 for an even one."""
    return 1 if emotion in JOYS else 0 if emotion in EVEN else -1


class VoiceStyle(StrEnum):
    """How the voice sounds, against this speaker's own usual."""

    QUIET = "quiet"
    LOUD = "loud"
    WHISPER = "whisper"
    SHOUT = "shout"
    SLOW = "slow"
    FAST = "fast"
    TREMBLING = "trembling"
    FLAT = "flat"
    MONOTONE = "monotone"
    TENSE = "tense"
    BREATHLESS = "breathless"
    BRIGHT = "bright"
    HOARSE = "hoarse"


class VocalEvent(StrEnum):
    """A sound that is not a word."""

    LAUGH = "laugh"
    COUGH = "cough"
    SIGH = "sigh"
    SOB = "sob"
    SNIFF = "sniff"
    GASP = "gasp"
    YAWN = "yawn"
    THROAT_CLEAR = "throat_clear"
    SNEEZE = "sneeze"
    LONG_PAUSE = "long_pause"
    NERVOUS_LAUGH = "nervous_laugh"


class AgeBand(StrEnum):
    CHILD = "child"
    TEEN = "teen"
    ADULT = "adult"
    SENIOR = "senior"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Need(StrEnum):
    """What the person needs from the listener now."""

    BE_HEARD = "be_heard"
    COMFORT = "comfort"
    VALIDATION = "validation"
    PERSPECTIVE = "perspective"
    ADVICE = "advice"
    INFORMATION = "information"
    CELEBRATE = "celebrate"
    COMPANY = "company"
    SPACE = "space"
    SAFETY = "safety"
    PRACTICAL_HELP = "practical_help"


class Tactic(StrEnum):
    """What a sentence of the reply does (MINT's taxonomy, less self-disclosure: we have no past to tell)."""

    VALIDATION = "validation"
    PARAPHRASING = "paraphrasing"
    QUESTIONING = "questioning"
    EMOTIONAL_EXPRESSION = "emotional_expression"
    REAPPRAISAL = "reappraisal"
    EMPOWERMENT = "empowerment"
    INFORMATION = "information"
    ADVICE = "advice"
    ASSISTANCE = "assistance"


class Tone(StrEnum):
    """How the reply should sound."""

    GENTLE = "gentle"
    WARM = "warm"
    CALM = "calm"
    BRIGHT = "bright"
    PLAYFUL = "playful"
    SERIOUS = "serious"
    ENCOURAGING = "encouraging"
    APOLOGETIC = "apologetic"
    NEUTRAL = "neutral"


class Risk(StrEnum):
    NONE = "none"
    WATCH = "watch"
    CRISIS = "crisis"
