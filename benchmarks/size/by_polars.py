"""The kinetics of a score and dCq as one would write them in polars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def load(*names: str) -> Callable[[Path, Any], Any]:
    """Loader of some tables."""

    def of(folder: Path, facts: Any) -> Any:
        import polars as pl

        return tuple(pl.read_parquet(folder / f"{name}.parquet") for name in names)

    return of


def kinetics(data: Any, facts: Any) -> Any:
    """Every kinetic column that ours has, one row per patient of the anchor."""
    import polars as pl

    series, anchor = data
    day, value = pl.col("day"), pl.col("value")
    until = anchor.lazy().select("patient_id", until="day")
    post = (
        series.lazy()
        .join(until, on="patient_id", how="left", maintain_order="left")
        .filter((day > 0) & (day <= pl.col("until")))
        .with_columns(month=day / facts.month_days, logit=((value + 0.5) / (100.5 - value)).log())
    )
    grouped = _steps(pl, post, facts).group_by("patient_id").agg(**_sums(pl))
    several = pl.col("n_samples") > 1
    level = ((value + 0.5) / (100.5 - value)).log()
    after = pl.when(day > 0).then(value)
    return (
        anchor.lazy()
        .join(grouped, on="patient_id", how="left", maintain_order="left")
        .select(
            "patient_id", *PLAIN,
            last=value, scaled=level, preop=pl.col("preop"),
            category=pl.when(value.is_not_null()).then(sum((value > edge).cast(pl.Float64) for edge in facts.edges)),
            change_preop=after - pl.col("preop"),
            lnratio_preop=((after + 1) / (pl.col("preop") + 1)).log(),
            doubling_rate=pl.col("slope") / facts.ln2,
            doubling_months=facts.ln2 / pl.when(pl.col("slope") > 0).then(pl.col("slope")),
            half_life_months=-facts.ln2 / pl.when(pl.col("slope") < 0).then(pl.col("slope")),
            exposure=pl.when(several).then(pl.col("area") / pl.col("span")),
            area=pl.when(several).then(pl.col("area")),
            months_above=pl.when(several).then(pl.col("above")),
            fraction_above=pl.when(several).then(pl.col("above") / pl.col("span")),
            months_since_peak=pl.when(several).then(pl.col("months_since_peak")),
            rise_from_nadir=pl.when(several).then(
                pl.col("logit_last") - ((pl.col("nadir") + 0.5) / (100.5 - pl.col("nadir"))).log()
            ),
            conversion=pl.when(several).then((pl.col("now") & ~pl.col("earlier")).cast(pl.Float64)),
            reversion=pl.when(several).then((~pl.col("now") & pl.col("earlier")).cast(pl.Float64)),
            days_to_landmark=facts.closing - day,
        )
        .collect()
    )  # fmt: skip


PLAIN = (
    "change_previous", "lnratio_previous", "slope", "trend", "curvature", "mean", "sd", "max", "nadir", "n_positive",
    "n_samples", "post_n", "post_sum_month", "post_sum_month2", "post_sum_scaled", "post_sum_month_scaled",
    "post_sum_scaled2", "post_sum_step2",
)  # fmt: skip


def _steps(pl: Any, post: Any, facts: Any) -> Any:
    """Each result beside the one and the two before it."""
    who, value, month, logit = (pl.col(name) for name in ("patient_id", "value", "month", "logit"))
    same, third = who == who.shift(), who == who.shift(2)
    rows = post.with_columns(
        months=pl.when(same).then(month.diff()),
        before=pl.when(same).then(value.shift()),
        rise=pl.when(same).then(logit.diff()),
        apart=pl.when(third).then(month - month.shift(2)),
        positive=value > facts.cutoff,
    )
    months, before = pl.col("months"), pl.col("before")
    low, high = pl.min_horizontal("value", "before"), pl.max_horizontal("value", "before")
    share = ((high - facts.cutoff) / (high - low)).clip(0.0, 1.0)
    flat = pl.when(value > facts.cutoff).then(1.0).otherwise(0.0)
    slope = pl.col("rise") / months
    return rows.with_columns(
        area=months * (value + before) / 2,
        above=pl.when(before.is_not_null()).then(months * pl.when(value == before).then(flat).otherwise(share)),
        slope=slope,
        curvature=2 * (slope - slope.shift()) / pl.col("apart"),
        change=value - before,
        lnratio=((value + 1) / (before + 1)).log(),
        was=pl.when(same).then(pl.col("positive").shift()),
    )


def _sums(pl: Any) -> dict[str, Any]:
    """What one patient's results come to."""
    value, month, logit = pl.col("value"), pl.col("month"), pl.col("logit")
    last = {name: pl.col(name).last() for name in ("slope", "curvature")}
    total = {name: pl.col(name).sum() for name in ("area", "above")}
    return last | total | {
        "span": pl.col("months").sum(),
        "logit_last": logit.last(),
        "change_previous": pl.col("change").last(),
        "lnratio_previous": pl.col("lnratio").last(),
        "now": pl.col("positive").last(),
        "earlier": pl.col("was").last(),
        "trend": pl.cov(month, logit, ddof=1) / month.var(ddof=1),
        "mean": value.mean(),
        "sd": logit.std(ddof=1),
        "max": value.max(),
        "nadir": value.min(),
        "months_since_peak": month.last() - month.filter(value == value.max()).last(),
        "n_positive": pl.col("positive").sum().cast(pl.Float64),
        "n_samples": pl.len().cast(pl.Float64),
        "post_n": pl.len().cast(pl.Float64),
        "post_sum_month": month.sum(),
        "post_sum_month2": (month * month).sum(),
        "post_sum_scaled": logit.sum(),
        "post_sum_month_scaled": (month * logit).sum(),
        "post_sum_scaled2": (logit * logit).sum(),
        "post_sum_step2": (pl.col("rise") * pl.col("rise")).sum(),
    }  # fmt: skip


def dcq(data: Any, facts: Any) -> Any:
    """dCq of every sample and gene."""
    import polars as pl

    wells, verdicts = data
    failed = verdicts.lazy().filter(pl.col("verdict").is_in(["repeat", "reject"]))
    usable = pl.when((pl.col("state") == "value") & (pl.col("cq") < facts.limit)).then(pl.col("cq"))
    table = (
        wells.lazy()
        .filter(pl.col("sample_id").is_not_null() & (pl.col("task") == "unknown") & ~pl.col("omit"))
        .filter(pl.col("state").is_in(["value", "undetermined"]))
        .join(failed, on=["plate", "sample_id"], how="anti")
        .group_by("sample_id", gene="target")
        .agg(cq=usable.mean(), replicates=usable.count())
        .collect()
        .lazy()
    )
    is_reference = pl.col("gene") == facts.reference
    reference = table.filter(is_reference).select("sample_id", reference_cq="cq")
    joined = table.filter(~is_reference).join(reference, on="sample_id", how="left")
    return joined.with_columns(dcq=pl.col("cq").fill_null(facts.limit) - pl.col("reference_cq")).collect()
