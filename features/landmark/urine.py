"""Urine columns of a landmark table: 5-HIAA, the exploratory score, timed collections, agreement with blood."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kinetics import kinetics, marker_columns, marker_rules, score_rules
from features.kinetics.rules import MarkerRules, calls
from features.landmark.blood import closing_since_surgery
from features.landmark.missing import failed_samples, missing_reason
from features.landmark.view import Block, View
from features.landmark.window import valid_results
from features.urine import agreement_state, blood_urine_pairs, hiaa_per_creatinine, timed_collections, urine_calls
from features.urine.agreement import urine_rules
from features.urine.chosen import ByPatient, Chosen, by_patient

Columns = dict[str, np.ndarray]
Part = tuple[pd.DataFrame, Columns]


def urine_block(view: View) -> Block:
    """Spot 5-HIAA per creatinine, the urine score, 24-hour excretion, and what blood and urine say together."""
    measured, drawn = view.measured, view.samples
    urine = measured[(measured["specimen"] == "urine").to_numpy()]
    samples = drawn[(drawn["specimen"] == "urine").to_numpy()]
    ratios = by_patient(hiaa_per_creatinine(urine, view.protocol), view.index)
    nothing = pd.Series(False, index=view.index)
    absent = missing_reason(nothing, samples, pd.Series(dtype=object), view.place).to_numpy()
    closing = closing_since_surgery(view)
    parts = [
        _ratio_columns(view, ratios, absent, closing),
        _score_columns(view, urine, samples, closing),
        _timed_columns(view, urine, absent),
        _agreement_columns(view, ratios),
    ]
    stamps = {name: dates for _, own in parts for name, dates in own.items()}
    # The reasons look at every urine sample of the window that has a result.
    looked = ratios.latest(view.place.window.holds(ratios.rows).to_numpy()).dates()
    stamps["urine"] = np.fmax(looked, stamps["urine_score"])
    return Block(pd.concat([columns for columns, _ in parts], axis=1), pd.DataFrame(stamps, index=view.index))


def _kinetics(view: View, valid: ByPatient, value: str, rules: MarkerRules, closing: pd.Series) -> tuple:
    """Kinetics of valid results (``censored`` and a column ``value``), with the landmark and pre-operative results."""
    anchor, preop = (valid.latest(side.holds(valid.rows).to_numpy()) for side in (view.place.window, view.before))
    at = {
        "day": anchor.numbers("since_surgery"),
        "value": anchor.numbers(value),
        "censored": anchor.numbers("censored") == 1,
        "above": anchor.numbers("above") == 1,
        "preop": preop.numbers(value),
        "preop_censored": preop.numbers("censored") == 1,
        "preop_above": preop.numbers("above") == 1,
    }
    rows = valid.rows[valid.once_a_day()]
    series = pd.DataFrame(
        {
            "patient_id": rows["patient_id"],
            "day": rows["since_surgery"],
            "value": rows[value],
            "censored": rows["censored"],
            "above": rows["above"],
        },
        copy=False,
    )
    found = kinetics(series, pd.DataFrame(at, index=view.index), rules, view.protocol.month_days, closing)
    return found, anchor, preop


def _ratio_columns(view: View, ratios: ByPatient, absent: np.ndarray, closing: pd.Series) -> Part:
    """5-HIAA per creatinine: level and kinetics, why there is none, and the limit of a value below it."""
    valid = ratios.only(ratios.rows["valid"].to_numpy())
    found, anchor, preop = _kinetics(view, valid, "ratio", urine_rules(view.protocol), closing)
    newest = ratios.latest(view.place.window.holds(ratios.rows).to_numpy())
    limit = np.where(anchor.numbers("censored") == 1, anchor.numbers("limit"), np.nan)
    extra = {
        "hiaa_valid": np.where(newest.there, anchor.there.astype("float64"), np.nan),
        "hiaa_creatinine_limit_ln": np.log(np.where(limit > 0, limit, np.nan)),
        "missing_5hiaa": _reason(anchor, newest, absent),
    }
    columns = marker_columns(found, "hiaa_creatinine_", "ln")
    dates = {
        "hiaa": anchor.dates(),
        "hiaa_preop": preop.dates(),
        "hiaa_valid": np.where(anchor.there, anchor.dates(), newest.dates()),
    }
    return columns.join(pd.DataFrame(extra, index=view.index)), dates


def _reason(valid: Chosen, newest: Chosen, absent: np.ndarray) -> np.ndarray:
    """Why there is no valid row: what the newest one lacks, else why there is no sample."""
    return np.select([valid.there, newest.there], ["", newest.words("reason")], absent).astype(object)


def _score_columns(view: View, urine: pd.DataFrame, samples: pd.DataFrame, closing: pd.Series) -> Part:
    """The exploratory urine score, whose cut-off is unknown: no column of positive results."""
    valid = by_patient(valid_results(urine, "urine_score"), view.index)
    found, anchor, preop = _kinetics(view, valid, "value", marker_rules("urine_score", view.protocol), closing)
    there = pd.Series(anchor.there, index=view.index)
    columns = marker_columns(found, "urine_score_", "logit", cutoff=False)
    why = missing_reason(there, samples, failed_samples(urine, "urine_score"), view.place)
    return columns.assign(missing_urine_score=why), {"urine_score": anchor.dates(), "urine_score_preop": preop.dates()}


def _timed_columns(view: View, urine: pd.DataFrame, absent: np.ndarray) -> Part:
    """Daily excretion of 5-HIAA in a timed collection; never one number with the ratio of a spot sample."""
    timed = (urine["version"] == view.protocol["urine.timed_version"]).to_numpy()
    if not timed.any():  # as in most trials
        unknown, never = np.full(len(view.index), np.nan), np.full(len(view.index), np.datetime64("NaT"), "M8[ns]")
        columns = dict.fromkeys(["hiaa_24h_ln", "hiaa_24h_below_limit", "hiaa_24h_incomplete"], unknown)
        frame = pd.DataFrame(columns | {"missing_hiaa_24h": absent}, index=view.index)
        return frame, dict.fromkeys(["hiaa_24h", "hiaa_24h_collection"], never)
    sex = view.trial.patients.set_index("patient_id")["sex"]
    own = urine[urine["sample_id"].isin(urine["sample_id"].to_numpy()[timed]).to_numpy()]
    rows = by_patient(timed_collections(own, sex, view.protocol), view.index)
    inside = view.place.window.holds(rows.rows).to_numpy()
    newest, valid = rows.latest(inside), rows.latest(inside & rows.rows["valid"].to_numpy())
    either = valid.or_else(newest)
    columns = {
        "hiaa_24h_ln": valid.numbers("ln_excretion"),
        "hiaa_24h_below_limit": valid.numbers("censored"),
        "hiaa_24h_incomplete": either.numbers("incomplete"),
        "missing_hiaa_24h": _reason(valid, newest, absent),
    }
    return pd.DataFrame(columns, index=view.index), {"hiaa_24h": valid.dates(), "hiaa_24h_collection": either.dates()}


def _agreement_columns(view: View, ratios: ByPatient) -> Part:
    """What the landmark samples of blood and urine say together, and how often their calls agreed so far."""
    urine = ratios.only(ratios.rows["valid"].to_numpy())
    urine_call = urine_calls(urine.rows, view.protocol).to_numpy()
    blood = by_patient(view.scores, view.index)
    rules, score = score_rules(view.assay, view.analyte, view.protocol), view.scores["value"].to_numpy("float64")
    below, above = (view.scores[name].to_numpy(dtype=bool) for name in ("censored", "above"))
    blood_call = calls(score, below, rules, above)
    one, two = (rows.latest(view.place.window.holds(rows.rows).to_numpy()) for rows in (blood, urine))
    both = one.there & two.there
    state = agreement_state(*(np.append(call, np.nan)[at] for call, at in ((blood_call, one.at), (urine_call, two.at))))
    pairs = blood_urine_pairs(
        _for_pairs(blood, blood_call), _for_pairs(urine, urine_call), float(view.protocol["urine.pair_days"])
    )
    number, patients = pairs["patient_id"].to_numpy(dtype="int64"), len(view.index)
    count, same = (np.bincount(number, weights, patients) for weights in (None, pairs["same"].to_numpy()))
    last = np.full(patients, np.datetime64("NaT"), dtype="datetime64[ns]")
    last[number] = pairs["collected_on"].to_numpy()
    columns = {
        "blood_urine_state": state,
        "blood_urine_days": two.numbers("since_surgery") - one.numbers("since_surgery"),
        "blood_urine_pairs": count.astype("float64"),
        "blood_urine_agreement": same / np.where(count > 0, count, np.nan),
    }
    latest = np.where(both, np.fmax(one.dates(), two.dates()), np.datetime64("NaT"))
    return pd.DataFrame(columns, index=view.index), {"blood_urine": latest, "blood_urine_pairs": last}


def _for_pairs(results: ByPatient, call: np.ndarray) -> pd.DataFrame:
    """Results of the patients at risk, once a day, with numbers for patients."""
    kept = results.once_a_day() & (results.patient >= 0)
    rows = results.rows
    return pd.DataFrame(
        {
            "patient_id": results.patient[kept],
            "since_surgery": rows["since_surgery"].to_numpy()[kept],
            "collected_on": rows["collected_on"].to_numpy()[kept],
            "call": call[kept],
        },
        copy=False,
    )
