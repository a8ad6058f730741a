"""Forty shots whose lines do or do not fit into their clip."""

from __future__ import annotations

import pytest

from tests.support.factories import PAYLOAD, make_story, shots_of
from videogen.planning.plan import plan_shots
from videogen.prompts.speech import RATES, check_speech, language_of

EN = "the old lighthouse keeper climbed down to the shore with his lantern and looked for you"
DE = "der alte Mann ging mit der Laterne zu den Booten und sie sah nicht wo ich war"
FR = "la vieille dame est descendue vers le port avec une lanterne et nous ne sommes pas venus"
ES = "la vieja farera no baja al puerto con una linterna y los barcos se van por el mar"
RU = "старый смотритель маяка медленно спустился к берегу и долго искал свою маленькую лодку"
ZH = "老人提着灯笼慢慢走下楼梯来到海边寻找那条小船可是海水已经退得很远很远"
JA = "おじいさんはランタンをもってゆっくりと階段をおりて海辺で小さな舟をさがしました"
KO = "할아버지는 등불을 들고 천천히 계단을 내려와 바닷가에서 작은 배를 찾았습니다"
FI = "vanha majakanvartija laskeutui hitaasti rantaan ja etsi lyhdyn kanssa venettä mutta ei se"
TR = "yaşlı bekçi bir fenerle sahile indi ve küçük tekneyi aradı ama deniz çok uzaktı"


def words(text: str, number: int) -> str:
    """So many words of the text, from its start as often as needed."""
    some = text.split()
    return " ".join(some[at % len(some)] for at in range(number)) + "."


def characters(text: str, number: int) -> str:
    return (text * (number // len(text) + 1))[:number] + "。"


def line(text: str, source: str = "ada", kind: str = "dialogue") -> dict[str, str]:
    return {"type": kind, "source": source, "line": text}


SOUND = line(words(EN, 60), "", "sound effect")

# (lines, seconds, whether they fit)
CASES = [
    # -- they fit
    ([], 8, True),
    ([line("Who lit the lamp?")], 8, True),
    ([line(words(EN, 8))], 4, True),
    ([line(words(EN, 15))], 6, True),
    ([line(words(EN, 20))], 8, True),
    ([line(words(EN, 7)), line(words(EN, 8), "narrator"), line(words(EN, 5))], 8, True),
    ([line(words(DE, 15))], 8, True),
    ([line(words(FR, 17))], 8, True),
    ([line(words(ES, 19))], 8, True),
    ([line(words(RU, 16))], 8, True),
    ([line(words(FI, 13))], 8, True),
    ([line(words(TR, 14))], 8, True),
    ([line(characters(ZH, 22))], 8, True),
    ([line(characters(JA, 32))], 8, True),
    ([line("안녕하세요, 등불을 켜 주세요. 배가 돌아오고 있어요.")], 8, True),
    ([SOUND, line(words(EN, 12))], 8, True),
    ([line(f"({words(EN, 30)}) {words(EN, 10)}")], 8, True),
    ([line(f"[whispers to herself, close to the microphone] {words(EN, 18)}")], 8, True),
    ([line("Wait… — wait! — no… — not yet … — now!")], 4, True),
    ([line(characters(ZH, 16) + "OK!")], 8, True),
    # -- they do not
    ([line(words(EN, 16))], 4, False),
    ([line(words(EN, 22))], 6, False),
    ([line(words(EN, 29))], 8, False),
    ([line(words(EN, 60))], 8, False),
    ([line(words(EN, 14)), line(words(EN, 15), "narrator")], 8, False),
    ([line(words(EN, 10)), line(words(EN, 10)), line(words(EN, 10), "narrator")], 8, False),
    ([line(words(DE, 24))], 8, False),
    ([line(words(FR, 27))], 8, False),
    ([line(words(ES, 29))], 8, False),
    ([line(words(RU, 25))], 8, False),
    ([line(words(FI, 23))], 8, False),
    ([line(words(TR, 24))], 8, False),
    ([line(characters(ZH, 36))], 8, False),
    ([line(characters(JA, 50))], 8, False),
    ([line(f"{KO} {KO}")], 8, False),
    ([SOUND, line(words(EN, 30))], 8, False),
    ([line(f"(softly) {words(EN, 30)}")], 8, False),
    ([line(characters(ZH, 20)), line(characters(ZH, 20), "narrator")], 8, False),
    ([line(words(EN, 40), "narrator", "monologue")], 8, False),
    ([line(characters(ZH, 30) + " ".join(["hello"] * 4))], 8, False),
]


def test_forty_planted_cases() -> None:
    found = [check_speech({"audioAndNarrative": lines}, seconds) for lines, seconds, _ in CASES]
    over = [not fits for _, _, fits in CASES]

    right = sum(bool(each) and is_over for each, is_over in zip(found, over, strict=True))
    precision, recall = right / sum(map(bool, found)), right / sum(over)
    print(f"{len(CASES)} cases: precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
    wrong = [
        (number, each and each.params)
        for number, (each, is_over) in enumerate(zip(found, over, strict=True))
        if bool(each) != is_over
    ]
    assert len(CASES) == 40
    assert (precision >= 0.95, recall >= 0.95) == (True, True), wrong


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *zip(
            ("en", "de", "fr", "es", "ru", "zh", "ja", "ko", "fi", "tr"),
            (EN, DE, FR, ES, RU, ZH, JA, KO, FI, TR),
            strict=True,
        ),
        ("en", ""),
        ("en", "Lumos!"),
        ("en", "She said 你好 to the old man with the lantern."),
        ("zh", "他说 hello 然后慢慢走下楼梯来到海边"),
    ],
)
def test_language(language: str, text: str) -> None:
    assert language_of(text) == language
    assert language in RATES


def test_the_warning_names_the_line_within_which_the_clip_ends() -> None:
    lines = [line(words(EN, 20)), SOUND, line("A second line, and " + words(EN, 30)), line("End.")]

    warning = check_speech({"audioAndNarrative": lines}, 8)

    assert warning is not None
    assert warning.code == "speech_too_long"
    assert warning.params["number"] == 2
    assert warning.params["line"].startswith("A second line, and the old lighthouse")
    assert warning.params["line"].endswith("…")
    assert len(warning.params["line"]) <= 100
    told = {name: warning.params[name] for name in ("count", "unit", "fits", "seconds", "language")}
    assert told == {"count": 55, "unit": "words", "fits": 24, "seconds": 8, "language": "en"}
    for value in ("55 words", "about 24", "8 seconds", "line 2"):
        assert value in warning


@pytest.mark.parametrize("lines", [None, "no lines", [3, None, {"line": 4}], {"line": "x"}])
def test_what_is_no_list_of_lines_warns_of_nothing(lines: object) -> None:
    assert check_speech({"audioAndNarrative": lines}, 8) is None


@pytest.mark.django_db
def test_a_plan_warns_of_it() -> None:
    story = make_story(payload={**PAYLOAD, "audioAndNarrative": [line(words(EN, 60))]})

    [row] = plan_shots(story, shots_of(story), "default").rows

    assert [each.code for each in row.warnings] == ["speech_too_long"]
