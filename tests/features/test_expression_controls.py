"""Control deviation of score plates: literal controls, then invariants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.trial import Trial
from features.expression import DEVIATION_COLUMNS, control_deviation


def control(plate, nominal, value, **facts):
    return {"plate": plate, "control": "LOW", "nominal": nominal, "value": value, "version": "1.0"} | facts


def deviation(protocol, *controls):
    return control_deviation(Trial.from_frames(controls=pd.DataFrame(list(controls))), protocol)


def test_deviation_of_a_plate_is_the_mean_over_its_control_wells(protocol):
    found = deviation(
        protocol,
        control("PL2", 50, 50),
        control("PL1", 20, 25),
        control("PL1", 70, 80),
        control("PL1", 70, None),
        control("PL3", None, 40),
    )
    # ln(25.5 / 75.5) - ln(20.5 / 80.5) = .282379; ln(80.5 / 20.5) - ln(70.5 / 30.5) = .529947
    # Levels: ln(20.5 / 80.5) = -1.367832 and ln(70.5 / 30.5) = .837886; their distance is 2.205718.
    assert found.round(5).to_dict("index") == {
        "PL1": {"deviation": 0.40616, "n": 2, "ss": 0.03065, "level_ss": 2.4326, "level_sp": 0.27303},
        "PL2": {"deviation": 0.0, "n": 1, "ss": 0.0, "level_ss": 0.0, "level_sp": 0.0},
    }


@pytest.mark.parametrize("facts", [{"version": "kit-a"}, {"version": None}, {"plate": None}, {"value": 140.0}])
def test_controls_of_another_scale_or_no_plate_do_not_count(protocol, facts):
    assert deviation(protocol, control("PL1", 20, 20), control("PL1", 20, 90) | facts).loc["PL1", "deviation"] == 0
    assert deviation(protocol, control("PL1", 20, 90) | facts).empty


def test_without_controls_there_is_an_empty_table(protocol):
    found = control_deviation(Trial.empty(), protocol)
    assert found.empty and list(found.columns) == DEVIATION_COLUMNS


@pytest.mark.parametrize("seed", range(5))
def test_a_shift_of_all_wells_of_a_plate_is_its_deviation(protocol, seed):
    draw = np.random.default_rng(seed)
    shift = pd.Series(draw.normal(0, 0.5, 6), index=[f"PL{i}" for i in range(6)])
    nominal = draw.uniform(5, 95, 60)
    plates = draw.permutation(np.repeat(shift.index.to_numpy(), 10))
    odds = (nominal + 0.5) / (100.5 - nominal) * np.exp(shift[plates].to_numpy())
    controls = [control(*row) for row in zip(plates, nominal, (100.5 * odds - 0.5) / (1 + odds), strict=True)]
    found = deviation(protocol, *controls)
    np.testing.assert_allclose(found["deviation"], shift, atol=1e-12)
    np.testing.assert_allclose(found["ss"], 0, atol=1e-12)
    assert found["n"].tolist() == [10] * 6
