"""Dictionary of the markers: one list of kinetic columns for all of them, and the quality of the blood sample."""

from __future__ import annotations

from dataclasses import dataclass

from features.kinetics import table_names
from features.registry.feature import DESIGN, PAIR, POSTOP, PREOP, PREVIOUS, SAMPLE, WINDOW, Feature

LAST_THREE = "landmark sample and the two post-operative samples before it"
MEASURED = f"{POSTOP}, those measured (not beyond a limit of the assay)"
RCV = f"{DESIGN}; Fokkema 2006 (asymmetric), Lund 2015 (several results)"
MOMENTS = "sufficient statistics of least squares and of the random-effects model (Laird and Ware 1982)"


@dataclass(frozen=True)
class Line:
    """One kinetic column of any marker; {unit}, {ratio}, {scaled}, {scale} and {l} are filled in by marker."""

    unit: str
    formula: str
    look_back: str
    kind: str = "number"
    reference: str = DESIGN


LINES = {
    "last": Line("{unit}", "v_s", SAMPLE),
    "scaled": Line("{scaled}", "l_s = {l}", SAMPLE),
    "category": Line("", "0, 1, 2, 3 by kinetics.category_edges; version 1.0 only", SAMPLE),
    "below_limit": Line("", "1 when v_s is below the limit of its assay (v_s = limit / sqrt 2)", SAMPLE, "flag"),
    "preop": Line("{unit}", "v_pre", PREOP),
    "change_preop": Line("{unit}", "v_s - v_pre; spans the operation, not a growth slope", PAIR),
    "lnratio_preop": Line("ln", "ln[{ratio}] against v_pre; spans the operation", PAIR),
    "change_previous": Line("{unit}", "v_s - v_u", PREVIOUS),
    "lnratio_previous": Line("ln", "ln[{ratio}] against v_u", PREVIOUS),
    "slope": Line("{scale}/month", "(l_s - l_u) / (t_s - t_u)", PREVIOUS),
    "trend": Line("{scale}/month", "least-squares slope of l on t, all results measured", POSTOP, reference="Gauss"),
    "curvature": Line(
        "{scale}/month^2",
        "second divided difference x 2 of the last three: [(l_s - l_u)/(t_s - t_u) - (l_u - l_w)/(t_u - t_w)] x 2 "
        "/ (t_s - t_w)",
        LAST_THREE,
        reference="Newton: second derivative of the parabola through three points",
    ),
    "doubling_rate": Line("doublings{of}/month", "slope / ln 2", PREVIOUS),
    "doubling_months": Line("month", "ln 2 / slope when slope > 0, else not estimable; for display", PREVIOUS),
    "half_life_months": Line("month", "ln 2 / -slope when slope < 0, else not estimable; for display", PREVIOUS),
    "exposure": Line("{unit}", "area / (t_s - t_1): time-weighted mean", POSTOP),
    "area": Line("{unit} x month", "trapezoid of v over t from t_1 to t_s", POSTOP),
    "mean": Line("{unit}", "mean v", POSTOP),
    "sd": Line("{scale}", "standard deviation of l (n - 1), all results measured", POSTOP),
    "max": Line("{unit}", "largest v (peak)", POSTOP),
    "nadir": Line("{unit}", "smallest v", POSTOP),
    "months_since_peak": Line("month", "t_s - t of the (latest) largest v; two results or more", POSTOP),
    "rise_from_nadir": Line("{scale}", "l_s - l of the smallest v; two results or more", POSTOP),
    "months_above": Line("month", "months with interpolated v above the cut-off", POSTOP),
    "fraction_above": Line("", "months above the cut-off / (t_s - t_1)", POSTOP),
    "n_positive": Line("count", "results beyond the cut-off; missing while one of them is unknown", POSTOP),
    "conversion": Line("", "1 when v_u negative and v_s positive", PREVIOUS, "flag"),
    "reversion": Line("", "1 when v_u positive and v_s negative", PREVIOUS, "flag"),
    "rcv_rise": Line(
        "", "1 when l_s - l_u > z sqrt(2) sqrt(sA^2 + sI^2), z for the number of results", PREVIOUS, "flag", RCV
    ),
    "rcv_fall": Line(
        "", "1 when l_u - l_s > z sqrt(2) sqrt(sA^2 + sI^2), z for the number of results", PREVIOUS, "flag", RCV
    ),
    "n_samples": Line("count", "post-operative results up to the landmark sample", POSTOP),
    "days_to_landmark": Line("day", "L(s) - day of the landmark sample", SAMPLE),
    "kinetics_reason": Line(
        "",
        "why there is no change to the previous sample: no_landmark_sample, pre_operative_sample, "
        "one_post_operative_sample, below_limit, above_limit, outside_scale",
        PREVIOUS,
        "reason",
    ),
    "post_n": Line("count", "n", MEASURED, "material", MOMENTS),
    "post_sum_month": Line("month", "sum of t", MEASURED, "material", MOMENTS),
    "post_sum_month2": Line("month^2", "sum of t^2", MEASURED, "material", MOMENTS),
    "post_sum_scaled": Line("{scale}", "sum of l", MEASURED, "material", MOMENTS),
    "post_sum_month_scaled": Line("{scale} x month", "sum of t l", MEASURED, "material", MOMENTS),
    "post_sum_scaled2": Line("{scale}^2", "sum of l^2", MEASURED, "material", MOMENTS),
    "post_sum_step2": Line(
        "{scale}^2", "sum of squared successive differences of l", MEASURED, "material", "von Neumann 1941"
    ),
}
RISING = ("last", "scaled", "category", "mean", "max")


