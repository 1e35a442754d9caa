"""Collections of garbage are rare while a server runs, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from aiodockercloud.server.garbage import collected_seldom, keep_loaded


@pytest.fixture(autouse=True)
def _unchanged() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("given", "inside"),
    [
        ((700, 10, 10), (10_000, 10, 10)),
        ((50_000, 20, 5), (50_000, 20, 5)),
        ((0, 10, 10), (0, 10, 10)),
    ],
)
def test_thresholds_are_raised_in_the_block_only(
    given: tuple[int, int, int], inside: tuple[int, int, int]
) -> None:
    gc.set_threshold(*given)

    with collected_seldom():
        found = gc.get_threshold()

    assert found == inside
    assert gc.get_threshold() == given


def test_loaded_objects_are_visited_again_after_the_block() -> None:
    gc.set_threshold(700, 10, 10)

    with collected_seldom():
        keep_loaded()
        kept = gc.get_freeze_count()

    assert kept > 0
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == (700, 10, 10)
