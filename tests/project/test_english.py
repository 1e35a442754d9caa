"""Plain English: the words that the project avoids."""

from __future__ import annotations

from tests.support.prose import FORBIDDEN, passages, per_thousand, words


def test_prose_avoids_words_that_readers_translate() -> None:
    found = [
        f"{passage.place}: {match[0]}"
        for passage in passages()
        if (match := FORBIDDEN.search(passage.text))
    ]

    assert found == []


def test_prose_names_its_subjects() -> None:
    """A pronoun without a subject in its sentence causes a high figure."""
    everything = [word for passage in passages() for word in words(passage.text)]

    assert len(everything) > 10_000
    assert per_thousand({"it"}, everything) < 8
    assert per_thousand({"told", "tell", "tells", "said"}, everything) < 0.3
