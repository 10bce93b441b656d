"""The first steps of support in a crisis, in languages other than English. No native speaker has reviewed them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """Said in turn; `steps_with` where a crisis line and an emergency number are known."""

    steps_with: tuple[str, ...]
    steps: tuple[str, ...]


FOREIGN = {
    "de": Texts(
        (
            "Gut, dass du mir das sagst. Ich bleibe hier. Bist du gerade sicher, oder denkst du daran, dir das Leben zu nehmen? Du kannst {line} anrufen, und bei Gefahr {emergency}.",
            "Danke, dass du weiter mit mir sprichst. Wer könnte jetzt bei dir sein? Bitte ruf auch {line} an, während ich bei dir bleibe.",
            "Ich bin noch da. Kannst du etwas Abstand zu allem schaffen, womit du dich verletzen könntest, und jemanden rufen, dem du vertraust?",
        ),
        (
            "Gut, dass du mir das sagst. Ich bleibe hier. Bist du gerade sicher, oder denkst du daran, dir das Leben zu nehmen? Bitte ruf den Krisendienst bei dir an, und bei Gefahr den Notruf.",
            "Danke, dass du weiter mit mir sprichst. Wer könnte jetzt bei dir sein? Bitte ruf auch den Krisendienst an, während ich bei dir bleibe.",
            "Ich bin noch da. Kannst du etwas Abstand zu allem schaffen, womit du dich verletzen könntest, und jemanden rufen, dem du vertraust?",
        ),
    ),
    "fr": Texts(
        (
            "Merci de me l'avoir dit. Je reste là, avec toi. Es-tu en sécurité en ce moment, ou penses-tu à mettre fin à tes jours ? Tu peux appeler le {line}, ou le {emergency} en cas de danger.",
            "Merci de continuer à me parler. Qui pourrait être près de toi maintenant ? Appelle aussi le {line}, je reste avec toi.",
            "Je suis toujours là. Peux-tu t'éloigner de ce qui pourrait te blesser, et appeler quelqu'un en qui tu as confiance ?",
        ),
        (
            "Merci de me l'avoir dit. Je reste là, avec toi. Es-tu en sécurité en ce moment, ou penses-tu à mettre fin à tes jours ? Appelle une ligne d'écoute près de chez toi, ou les urgences en cas de danger.",
            "Merci de continuer à me parler. Qui pourrait être près de toi maintenant ? Appelle aussi une ligne d'écoute, je reste avec toi.",
            "Je suis toujours là. Peux-tu t'éloigner de ce qui pourrait te blesser, et appeler quelqu'un en qui tu as confiance ?",
        ),
    ),
    "es": Texts(
        (
            "Gracias por decírmelo. Me quedo aquí contigo. ¿Estás a salvo ahora mismo, o estás pensando en quitarte la vida? Puedes llamar al {line}, o al {emergency} si hay peligro.",
            "Gracias por seguir hablando conmigo. ¿Quién podría estar contigo ahora? Llama también al {line}; yo me quedo aquí.",
            "Sigo aquí. ¿Puedes alejarte de lo que podría hacerte daño y llamar a alguien de confianza?",
        ),
        (
            "Gracias por decírmelo. Me quedo aquí contigo. ¿Estás a salvo ahora mismo, o estás pensando en quitarte la vida? Llama a la línea de ayuda de tu país, o a emergencias si hay peligro.",
            "Gracias por seguir hablando conmigo. ¿Quién podría estar contigo ahora? Llama también a la línea de ayuda; yo me quedo aquí.",
            "Sigo aquí. ¿Puedes alejarte de lo que podría hacerte daño y llamar a alguien de confianza?",
        ),
    ),
    "it": Texts(
        (
            "Grazie per avermelo detto. Resto qui con te. Sei al sicuro adesso, o stai pensando di toglierti la vita? Puoi chiamare il {line}, o il {emergency} se c'è pericolo.",
            "Grazie per continuare a parlarmi. Chi potrebbe starti vicino adesso? Chiama anche il {line}; io resto qui.",
            "Sono ancora qui. Puoi allontanarti da ciò che potrebbe farti male, e chiamare qualcuno di cui ti fidi?",
        ),
        (
            "Grazie per avermelo detto. Resto qui con te. Sei al sicuro adesso, o stai pensando di toglierti la vita? Chiama una linea di ascolto, o il numero di emergenza se c'è pericolo.",
            "Grazie per continuare a parlarmi. Chi potrebbe starti vicino adesso? Chiama anche una linea di ascolto; io resto qui.",
            "Sono ancora qui. Puoi allontanarti da ciò che potrebbe farti male, e chiamare qualcuno di cui ti fidi?",
        ),
    ),
    "pt": Texts(
        (
            "Obrigado por me contar. Fico aqui consigo. Está em segurança agora, ou está a pensar em acabar com a vida? Pode ligar para {line}, ou {emergency} se houver perigo.",
            "Obrigado por continuar a falar comigo. Quem poderia estar consigo agora? Ligue também para {line}; eu fico aqui.",
            "Continuo aqui. Consegue afastar-se do que o possa magoar, e chamar alguém de confiança?",
        ),
        (
            "Obrigado por me contar. Fico aqui consigo. Está em segurança agora, ou está a pensar em acabar com a vida? Ligue para uma linha de apoio, ou para a emergência se houver perigo.",
            "Obrigado por continuar a falar comigo. Quem poderia estar consigo agora? Ligue também para uma linha de apoio; eu fico aqui.",
            "Continuo aqui. Consegue afastar-se do que o possa magoar, e chamar alguém de confiança?",
        ),
    ),
    "nl": Texts(
        (
            "Fijn dat je het me vertelt. Ik blijf bij je. Ben je nu veilig, of denk je eraan een einde aan je leven te maken? Je kunt {line} bellen, en bij gevaar {emergency}.",
            "Dank je dat je met me blijft praten. Wie zou er nu bij je kunnen zijn? Bel ook {line}; ik blijf hier.",
            "Ik ben er nog. Kun je afstand nemen van waar je jezelf mee zou kunnen verwonden, en iemand bellen die je vertrouwt?",
        ),
        (
            "Fijn dat je het me vertelt. Ik blijf bij je. Ben je nu veilig, of denk je eraan een einde aan je leven te maken? Bel een hulplijn in de buurt, en bij gevaar het alarmnummer.",
            "Dank je dat je met me blijft praten. Wie zou er nu bij je kunnen zijn? Bel ook een hulplijn; ik blijf hier.",
            "Ik ben er nog. Kun je afstand nemen van waar je jezelf mee zou kunnen verwonden, en iemand bellen die je vertrouwt?",
        ),
    ),
}  # fmt: skip
