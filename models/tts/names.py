"""Names that espeak-ng reads by the letters: as their bearers say them, in IPA (diphthongs tied by `^`). Pure data."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "adaeze": "ɑːdɑːˈɛze^ɪ", "agnieszka": "æɡnjˈɛʃkə", "ahmed": "ˈɑːmɛd", "aisha": "a^ɪˈiːʃə",
    "alejandro": "ælɪhˈændɹo^ʊ", "anais": "ænaˈiːs", "beatriz": "biːətɹˈiːz", "caoimhe": "kˈiːvə",
    "celine": "sɛlˈiːn", "deirdre": "dˈɪɹdɹə", "eilidh": "ˈe^ɪli", "eli": "ˈiːla^ɪ", "eloise": "ˈɛlo^ʊˌiːz",
    "eoin": "ˈo^ʊɪn", "esme": "ˈɛzme^ɪ", "ffion": "fˈiːɔn", "francois": "fɹɑːnswˈɑː", "françois": "fɹɑːnswˈɑː",
    "guillermo": "ɡijˈɛɹmo^ʊ", "jakub": "jˈækuːb", "joao": "ʒuˈa^ʊ", "joaquin": "wɑːkˈiːn",
    "joelle": "d^ʒo^ʊˈɛl", "kaitlyn": "kˈe^ɪtlɪn", "kwame": "kwˈɑːme^ɪ", "mae": "mˈe^ɪ", "marija": "mˈɑːɹijə",
    "nguyen": "wˈɪn", "niamh": "nˈiːv", "noel": "nˈo^ʊəl", "oisin": "ʊʃˈiːn", "oluwaseun": "ˌo^ʊluːwɑːʃˈe^ɪʊn",
    "roisin": "ɹo^ʊʃˈiːn", "róisín": "ɹo^ʊʃˈiːn", "seung": "sˈʌŋ", "sinead": "ʃɪnˈe^ɪd", "thiago": "tiːˈɑːɡo^ʊ",
    "wei": "wˈe^ɪ", "wojciech": "vˈɔ^ɪt^ʃɛk", "xiao": "ʃˈa^ʊ", "xin": "ʃˈɪn", "zainab": "zˈe^ɪnəb",
    "zhang": "d^ʒˈɑːŋ",
}  # fmt: skip
