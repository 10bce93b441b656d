"""A turn, shown to a person: what was heard, how, what was made of it, the answer, and the times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..turn import Turn

CLIENT_STAGES = {
    "committed": "your turn is taken as ended",
    "transcript": "your words are known",
    "first_words": "first words of the answer",
    "first_audio": "first audio of the answer",
    "first_sound": "the answer can be heard",
    "done": "answer complete",
}
SERVER_STAGES = {
    "committed": "turn taken as ended",
    "appraised": "appraisal made",
    "first_words": "first phrase worded",
    "first_audio": "first phrase spoken",
    "finished": "all of it made",
}


def show_turn(console: Console, turn: Turn) -> None:
    """Print a turn."""
    _line(console, "heard", turn.heard or "(no words)")
    _line(console, "voice", voice_line(turn.cues))
    if turn.appraisal:
        _line(console, "appraisal", appraisal_line(turn.appraisal))
    _line(console, "reply", turn.reply or "(none)")
    for error in (*turn.errors, *turn.degraded):
        _line(console, "[red]trouble[/]", error)
    if turn.client_ms:
        console.print(timing_table(turn))


def timing_table(turn: Turn) -> Table:
    """Milliseconds after the end of the user's speech, by stage."""
    table = Table(title="milliseconds after the end of your speech", title_justify="left")
    table.add_column("seen by")
    table.add_column("stage")
    table.add_column("ms", justify="right")
    for seen_by, stages, times in (
        ("client", CLIENT_STAGES, turn.client_ms),
        ("server", SERVER_STAGES, turn.server_ms),
    ):
        for stage, text in stages.items():
            if stage in times:
                table.add_row(seen_by, text, str(times[stage]))
                seen_by = ""
        table.add_section()
    return table


def voice_line(cues: Mapping[str, Any]) -> str:
    """Cues in a line; what is not known is not said."""
    parts = [f"{label} {p:.2f}" for label, p in list((cues.get("emotion") or {}).items())[:3]]
    parts += list(cues.get("style") or [])
    parts += [event["event"] for event in cues.get("events") or []]
    parts += [f"{evidence['claim']}: {evidence['measured']}" for evidence in cues.get("evidence") or []]
    return "; ".join(parts) or "nothing notable"


def appraisal_line(appraisal: Mapping[str, Any]) -> str:
    """The chain of empathy in a line."""
    parts = [f"{appraisal['emotion']} ({appraisal['intensity']})"]
    parts += [f"because: {appraisal['cause']}"] if appraisal["cause"] else []
    parts += [f"needs: {appraisal['need']}", " + ".join(appraisal["tactics"]), f"tone: {appraisal['tone']}"]
    parts += ["voice and words disagree"] if appraisal.get("conflict") else []
    parts += [f"risk: {appraisal['risk']}"] if appraisal.get("risk") != "none" else []
    return "; ".join(parts).replace("_", " ")


def _line(console: Console, name: str, text: str) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=9)
    table.add_column()
    table.add_row(f"[bold]{name}[/]", escape(text))
    console.print(table)
