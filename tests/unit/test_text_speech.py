"""What is said instead of what is printed: rules, sentences, chunks, pauses, lexicon."""

from __future__ import annotations

from pathlib import Path

import pytest
from text_pages import parse, plain, prose

from foundry_tui.domain.corrections import by_sound
from foundry_tui.errors import UsageError
from foundry_tui.text.chunks import CJK, WESTERN, pieces
from foundry_tui.text.explain import explain, rule_table
from foundry_tui.text.lexicon import Lexicon, LexiconEntry, from_csv, suggest, to_csv, touched
from foundry_tui.text.parse import ParseOptions
from foundry_tui.text.pauses import PAUSES_MS
from foundry_tui.text.rules.engine import apply_rules
from foundry_tui.text.rules.table import all_rules, languages, rules_for
from foundry_tui.text.sentences import split_sentences


def say(text: str, language: str = "eng", place: str = "prose", off: frozenset[str] = frozenset()) -> str:
    return apply_rules(text, rules_for(language, off), frozenset({place}))[0]


@pytest.mark.parametrize(
    ("printed", "spoken"),
    [
        ("Mr. and Mrs. Bennet met Dr. Smith.", "Mister and Missus Bennet met Doctor Smith."),
        ("in St. James, and in Baker St. Mary", "in Saint James, and in Baker Street Mary"),
        ("at 8:35 P. M., on 1st May, 1815", "at 8:35 p.m., on the first of May, eighteen fifteen"),
        ("on the 24 February and May 3rd", "on the twenty-fourth of February and May third"),
        ("He paid £2 10s. 6d. and $5,000.", "He paid two pounds ten shillings six pence and five thousand dollars."),
        ("the 1870s; 1,500 men; 2½ miles", "the eighteen seventies; one thousand five hundred men; 2 and a half miles"),
        ("the year 17-- and Mr. B——, he said", "the year seventeen hundred and something and Mister B, he said"),
        ("Louis XIV and Henry VIII", "Louis the Fourteenth and Henry the Eighth"),
        ("see Chapter XII of Book II", "see Chapter twelve of Book two"),
        ("No. 7, etc., 5% & 32°", "Number 7, et cetera, 5 per cent and 32 degrees"),
        ("said -- well . . . no", "said — well… no"),
        ("labelled ORANGE MARMALADE in the USA", "labelled Orange Marmalade in the USA"),
        ("There were MIX and DI and CIVIL and I.", "There were MIX and DI and Civil and I."),
        ("_very_ well", "very well"),
        ("1200 feet and 1815 men", "1200 feet and 1815 men"),
    ],
)
def test_english(printed: str, spoken: str):
    assert say(printed) == spoken


@pytest.mark.parametrize(
    ("language", "printed", "spoken"),
    [
        (
            "fra",
            "M. Louis XIV, le XVIIIe siècle, Mme B., p. ex. ici",
            "Monsieur Louis quatorze, le dix-huitième siècle, Madame B., par exemple ici",
        ),
        (
            "deu",
            "Wilhelm II. kam z. B. 1815 nach St. Gallen",
            "Wilhelm der Zweite kam zum Beispiel achtzehnhundertfünfzehn nach Sankt Gallen",
        ),
        ("spa", "El Sr. Pérez y Felipe II en el siglo XIX", "El señor Pérez y Felipe segundo en el siglo diecinueve"),
        (
            "ita",
            "il sig. Rossi e Vittorio Emanuele II, ecc., nel 1860",
            "il signor Rossi e Vittorio Emanuele secondo, eccetera, nel milleottocentosessanta",
        ),
        ("por", "D. João VI e D. Maria, 50%", "Dom João sexto e Dona Maria, 50 por cento"),
        ("rus", "и т. д., № 5, г-н Иванов", "и так далее, номер 5, господин Иванов"),
        ("nld", "d.w.z. dhr. Jansen, blz. 5", "dat wil zeggen de heer Jansen, bladzijde 5"),
    ],
)
def test_other_languages(language: str, printed: str, spoken: str):
    assert say(printed, language) == spoken


