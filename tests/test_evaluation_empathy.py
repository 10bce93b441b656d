"""`affetto eval empathy`: dialogues are played as a talk goes, and the figures say what they claim to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from affetto.models.appraisal import tactics
from affetto.models.base import Appraisal, PastTurn, Situation
from affetto.models.labels import Emotion, Need, Risk, Tactic, Tone
from affetto.pipelines.evaluation import empathy, empathy_report, judging
from affetto.pipelines.training import corpus
from affetto.pipelines.training.split import is_held_out, story
from affetto.server.__main__ import main

PLAN = Appraisal(Emotion.SAD, 2, "the dog died", Need.COMFORT, False, Risk.NONE, (Tactic.VALIDATION,), Tone.GENTLE)


def played(
    *chosen: tuple[Tactic, ...], dialogue: str = "a-001", risk: Risk = Risk.NONE, reply: str = "Oh, that hurts."
) -> list[empathy.Played]:
    example = corpus.Example(dialogue, Situation("My dog died."), PLAN, "I'm sorry.")
    return [empathy.Played(example, replace(PLAN, tactics=tactics, risk=risk), reply) for tactics in chosen]


V, Q, E = (Tactic.VALIDATION,), (Tactic.QUESTIONING,), (Tactic.EMPOWERMENT,)


@pytest.mark.parametrize(
    ("chosen", "stickiness"), [((V, Q, V, Q), 0.0), ((V, V, V), 1.0), ((V, V, Q, V), 0.25), ((V,), 0.0)]
)
def test_stickiness_is_how_often_a_tactic_comes_again_at_once(
    chosen: tuple[tuple[Tactic, ...], ...], stickiness: float
) -> None:
    assert empathy_report.report(played(*chosen))["stickiness"] == stickiness


def test_turns_of_two_dialogues_do_not_follow_each_other_and_crises_do_not_count() -> None:
    two = played(V) + played(V, dialogue="b-001")
    assert empathy_report.report(two)["stickiness"] == 0.0
    assert empathy_report.report(played(V, V, risk=Risk.CRISIS))["stickiness"] == 0.0


def test_lift_is_stickiness_over_how_common_a_tactic_is() -> None:
    report = empathy_report.report(played(V, V, Q, Q))
    assert report["stickiness"] == 0.75
    assert report["lift"] == 1.5


def test_risk_figures_count_what_was_missed_and_what_was_called_for_nothing() -> None:
    example = corpus.Example("a-001", Situation("x"), replace(PLAN, risk=Risk.CRISIS), "")
    wanted = [empathy.Played(example, replace(PLAN, risk=risk), "") for risk in (Risk.CRISIS, Risk.WATCH)]
    report = empathy_report.report(wanted + played(V, V, V) + played(V, risk=Risk.CRISIS))
    assert report["crisis_recall"] == 0.5
    assert report["false_alarms"] == 0.25


@pytest.mark.parametrize(
    ("reply", "leak"),
    [("[sad 2] Oh.", True), ("Oh, *that* hurts.", True), ("(voice: sad) Oh", True), ("Oh, that hurts.", False)],
)
def test_a_leak_is_anything_of_the_trace_in_what_is_said(reply: str, leak: bool) -> None:
    assert empathy_report.leaks(reply) is leak


def test_emotions_are_right_first_or_second_or_of_the_wrong_sign() -> None:
    turns = [
        empathy.Played(
            corpus.Example("a-001", Situation("x"), PLAN, ""), replace(PLAN, emotion=felt), "", likeliest=ranked
        )
        for felt, ranked in (
            (Emotion.SAD, (Emotion.SAD, Emotion.TIRED)),
            (Emotion.HURT, (Emotion.HURT, Emotion.SAD)),
            (Emotion.HAPPY, (Emotion.HAPPY, Emotion.TIRED)),
            (Emotion.TIRED, ()),
        )
    ]
    found = empathy_report.report(turns)["appraisal"]
    assert (found["emotion"], found["emotion_top2"], found["wrong_sign"]) == (0.25, 0.667, 0.25)


def test_replies_are_counted_by_their_openings() -> None:
    turns = (
        played(V, reply="Oh, that hurts. Why?") + played(V, reply="Oh, that is sad.") + played(V, reply="Six years!")
    )
    found = empathy_report.report(turns)["replies"]
    assert found["commonest_opening"] == "oh that"
    assert found["commonest_opening_share"] == 0.667
    assert found["distinct_openings"] == 0.667
    assert found["question_rate"] == 0.333


def test_the_judges_bad_items_are_turned_round() -> None:
    scores = dict.fromkeys((*judging.GOOD, *judging.BAD), 4.0)
    assert judging.aggregate(scores) == 3.0


def test_an_unreadable_verdict_is_left_out() -> None:
    class Judge:
        def __init__(self) -> None:
            self.answers = ["nonsense", json.dumps(dict.fromkeys((*judging.GOOD, *judging.BAD), 9))]

        async def stream(self, messages: object, options: object) -> AsyncIterator[object]:
            from affetto.models.base import ChatDelta

            yield ChatDelta(self.answers.pop())

    report = asyncio.run(judging.judge(played(V, Q), Judge()))  # type: ignore[arg-type]
    assert (report["judged"], report["unread"], report["naturalness"]) == (1, 1, 5)


def test_what_ships_is_just_what_is_held_out() -> None:
    examples = list(corpus.read_file(empathy.HELD_OUT))
    assert len(examples) > 400
    assert all(is_held_out(example.dialogue) for example in examples)
    names = {example.dialogue for example in examples}
    triples = {story(name) for name in names if name.endswith("a")}
    assert all({f"{name}a", f"{name}b", f"{name}c"} <= names for name in triples if f"{name}c" in names)
    assert any(example.plan.risk is Risk.CRISIS for example in examples)


@pytest.mark.parametrize("extra", [[], ["--no-replies"], ["--unheard"]])
def test_the_command_plays_a_corpus_and_writes_the_replies(
    extra: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "replies.jsonl"
    assert (
        main(["eval", "empathy", "--profile", "scripted", "--dialogues", "6", "--out", str(out), "--json", *extra]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert list(report)[:7] == [
        "stickiness", "lift", "question_rate", "parse_rate", "leaks", "crisis_recall", "false_alarms",
    ]  # fmt: skip
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == report["turns"]
    assert all(bool(line["reply"]) is ("--no-replies" not in extra) for line in lines)
    assert any(line["cues"] for line in lines) is ("--unheard" not in extra)


def test_replies_are_judged_by_a_model_behind_a_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with judge_server(dict.fromkeys((*judging.GOOD, *judging.BAD), 4)) as (url, asked):
        command = ["eval", "empathy", "--profile", "scripted", "--dialogues", "3", "--json", "--judge", url, "strict"]
        assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["judge"]["judged"], report["judge"]["unread"]) == (report["turns"], 0)
    assert (report["judge"]["aggregate"], report["judge"]["context_fit"]) == (3.0, 4.0)
    assert {body["model"] for body in asked} == {"strict"}
    assert "Listener's reply, to be judged:" in asked[0]["messages"][-1]["content"]
    assert asked[0]["response_format"]["json_schema"]["schema"] == judging.SCHEMA


def test_a_judge_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["eval", "empathy", "--profile", "scripted", "--dialogues", "1", "--judge", "http://127.0.0.1:9/v1", "x"]
    assert main(command) != 0
    assert "127.0.0.1:9" in capsys.readouterr().err


@contextmanager
def judge_server(verdict: dict[str, int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenAI-compatible endpoint that gives every reply the same scores; also what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            choice = {"delta": {"content": json.dumps(verdict)}, "finish_reason": "stop"}
            self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_corpus_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "x"}\n')
    assert main(["eval", "empathy", "--profile", "scripted", "--corpus", str(bad)]) == 2
    assert "bad.jsonl, line 1" in capsys.readouterr().err


# -- the policy that the figures measure --------------------------------------------------------------


def past(*tactics_used: Tactic) -> tuple[PastTurn, ...]:
    return (PastTurn("x", None, replace(PLAN, tactics=tactics_used), "y"),)


def test_the_best_tactic_leads_and_a_near_second_joins() -> None:
    logits = {Tactic.VALIDATION: 1.0, Tactic.EMPOWERMENT: 0.6, Tactic.PARAPHRASING: -2.0}
    assert tactics.choose(logits, (), Need.COMFORT) == (Tactic.VALIDATION, Tactic.EMPOWERMENT)
    assert tactics.choose({**logits, Tactic.EMPOWERMENT: 0.0}, (), Need.COMFORT) == (Tactic.VALIDATION,)


def test_what_was_just_done_gives_way_to_what_is_nearly_as_fit() -> None:
    logits = {Tactic.VALIDATION: 1.0, Tactic.PARAPHRASING: 0.8}
    assert tactics.choose(logits, past(Tactic.VALIDATION), Need.COMFORT)[0] is Tactic.PARAPHRASING
    far = {Tactic.VALIDATION: 2.0, Tactic.PARAPHRASING: 0.8}
    assert tactics.choose(far, past(Tactic.VALIDATION), Need.COMFORT)[0] is Tactic.VALIDATION


def test_two_questions_in_a_row_need_a_reason() -> None:
    logits = {Tactic.QUESTIONING: 2.0, Tactic.VALIDATION: 1.0}
    assert tactics.choose(logits, (), Need.BE_HEARD)[0] is Tactic.QUESTIONING
    assert tactics.choose(logits, past(Tactic.QUESTIONING), Need.BE_HEARD)[0] is Tactic.VALIDATION


@pytest.mark.parametrize(("need", "advised"), [(Need.COMFORT, False), (Need.ADVICE, True), (Need.INFORMATION, True)])
def test_advice_is_for_those_who_need_it(need: Need, advised: bool) -> None:
    logits = {Tactic.ADVICE: 3.0, Tactic.VALIDATION: 0.0}
    assert (Tactic.ADVICE in tactics.choose(logits, (), need)) is advised
