"""The day from which a protocol counts, as the checks of a delivery need it: literal rows."""

import pandas as pd
import pytest

from data.origin import origin_days
from data.trial import typed

PATIENTS = typed(
    "patients",
    pd.DataFrame(
        [
            ("P1", "2020-01-10", "2020-02-20"),
            ("P2", "2020-03-02", "2020-04-10"),
            ("P3", None, "2020-05-01"),
            ("P4", "2020-06-01", None),
        ],
        columns=["patient_id", "surgery_on", "randomised_on"],
    ),
)
TREATMENTS = typed(
    "treatments",
    pd.DataFrame(
        [
            ("P1", "prrt", "2020-05-01"),
            ("P1", "prrt", "2020-03-01"),
            ("P1", "prrt", "2018-03-01"),
            ("P2", "chemotherapy", "2020-04-12"),
            ("P4", "prrt", "2020-08-01"),
        ],
        columns=["patient_id", "kind", "started_on"],
    ),
)


@pytest.mark.parametrize(
    ("origin", "days"),
    [
        ("surgery", ["2020-01-10", "2020-03-02", None, "2020-06-01"]),
        ("randomisation", ["2020-02-20", "2020-04-10", "2020-05-01", None]),
        # The course of 2018 came before the trial; P2 and P3 had no study treatment; P4 was never randomised.
        ("first_treatment", ["2020-03-01", "2020-04-10", "2020-05-01", "2020-08-01"]),
    ],
)
def test_time_zero_by_origin(origin, days):
    found = origin_days(PATIENTS, TREATMENTS, origin, ["prrt"])
    expected = pd.Series(pd.to_datetime(days), index=pd.Index(["P1", "P2", "P3", "P4"], name="patient_id"))
    pd.testing.assert_series_equal(found, expected, check_names=False)


def test_no_records_give_no_days():
    empty = typed("patients", pd.DataFrame())
    for origin in ("surgery", "randomisation", "first_treatment"):
        assert origin_days(empty, typed("treatments", pd.DataFrame()), origin, ["prrt"]).empty


def test_an_unknown_origin_is_refused():
    with pytest.raises(ValueError, match="clock.origin 'diagnosis' is not one of surgery, randomisation"):
        origin_days(PATIENTS, TREATMENTS, "diagnosis", [])