@pytest.mark.parametrize(
    ("language", "printed", "spoken"),
    [
        ("eng", "CHAPTER XIV. THE RETURN OF TOM", "Chapter fourteen. The Return Of Tom"),
        ("eng", "I. A SCANDAL", "One. A Scandal"),
        ("eng", "III.", "Three."),
        ("fra", "CHAPITRE IV", "Chapitre quatre"),
        ("deu", "II.", "Zwei."),
        ("spa", "CAPÍTULO XIV", "Capítulo catorce"),
    ],
)
def test_headings(language: str, printed: str, spoken: str):
    assert say(printed, language, "heading") == spoken


def test_capitals_that_open_a_chapter():
    assert say("IT is a truth", place="opening") == "It is a truth"
    assert say("COLONEL HARTWELL’S manners were admired", place="opening") == "Colonel Hartwell’s manners were admired"
    assert say("I was there", place="opening") == "I was there"
    assert say("IT is a truth") == "IT is a truth"


def test_every_rule_is_named_and_can_be_switched_off():
    for language in languages():
        for rule in all_rules(language):
            assert rule.name
            assert rule.about
            assert rule.name not in {other.name for other in rules_for(language, frozenset({rule.name}))}
    assert say("Mr. Smith & Co", off=frozenset({"title"})) == "Mr. Smith and Co"
    assert say("Mr. Smith & Co", off=frozenset({"eng:ampersand"})) == "Mister Smith & Co"
    assert {row["rule"] for row in rule_table("eng")} >= {"title", "year", "verse_line"}


def test_rules_change_only_what_is_spoken_and_are_counted(tmp_path: Path):
    body = "".join(f"<h2>CHAPTER {n}</h2><p>Mr. Smith met Dr. Jones.</p>{prose(2)}" for n in ("I", "II"))
    parsed = parse(tmp_path, body)
    chunk = next(chunk for chunk in parsed.chapters[0].chunks if "Smith" in chunk.text)
    assert chunk.text == "Mr. Smith met Dr. Jones."
    assert chunk.spoken == "Mister Smith met Doctor Jones."
    assert parsed.coverage.replaced == {"title": 4, "heading": 4}
    changes = list(explain(parsed.chapters, "eng"))
    assert {(change.rule, change.before, change.after) for change in changes} >= {
        ("title", "Mr.", "Mister"),
        ("heading", "CHAPTER I", "Chapter one"),
    }
    quiet = parse(tmp_path, body, options=ParseOptions(rules_off=frozenset({"title", "heading", "loud_words"})))
    assert quiet.coverage.replaced == {}
    assert all(chunk.spoken is None for chapter in quiet.chapters for chunk in chapter.chunks)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "eng",
            [
                "Mr. Smith of St. James came at 5 p.m. with J. R. Green.",
                "“Come!” cried he.",
                "“No!”",
                "Then it rained.",
            ],
        ),
        ("eng", ["He said no.", "I said yes . . . and then left.", "Why?", "Because!"]),
        ("deu", ["Am 3. Mai kam z. B. Hr. Meyer.", "»Nein!« rief er.", "Dann ging er."]),
        ("fra", ["M. Dupont arriva à 5 h.", "«Oui!» dit-il.", "Puis il partit."]),
        ("spa", ["El Sr. D. Juan llegó.", "—¿Quién?—preguntó él.", "Nadie."]),
        ("rus", ["Он пришёл и т. д. и т. п. домой.", "— Да! — сказал он.", "Потом ушёл."]),
        ("jpn", ["彼は言った。", "「はい。そうです」と彼は言った。", "それから帰った。"]),
    ],
)
def test_sentences(language: str, sentences: list[str]):
    joint = "" if language == "jpn" else " "
    assert split_sentences(joint.join(sentences), language) == sentences


def test_chunks_keep_every_sign_and_their_sizes():
    text = (
        " ".join(plain(1, sentences=60))
        + " "
        + "x" * 700
        + " "
        + ", ".join("and so it went on" for _ in range(60))
        + "."
    )
    made = pieces(text, "eng", WESTERN)
    assert " ".join(piece for piece, _ in made).replace(" ", "") == text.replace(" ", "")
    assert max(len(piece) for piece, _ in made) <= WESTERN.hard
    usual = [len(piece) for piece, _ in pieces(" ".join(plain(1, sentences=60)), "eng", WESTERN)]
    assert min(usual) >= 60
    japanese = "".join(plain(1, "jpn", 40))
    assert max(len(piece) for piece, _ in pieces(japanese, "jpn", CJK)) <= CJK.hard
    assert "".join(piece for piece, _ in pieces(japanese, "jpn", CJK)) == japanese


