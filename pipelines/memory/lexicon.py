"""Words by which facts are known: kinship, callings, times. Closed lists, because a wrong memory is worse than none."""

from __future__ import annotations


def _any(words: str) -> str:
    """A pattern for any of these, the longest first; spaces stand for spaces, "_" joins words of one entry."""
    entries = sorted((word.replace("_", " ") for word in words.split()), key=len, reverse=True)
    return "(?:" + "|".join(entries) + ")"


RELATION = _any(
    "mum mom mam mother dad father parents parent wife husband partner boyfriend girlfriend fiance fiancé fiancee fiancée "
    "ex ex-wife ex-husband son daughter baby twins kids children child sister brother twin_sister twin_brother twin "
    "little_sister little_brother big_sister big_brother older_sister older_brother younger_sister younger_brother "
    "sister-in-law brother-in-law mother-in-law father-in-law stepson stepdaughter stepdad stepmum "
    "stepmother stepfather "
    "grandma grandmother granny gran nan nana grandad granddad grandfather grandpa grandson granddaughter auntie aunt "
    "uncle cousin nephew niece best_friend friend flatmate roommate housemate neighbour neighbor boss manager teacher "
    "coach dog cat puppy kitten rabbit hamster horse parrot budgie guinea_pig tortoise"
)
"""People and animals of somebody's own."""

CALLING = _any(
    "nurse doctor teacher paramedic midwife carer farmer baker chef cook waiter waitress barista plumber electrician "
    "carpenter builder joiner welder mechanic driver lorry_driver bus_driver taxi_driver truck_driver courier postman "
    "pilot sailor fisherman soldier veteran police_officer firefighter lawyer solicitor barrister judge accountant "
    "engineer programmer developer designer architect scientist researcher chemist pharmacist dentist vet therapist "
    "counsellor psychologist social_worker librarian journalist writer author poet painter artist musician singer "
    "drummer violinist pianist dancer actor photographer florist gardener hairdresser barber tailor cleaner caretaker "
    "receptionist secretary cashier shopkeeper salesman manager electrician consultant translator lecturer professor "
    "teaching_assistant student trainee apprentice intern PhD_student medical_student single_mum single_mom "
    "single_dad stay-at-home_dad stay-at-home_mum stay-at-home_mom widow widower"
)
"""What people are by trade or standing."""

CONDITION = _any(
    "cancer diabetes asthma epilepsy dementia alzheimer's parkinson's depression anxiety ADHD autism OCD PTSD bipolar "
    "arthritis migraines endometriosis MS lupus dyslexia tinnitus insomnia leukaemia leukemia"
)

STATE = _any(
    "retired unemployed between_jobs pregnant adopted divorced widowed engaged married single autistic diabetic deaf "
    "blind dyslexic vegan vegetarian sober colour-blind color-blind left-handed self-employed bilingual trans gay "
    "bisexual asexual"
)
"""What one is for long, said of oneself."""

WEEKDAY = _any("monday tuesday wednesday thursday friday saturday sunday")
MONTH = _any("january february march april may june july august september october november december")
COUNT = _any("a an one two three four five six seven eight nine ten twelve twenty a_few a_couple_of \\d+")
PART = _any("morning afternoon evening night")
SEASON = _any("spring summer autumn winter")
TIME = (
    rf"(?:(?:the day after )?tomorrow(?: {PART})?|tonight|today|this (?:{PART}|week|weekend|month|year|{SEASON}|{WEEKDAY})"
    rf"|(?:on |next )?{WEEKDAY}(?: {PART}| week)?|next (?:week|weekend|month|year|{SEASON}|{WEEKDAY}|{MONTH})"
    rf"|in {COUNT} (?:hours?|days?|weeks?|months?)|in (?:the )?(?:{MONTH}|{SEASON}|new year)"
    r"|on the \d{1,2}(?:st|nd|rd|th)|at the weekend|at christmas)"
)
"""When a plan is due."""

OCCASION = _any(
    "interview job_interview exam exams test driving_test final finals operation surgery wedding scan appointment viva "
    "defence defense hearing recital audition results flight first_day birthday funeral graduation biopsy trial "
    "court_date due_date deadline shift first_shift marathon concert presentation speech move party reunion "
    "anniversary date visit treatment chemo exhibition performance competition match holiday trip"
)

NUMBER = (
    r"(?:\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|six|seven|eight|nine)"
)
