"""A turn, shown to a person: what was heard, how, what was made of it, the answer, and the times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from ..file import Turn

STAGES = {
    "committed": "turn taken as ended",
    "transcript": "words known",
    "first_words": "first words of the answer",
    "first_audio": "first sound of the answer",
    "done": "answer complete",
}


def show_turn(console: Console, turn: Turn) -> None:
    """Print a turn."""
    console.print(f"[bold]heard[/]      {turn.heard or '(nothing)'}")
    console.print(f"[bold]voice[/]      {voice_line(turn.cues)}")
    if turn.appraisal:
        console.print(f"[bold]appraisal[/]  {appraisal_line(turn.appraisal)}")
    console.print(f"[bold]reply[/]      {turn.reply or '(none)'}")
    for error in turn.errors:
        console.print(f"[red]error[/]      {error}")
    table = Table(title="milliseconds after the end of your speech", title_justify="left")
    table.add_column("stage")
    table.add_column("at the client", justify="right")
    for stage, text in STAGES.items():
        if stage in turn.client_ms:
            table.add_row(text, str(turn.client_ms[stage]))
    console.print(table)


def voice_line(cues: Mapping[str, Any]) -> str:
    """Cues in a line; what is not known is not said."""
    parts = [f"{label} {p:.2f}" for label, p in list((cues.get("emotion") or {}).items())[:3]]
    parts += list(cues.get("style") or [])
    parts += [event["event"] for event in cues.get("events") or []]
    parts += [f"{evidence['claim']}: {evidence['measured']}" for evidence in cues.get("evidence") or []]
    return "; ".join(parts) or "nothing notable"


def appraisal_line(appraisal: Mapping[str, Any]) -> str:
    """The chain of empathy in a line."""
    parts = [f"{appraisal['emotion']} ({appraisal['intensity']})", f"because: {appraisal['cause'] or '?'}"]
    parts += [f"needs: {appraisal['need']}", " + ".join(appraisal["tactics"]), f"tone: {appraisal['tone']}"]
    if appraisal.get("risk") != "none":
        parts.append(f"risk: {appraisal['risk']}")
    return "; ".join(parts)