def marker_features(
    prefix: str,
    unit: str,
    scale: str,
    specimen: str,
    stamp: str,
    preop_stamp: str = "",
    cutoff: bool = True,
    graded: bool = False,
    rising: bool = False,
) -> list[Feature]:
    """Dictionary of the kinetic columns of one marker, in the order of :data:`features.kinetics.KINETIC_COLUMNS`.

    Parameters
    ----------
    prefix : str
        With its underscore: ``netest_``.
    unit : str
        Canonical unit of the result.
    scale : {"logit", "ln"}
        Scale of change, see :class:`features.kinetics.MarkerRules`.
    specimen : {"blood", "urine"}
    stamp : str
        Stamp group of all columns; ``preop_stamp`` that of the pre-operative result, the same when omitted.
    cutoff, graded : bool
        See :func:`features.kinetics.table_names`.
    rising : bool
        Whether risk can only rise with the levels of the marker.

    Returns
    -------
    list of Feature
    """
    logit = scale == "logit"
    words = {
        "unit": unit,
        "scale": scale,
        "scaled": scale if logit else f"{scale} {unit}",
        "l": "ln[(v_s + 0.5) / (100.5 - v_s)]" if logit else "ln v_s",
        "ratio": "(v_s + 1) / (v + 1)" if logit else "v_s / v",
        "of": " of the odds" if logit else "",
    }
    return [
        Feature(
            name=column,
            unit=LINES[name].unit.format(**words),
            formula=LINES[name].formula.format(**words),
            source=specimen,
            look_back=LINES[name].look_back,
            specimen=specimen,
            kind=LINES[name].kind,
            monotone=int(rising and name in RISING),
            stamp=(preop_stamp or stamp) if name == "preop" else stamp,
            reference=LINES[name].reference,
        )
        for name, column in table_names(prefix, scale, cutoff, graded).items()
    ]


def score() -> list[Feature]:
    """Kinetics of the blood score."""
    return marker_features("netest_", "score", "logit", "blood", "netest", "netest_preop", graded=True, rising=True)


def cga() -> list[Feature]:
    """Kinetics of chromogranin A, results of the kit of the landmark sample only."""
    limit = Feature(
        name="cga_above_limit",
        unit="",
        formula="1 when v_s is above the upper limit of its kit (cga.upper_limits); missing for a kit without a limit",
        source="blood",
        look_back=SAMPLE,
        specimen="blood",
        kind="flag",
        stamp="cga",
    )
    return [*marker_features("cga_", "ng/mL", "ln", "blood", "cga", cutoff=False), limit]


def blood_sample() -> list[Feature]:
    """The landmark blood sample itself."""

    def own(name: str, unit: str, formula: str, look_back: str = SAMPLE, kind: str = "number") -> Feature:
        return Feature(name, unit, formula, "blood", look_back, "blood", kind, stamp="netest")

    ssa = "1 somatostatin analogue in use at the landmark sample (samples.ssa; where empty, by the recorded courses)"
    return [
        own("ssa_at_sample", "", ssa, kind="flag"),
        own("reference_cq", "cycle", "Cq of the reference gene, latest accepted plate"),
        own("replicate_sd", "cycle", "standard deviation of replicates, latest accepted plate"),
        own("undetermined_fraction", "", "share of undetermined wells, latest accepted plate"),
        own("sample_month", "month", "actual month of the landmark blood sample"),
        own("has_landmark_blood", "", "True when a valid blood score lies in the window", WINDOW, "flag"),
    ]
