"""The kinetics of a score and dCq as one would write them in SQL, for DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

KINETICS = """
with post as (
    select s.patient_id, s.day, s.value, s.day / {month_days} as month, s.value > {cutoff} as positive,
           ln((s.value + 0.5) / (100.5 - s.value)) as logit
    from series s join anchor a using (patient_id)
    where s.day > 0 and s.day <= a.day
), beside as (
    select *, lag(value) over w as before, month - lag(month) over w as months, logit - lag(logit) over w as rise,
           month - lag(month, 2) over w as apart, lag(positive) over w as was,
           greatest(value, lag(value) over w) as high, least(value, lag(value) over w) as low
    from post window w as (partition by patient_id order by day)
), steps as (
    select *, rise / months as slope, months * (value + before) / 2 as area,
           months * case when high = low then case when high > {cutoff} then 1.0 else 0.0 end
                         else greatest(0.0, least(1.0, (high - {cutoff}) / (high - low))) end as above,
           case when before is not null then lag(rise / months) over w end as slope_before
    from beside window w as (partition by patient_id order by day)
), sums as (
    select patient_id, count(*)::double as n_samples, count(*)::double as post_n, arg_max(slope, day) as slope,
           arg_max(2 * (slope - slope_before) / apart, day) as curvature,
           arg_max(value - before, day) as change_previous,
           arg_max(ln((value + 1) / (before + 1)), day) as lnratio_previous, arg_max(logit, day) as logit_last,
           regr_slope(logit, month) as trend, avg(value) as mean, stddev_samp(logit) as sd, max(value) as max,
           min(value) as nadir, max(month) - arg_max(month, value * 1e6 + day) as months_since_peak,
           sum(months) as span, sum(area) as area, sum(above) as above,
           count(*) filter (positive)::double as n_positive,
           arg_max(positive, day) as now, arg_max(was, day) as earlier,
           sum(month) as post_sum_month, sum(month * month) as post_sum_month2, sum(logit) as post_sum_scaled,
           sum(month * logit) as post_sum_month_scaled, sum(logit * logit) as post_sum_scaled2,
           coalesce(sum(rise * rise), 0) as post_sum_step2
    from steps group by patient_id
)
select a.patient_id, a.value as last, ln((a.value + 0.5) / (100.5 - a.value)) as scaled, a.preop,
       case when a.value is not null then {category} end as category,
       case when a.day > 0 then a.value - a.preop end as change_preop,
       case when a.day > 0 then ln((a.value + 1) / (a.preop + 1)) end as lnratio_preop,
       change_previous, lnratio_previous, slope, trend, curvature, slope / {ln2} as doubling_rate,
       case when slope > 0 then {ln2} / slope end as doubling_months,
       case when slope < 0 then -{ln2} / slope end as half_life_months,
       area / span as exposure, area, mean, sd, max, nadir,
       case when n_samples > 1 then months_since_peak end as months_since_peak,
       case when n_samples > 1 then logit_last - ln((nadir + 0.5) / (100.5 - nadir)) end as rise_from_nadir,
       above as months_above, above / span as fraction_above, n_positive,
       case when earlier is not null then (now and not earlier)::double end as conversion,
       case when earlier is not null then (not now and earlier)::double end as reversion,
       n_samples, {closing} - a.day as days_to_landmark, post_n, post_sum_month, post_sum_month2, post_sum_scaled,
       post_sum_month_scaled, post_sum_scaled2, post_sum_step2
from anchor a left join sums using (patient_id)
"""
DCQ = """
with usable as (
    select sample_id, target as gene, case when state = 'value' and cq < {limit} then cq end as cq
    from wells anti join (select * from verdicts where verdict in ('repeat', 'reject')) using (plate, sample_id)
    where sample_id is not null and task = 'unknown' and not omit and state in ('value', 'undetermined')
), means as materialized (
    select sample_id, gene, avg(cq) as cq, count(cq) as replicates from usable group by sample_id, gene
)
select g.*, r.cq as reference_cq, coalesce(g.cq, {limit}) - r.cq as dcq
from means g left join (select * from means where gene = '{reference}') r using (sample_id)
where g.gene <> '{reference}'
"""


def load(*names: str) -> Callable[[Path, Any], Any]:
    """Loader of some tables into a database in memory, on one thread."""

    def of(folder: Path, facts: Any) -> Any:
        import duckdb

        base = duckdb.connect(config={"threads": 1})
        for name in names:
            base.execute(f"create table {name} as from read_parquet('{folder / name}.parquet')")
        return base

    return of


def query(sql: str) -> Callable[[Any, Any], Any]:
    """Runner of one query, to an Arrow table."""

    def run(base: Any, facts: Any) -> Any:
        category = " + ".join(f"(a.value > {edge})::double" for edge in facts.edges)
        return base.sql(sql.format(**vars(facts), category=category)).to_arrow_table()

    return run
