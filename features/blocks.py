"""The blocks of a landmark table: columns by patient from truncated records, with the dates they rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Assay, Protocol
from data.trial import Trial
from features.clock import calendar_visit, closing_day, date_of_day, days_from, origin_dates
from features.expression import sample_quality
from features.kinetics import kinetics, score_rules
from features.measurements import sample_days
from features.urine import hiaa_per_creatinine

YES_NO = {"yes": 1.0, "no": 0.0}


@dataclass(frozen=True)
class Block:
    """Columns by patient, and per patient the date of the latest record that they rest on (NaT for none)."""

    columns: pd.DataFrame
    latest: pd.Series


@dataclass(frozen=True)
class Window:
    """Days, limits included, in which a landmark sample must lie, on its own side of the operation.

    Before the operation they count from surgery, after it from time zero of the clock.
    """

    first: float
    last: float
    before_surgery: bool = False

    def holds(self, samples: pd.DataFrame) -> pd.Series:
        """Whether samples (``day, since_surgery``) lie in the window."""
        if self.before_surgery:
            return samples["since_surgery"].between(self.first, self.last)
        return samples["day"].between(self.first, self.last) & (samples["since_surgery"] > 0)


@dataclass(frozen=True)
class Place:
    """Where a landmark looks for its sample: the window, and the names of the visits that belong to it."""

    window: Window
    visits: tuple[str, ...]


def sample_place(protocol: Protocol, landmark: float) -> Place:
    """Window and visit names of a landmark (``calendar.sample_month`` names the visits)."""
    visits = tuple(name for name, month in protocol["calendar.sample_month"].items() if month == landmark)
    return Place(sample_window(protocol, landmark), visits)


def sample_window(protocol: Protocol, landmark: float) -> Window:
    """Window of the landmark sample: nominal day less ``samples.window_days`` to L(s), after surgery.

    At landmark 0 the window ends with the day of surgery, whatever the clock starts from. A landmark without an
    entry in ``samples.window_days`` takes any sample of its side of the operation.
    """
    nominal = float(landmark) * protocol.month_days
    before = float(protocol["samples.window_days"].get(f"{landmark:g}", np.inf))
    if landmark == 0:
        return Window(nominal - before, 0.0, before_surgery=True)
    return Window(nominal - before, closing_day(protocol, landmark))


def latest_in(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Latest row of each patient inside a window, indexed by patient; rows sorted by patient and day."""
    inside = rows[window.holds(rows)]
    return inside.drop_duplicates("patient_id", keep="last").set_index("patient_id")


def valid_results(measured: pd.DataFrame, analyte: str) -> pd.DataFrame:
    """Valid results of one analyte, at most one a day (the last sample of the day counts)."""
    rows = measured[(measured["analyte"] == analyte) & measured["valid"]]
    return rows.drop_duplicates(["patient_id", "day"], keep="last")


def missing_reason(found: pd.Series, samples: pd.DataFrame, failed: pd.Series, place: Place) -> pd.Series:
    """Why a value is missing at the landmark.

    Parameters
    ----------
    found : Series of bool
        By patient: whether there is a value.
    samples : DataFrame
        Samples of the specimen, from :func:`features.measurements.sample_days`.
    failed : Series of str
        ``sample_id`` of the samples whose result of this analyte is not valid.

    Returns
    -------
    Series of str
        "" when found, else ``failed_qc`` or ``not_measured`` (there is a sample in the window),
        ``outside_window`` (a sample of this visit was drawn before the window), ``not_collected``. A sample
        drawn after L(s) is not visible.
    """
    inside = samples[place.window.holds(samples)]
    index = found.index
    return pd.Series(
        np.select(
            [
                found,
                index.isin(inside.loc[inside["sample_id"].isin(failed), "patient_id"]),
                index.isin(inside["patient_id"]),
                index.isin(samples.loc[samples["visit"].isin(place.visits), "patient_id"]),
            ],
            ["", "failed_qc", "not_measured", "outside_window"],
            "not_collected",
        ),
        index=index,
    ).astype(object)


def _failed(measured: pd.DataFrame, analyte: str) -> pd.Series:
    return measured.loc[(measured["analyte"] == analyte) & ~measured["valid"], "sample_id"]


def patient_block(trial: Trial, protocol: Protocol, index: pd.Index) -> Block:
    """Baseline facts."""
    rows = trial.patients.set_index("patient_id").reindex(index)
    operated = rows["surgery_on"].fillna(origin_dates(trial, protocol).reindex(index))
    columns = rows[["sex", "site", "primary_site", "grade", "margin", "n_liver_metastases", "nodal_status"]].assign(
        arm=rows["arm"].fillna("none"),
        age=operated.dt.year - rows["birth_year"],
        ln_ki67=np.log(rows["ki67_pct"].clip(lower=float(protocol["clinical.ki67_floor"]))),
        functional=rows["functional"].map(YES_NO).astype("float64"),
        ppi=rows["ppi"].map(YES_NO).astype("float64"),
        egfr_low=rows["egfr"].lt(protocol["clinical.egfr_low"]).astype("float64").where(rows["egfr"].notna()),
    )
    return Block(columns, pd.Series(pd.NaT, index=index, dtype="datetime64[ns]"))


