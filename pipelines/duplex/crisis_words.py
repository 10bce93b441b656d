"""Plain words for a wish to die, or for being harmed, in languages that crisis.py has no grammar for."""

from __future__ import annotations

PHRASES = {
    "de": (
        r"(?:mich|selbst) umbringen\b", r"bring(?:e)? mich um\b", r"(?:will|möchte|wollte) (?:\w+ ){0,3}sterben\b", r"nicht mehr leben\b", r"mein(?:em)? leben (?:\w+ ){0,2}(?:ein )?ende\b", r"selbstmord(?:gedanken)?\b", r"suizid\w*",
        r"(?:mich|selbst) (?:\w+ )?(?:ritzen|verletzen)\b|ritze mich", r"(?:ohne mich) (?:\w+ )?besser dran|besser dran ohne mich", r"(?:er|sie) (?:schlägt|würgt|bedroht) mich\b", r"nicht mehr aufwachen\b", r"mir (?:\w+ ){0,2}das leben nehmen",
    ),
    "fr": (
        r"(?:me|m')\s?(?:suicider|tuer)\b", r"(?:je )?(?:veux|voudrais|voulais) (?:\w+ )?mourir\b", r"(?:plus|pas) (?:\w+ )?envie de vivre", r"ne (?:veux|peux) plus vivre\b", r"en finir (?:avec la vie|pour de bon)|mettre fin à (?:mes jours|ma vie)", r"(?:pensées|idées) suicidaires|me suicide\b|du suicide\b",
        r"me (?:faire du mal|mutiler|scarifier)\b", r"(?:mieux|tranquilles?) sans moi\b", r"(?:il|elle) me (?:frappe|bat|menace|étrangle)\b", r"ne (?:plus|jamais) me réveiller",
    ),
    "es": (
        r"(?:suicidarme|matarme|quitarme la vida)\b", r"me (?:quiero|voy a|quisiera) (?:\w+ )?(?:matar|suicidar|morir)\b", r"(?:quiero|quisiera|querría) morir(?:me)?\b", r"no quiero (?:seguir )?vivi(?:r|endo)\b", r"acabar con (?:mi vida|todo esto)", r"suicidi(?:o|a)\b",
        r"(?:hacerme daño|cortarme|autolesion\w+)\b", r"(?:mejor|mejores) sin mí\b", r"(?:él|ella|mi \w+) me (?:pega|golpea|amenaza|maltrata)\b", r"no despertar(?:me)? (?:más|nunca)",
    ),
    "it": (
        r"(?:uccidermi|ammazzarmi|suicidarmi|togliermi la vita)\b", r"mi (?:voglio|vorrei) (?:uccidere|ammazzare)\b", r"(?:voglio|vorrei) morire\b", r"non voglio (?:più )?vivere\b", r"farla finita\b", r"suicidio\b", r"(?:farmi del male|tagliarmi)\b", r"meglio senza di me", r"mi (?:picchia|minaccia|violenta)\b",
    ),
    "pt": (
        r"(?:me matar|matar-me|suicidar-me|me suicidar|tirar (?:a )?minha (?:própria )?vida)\b", r"(?:quero|queria) morrer\b", r"não quero (?:mais )?viver\b", r"acabar com (?:a minha vida|tudo isto)", r"suicídio\b", r"(?:me machucar|magoar-me|me cortar)\b", r"melhor sem mim", r"(?:ele|ela) me (?:bate|ameaça)\b",
    ),
    "nl": (
        r"(?:wil|zou willen) (?:\w+ )?(?:dood|sterven)\b", r"zelfmoord\w*", r"mezelf (?:\w+ )?(?:van kant maken|doden|pijn doen|snijden)\b", r"niet meer (?:leven|wakker worden)\b", r"een einde (?:\w+ )?aan mijn leven", r"beter af zonder mij", r"(?:hij|zij) (?:slaat|bedreigt) mij?\b",
    ),
}  # fmt: skip
"""By ISO 639 code. A phrase too many asks a question too many; grammar ("she said that ...") is not looked at."""
