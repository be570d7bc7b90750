"""The wells of a trial hold their texts as categories, and say the same as before."""

from __future__ import annotations

import pandas as pd

from data.store.content import as_stored, cells, content_digest, row_digests, unit_keys
from data.trial import WELL_COLUMNS, Trial, typed, with_categories

TEXTS = [name for name, kind in WELL_COLUMNS.items() if kind in ("text", "id")]
ROWS = pd.DataFrame(
    {
        "plate": ["PL2", "PL2", "PL1"],
        "row": [1, 2, 1],
        "well": ["A1", "A2", "A1"],
        "sample_id": ["S1", None, "S2"],
        "target": ["KRAS", "KRAS", None],
        "task": ["unknown", "ntc", "unknown"],
        "cq": [29.123, None, None],
        "state": ["value", "undetermined", "blank"],
        "omit": [False, False, True],
    }
)


def test_texts_are_categories_and_missing_stays_missing():
    wells = Trial.from_frames(wells=ROWS).wells
    assert {str(wells[name].dtype) for name in TEXTS} == {"category"}
    assert wells["plate"].cat.categories.tolist() == ["PL1", "PL2"]
    pd.testing.assert_frame_equal(typed("wells", wells), typed("wells", ROWS))


def test_exchanged_wells_become_categories_too():
    wells = Trial.empty().replace(wells=typed("wells", ROWS)).wells
    pd.testing.assert_frame_equal(wells, Trial.from_frames(wells=ROWS).wells)
    assert with_categories(wells) is wells


def test_what_the_store_keeps_does_not_change():
    plain, wells = typed("wells", ROWS), Trial.from_frames(wells=ROWS).wells
    assert row_digests("wells", as_stored("wells", wells)).tolist() == row_digests("wells", plain).tolist()
    assert unit_keys("wells", wells).tolist() == unit_keys("wells", plain).tolist()
    for name, kind in WELL_COLUMNS.items():
        assert cells(wells[name], kind) == cells(plain[name], kind)
    assert content_digest({"wells": row_digests("wells", wells)}) == content_digest(
        {"wells": row_digests("wells", plain)}
    )