def _post_operative(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with days counted from surgery: kinetics never span the operation, whatever the clock says."""
    return rows.assign(day=rows["since_surgery"])


def blood_block(
    trial: Trial,
    measured: pd.DataFrame,
    protocol: Protocol,
    landmark: float,
    score: tuple[Assay, str],
    index: pd.Index,
) -> tuple[Block, pd.DataFrame]:
    """Blood score, CgA and the quality of the landmark blood sample; also the landmark samples themselves."""
    assay, analyte = score
    place, before = sample_place(protocol, landmark), sample_window(protocol, 0)
    blood = measured[measured["specimen"] == "blood"]
    series = valid_results(blood, analyte)
    anchor = latest_in(series, place.window).reindex(index)
    anchor["preop"] = latest_in(series, before)["value"].reindex(index)
    rules = score_rules(assay, analyte, protocol)
    columns = kinetics(_post_operative(series), _post_operative(anchor), rules, protocol.month_days)
    columns = columns.add_prefix("netest_")
    cga_rows = valid_results(blood, "cga")
    cga, cga_before = (latest_in(cga_rows, side).reindex(index) for side in (place.window, before))
    same_kit = (cga["version"] == cga_before["version"]) & (cga["since_surgery"] > 0)
    ln_cga = np.log(cga["value"].where(cga["value"] > 0))
    ln_cga_before = np.log(cga_before["value"].where(cga_before["value"] > 0))
    samples = sample_days(trial, protocol)
    samples = samples[samples["specimen"] == "blood"]
    found = anchor["day"].notna()
    columns = columns.assign(
        cga_ln=ln_cga,
        cga_lnratio_preop=(ln_cga - ln_cga_before).where(same_kit),
        sample_month=anchor["day"] / protocol.month_days,
        ssa_at_sample=anchor["sample_id"].map(samples.set_index("sample_id")["ssa"].map(YES_NO)).astype("float64"),
        has_landmark_blood=found,
        missing_netest=missing_reason(found, samples, _failed(blood, analyte), place),
        missing_cga=missing_reason(cga["day"].notna(), samples, _failed(blood, "cga"), place),
    )
    quality = sample_quality(trial.verdicts).reindex(anchor["sample_id"].to_numpy()).set_axis(index)
    latest = pd.concat([anchor["collected_on"], cga["collected_on"], cga_before["collected_on"]], axis=1).max(axis=1)
    return Block(columns.join(quality), latest), anchor


def urine_block(trial: Trial, measured: pd.DataFrame, protocol: Protocol, landmark: float, index: pd.Index) -> Block:
    """Spot 5-HIAA per creatinine and the exploratory urine score."""
    place = sample_place(protocol, landmark)
    window = place.window
    samples = sample_days(trial, protocol)
    samples = samples[samples["specimen"] == "urine"]
    ratios = hiaa_per_creatinine(measured, protocol)
    valid = latest_in(ratios[ratios["valid"]], window).reindex(index)
    newest = latest_in(ratios, window).reindex(index)
    urine = measured[measured["specimen"] == "urine"]
    score = latest_in(valid_results(urine, "urine_score"), window).reindex(index)
    found = valid["day"].notna()
    absent = missing_reason(found, samples, pd.Series(dtype=object), place)
    columns = pd.DataFrame(
        {
            "hiaa_creatinine_ln": valid["ln_ratio"],
            "hiaa_valid": found.astype("float64").where(newest["day"].notna()),
            "urine_score_last": score["value"],
            "missing_5hiaa": newest["reason"].where(~found & newest["reason"].notna(), absent),
            "missing_urine_score": missing_reason(score["day"].notna(), samples, _failed(urine, "urine_score"), place),
        }
    )
    day = pd.concat([valid["day"], newest["day"], score["day"]], axis=1).max(axis=1)
    return Block(columns, date_of_day(day, origin_dates(trial, protocol)))


def imaging_block(trial: Trial, scans: pd.DataFrame, protocol: Protocol, landmark: float, index: pd.Index) -> Block:
    """Imaging history from protocol scans.

    Where the delivery names the visit of any scan of a patient up to L(s), only scans with a visit count; a patient
    without any named visit has the scans that lie within the window of a visit of their modality's calendar.
    Unscheduled scans are left out: how many there are depends on the arm and on suspicion.
    """
    assigned = calendar_visit(scans["month"], scans["modality"], protocol).notna() if len(scans) else False
    named = scans["patient_id"].isin(scans.loc[scans["scheduled"], "patient_id"])
    history = scans[scans["scheduled"] | (assigned & ~named)]
    equivocal = history["state"] == "equivocal"
    grouped = history.groupby("patient_id")
    last = grouped["month"].max().reindex(index).astype("float64")
    on_last_day = history["month"] == history["patient_id"].map(last)
    columns = pd.DataFrame(
        {
            "equivocal_scans": equivocal.groupby(history["patient_id"])
            .sum()
            .reindex(index)
            .fillna(0.0)
            .astype("float64"),
            "last_scan_equivocal": (equivocal & on_last_day)
            .groupby(history["patient_id"])
            .any()
            .reindex(index)
            .astype("float64"),
            "months_since_adequate": protocol.closed(float(landmark)) - last,
        }
    )
    day = last * protocol.month_days
    return Block(columns, date_of_day(day, origin_dates(trial, protocol)))


def treatment_block(trial: Trial, anchor: pd.DataFrame, protocol: Protocol, index: pd.Index) -> Block:
    """Days from the last PRRT start to the landmark blood sample."""
    prrt = trial.treatments[trial.treatments["kind"] == "prrt"]
    zero = origin_dates(trial, protocol)
    day = days_from(prrt["patient_id"], prrt["started_on"], zero)
    before = day.where(day <= prrt["patient_id"].map(anchor["day"]))
    last = before.groupby(prrt["patient_id"]).max().reindex(index).astype("float64")
    return Block(
        pd.DataFrame({"days_since_prrt": anchor["day"] - last}),
        date_of_day(last, zero),
    )