def test_pauses_come_from_the_one_table(tmp_path: Path):
    body = "".join(
        f"<h2>CHAPTER {n}</h2><p>{' '.join(plain(1, sentences=12))}</p><p>“Who?” said he.</p><p>He left.</p><hr><p>Later on.</p>"
        f'<div class="poem"><div class="stanza"><span>One line,<br></span><span>another line<br></span></div></div><p>The end of it.</p>'
        for n in ("I", "II")
    )
    chunks = parse(tmp_path, body).chapters[0].chunks
    pause = {chunk.text: chunk.pause_after_ms for chunk in chunks}
    assert pause["CHAPTER I"] == PAUSES_MS["heading"]
    assert pause["“Who?” said he."] == PAUSES_MS["paragraph"]
    assert pause["He left."] == PAUSES_MS["scene_break"]
    assert pause["One line,\nanother line"] == PAUSES_MS["stanza"]
    assert pause["The end of it."] == PAUSES_MS["chapter_end"]
    assert chunks[1].pause_after_ms == PAUSES_MS["sentence"]
    assert PAUSES_MS["speaker"] in {chunk.pause_after_ms for chunk in chunks}


def test_the_lexicon_says_names_as_told():
    entries = [
        LexiconEntry("Raksha", "Rahk-sha"),
        LexiconEntry("Raksha", "Rock-sha", book_id="other"),
        LexiconEntry("Raksha Deva", "Rahk-sha Day-va"),
        LexiconEntry("colonel", "kernel", case_sensitive=False, inflection="any_ending"),
        LexiconEntry("Juan", "Hwan", language="spa"),
    ]
    lexicon = Lexicon(entries, language="eng", book_id="book")
    said, hits = lexicon.apply("Raksha’s Colonels met Raksha Deva, Juan and Rakshas.")
    assert said == "Rahk-sha’s kernels met Rahk-sha Day-va, Juan and Rakshas."
    assert [hit.word for hit in hits] == ["Raksha", "colonel", "Raksha Deva"]
    assert Lexicon(entries, language="eng", book_id="other").apply("Raksha")[0] == "Rock-sha"
    by_ear = Lexicon([LexiconEntry("Ely", "Ee-lee", ipa="ˈiːli")], language="eng", book_id="b")
    assert by_ear.apply("To Ely.", ipa=True)[0] == f"To {by_sound('ˈiːli', 'Ee-lee')}."
    assert by_ear.apply("To Ely’s.", ipa=True)[0] == "To Ee-lee’s."
    assert by_ear.apply("To Ely.")[0] == "To Ee-lee."


def test_one_entry_touches_only_its_sentences(tmp_path: Path):
    parsed = parse(
        tmp_path,
        "".join(
            f"<h2>CHAPTER {n}</h2><p>And then Zoltan came in.</p><p>They saw Zoltan.</p>{prose(3)}" for n in (1, 2)
        ),
    )
    empty = Lexicon([], language="eng", book_id="book")
    after = Lexicon([LexiconEntry("Zoltan", "Zoll-tan")], language="eng", book_id="book")
    places = touched(parsed.chapters, empty, after)
    assert len(places) == 4
    assert all("Zoltan" in parsed.chapters[chapter - 1].chunks[index - 1].text for chapter, index in places)
    (found,) = suggest(parsed.chapters, "eng")
    assert (found.word, found.count) == ("Zoltan", 4)
    assert "Zoltan" in found.sample
    assert suggest(parsed.chapters, "eng", known=["zoltan"]) == ()


def test_a_lexicon_survives_its_csv():
    entries = (
        LexiconEntry(
            "Ely, the", "Ee-lee", "iːli", "eng", "book", case_sensitive=False, inflection="none", note="a town"
        ),
    )
    assert from_csv(to_csv(entries)) == entries
    with pytest.raises(UsageError, match="columns"):
        from_csv("a,b\n1,2\n")
    with pytest.raises(UsageError, match="Line 2"):
        from_csv("word,spoken\n,x\n")
