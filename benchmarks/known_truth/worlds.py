"""Every simulated world against its published targets: ``python -m benchmarks.known_truth.worlds [--write]``.

One trial per world; each quantity with its Monte Carlo standard error, beside the published value. ``--write`` puts
the table into docs/simulator.md. The calibration test measures the same quantities in fewer patients.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.page import write
from data.protocol import Protocol, load_protocol
from data.simulate import Simulated, generate, load_worlds, truth_label

COMMAND = "python -m benchmarks.known_truth.worlds --write"
N, SEED = 20_000, 101
TARGETS = Path(__file__).with_name("worlds_targets.csv")
TYPICAL_SCORE = 40
UNTREATED = {"prrt_halvings": 0.0, "score_prrt": (0.0, 0.0, 0.0)}

Measures = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A target beside what a world gives; values from ``low`` to ``high`` count as met."""

    world: str
    quantity: str
    target: str
    low: float
    high: float
    source: str
    value: float
    error: float

    @property
    def met(self) -> bool:
        """Whether the value lies in the accepted range, give or take three Monte Carlo errors."""
        return self.low - 3 * self.error <= self.value <= self.high + 3 * self.error


def targets() -> pd.DataFrame:
    """Published targets by world and quantity."""
    return pd.read_csv(TARGETS, dtype={"target": str}, keep_default_na=False)


def lines(n: int = N, seed: int = SEED, protocol: Protocol | None = None) -> list[Line]:
    """Every target of every world with what one trial of n patients gives."""
    rules = protocol or load_protocol()
    found = {world: measure(world, n, seed, rules) for world in load_worlds()}
    return [
        Line(row.world, row.quantity, row.target, row.low, row.high, row.source, *found[row.world][row.quantity])
        for row in targets().itertuples()
    ]


def measure(world: str, n: int, seed: int, protocol: Protocol) -> Measures:
    """All quantities of one world, each with its Monte Carlo standard error."""
    made = generate(n, seed, world, protocol)
    scores = measured(made)
    scores = scores[scores["analyte"] == "netest_activity"]
    return {
        **natural_history(made, protocol),
        **score_levels(scores, protocol),
        **discrimination(made, scores, protocol),
        **treatment_effect(scores, world, n, seed, protocol),
        **conduct(made, protocol),
    }


def share(hits: pd.Series | np.ndarray) -> tuple[float, float]:
    """A proportion and its standard error."""
    p = float(np.mean(hits))
    return p, float(np.sqrt(p * (1 - p) / max(len(hits), 1)))


def level(values: pd.Series, name: str) -> Measures:
    """Mean, standard deviation, median and shares at 20 of scores."""
    n, sd = len(values), float(values.std())
    return {
        f"{name} mean": (float(values.mean()), sd / np.sqrt(n)),
        f"{name} SD": (sd, sd / np.sqrt(2 * n)),
        f"{name} median": (float(values.median()), 1.25 * sd / np.sqrt(n)),
        f"{name} below 20": share(values < 20),
        f"{name} above 20": share(values > 20),
    }


def measured(made: Simulated) -> pd.DataFrame:
    """Every result with its sample and the truth of its patient."""
    samples = made.frames["samples"].merge(made.frames["results"], on="sample_id")
    return samples.merge(made.truth, on="patient_id")


def natural_history(made: Simulated, protocol: Protocol) -> Measures:
    """Disease-free survival as delivered, recurrence, death and spread as complete observation shows them."""
    out: Measures = {}
    for arm, curve in observed_survival(made, protocol).items():
        out |= {f"DFS {month:g} {arm}": pair for month, pair in curve.items()}
    truth = made.truth
    death = truth["complete_death_month"].fillna(np.inf)
    out |= {f"OS {month}": share(death > month) for month in (36, 60)}
    control = truth[(truth["arm"] == "control")]
    first = control["complete_first_positive_visit"]
    out["recurrence 60 control"] = share((first <= 60)[first.notna() | control["complete_death_month"].isna()])
    recurred = truth.loc[truth["complete_first_positive_visit"].notna(), "spread"]
    out |= {f"spread {kind}": share(recurred == kind) for kind in ("liver", "extrahepatic", "both")}
    return out


def observed_survival(made: Simulated, protocol: Protocol) -> dict[str, dict[float, tuple[float, float]]]:
    """Kaplan-Meier disease-free survival by arm and visit with Greenwood errors, from the delivered tables alone."""
    frames = made.frames
    patients = frames["patients"].set_index("patient_id")
    surgery = frames["imaging"]["patient_id"].map(patients["surgery_on"])
    month = (frames["imaging"]["scan_on"] - surgery).dt.days / protocol.month_days
    scans = frames["imaging"].assign(visit=lambda t: t["scheduled_month"].fillna(closing_visit(month, protocol)))
    first = scans[scans["finding"] == "recurrence"].groupby("patient_id")["visit"].min()
    last = scans[(scans["adequate"] == "yes") & scans["scheduled_month"].notna()].groupby("patient_id")["visit"].max()
    followed = frames["followup"].set_index("patient_id")
    died = closing_visit((followed["died_on"] - patients["surgery_on"]).dt.days / protocol.month_days, protocol)
    event = pd.concat([first.reindex(patients.index), died], axis=1).min(axis=1).fillna(np.inf)
    seen = last.reindex(patients.index).fillna(0)
    return {arm: _curve(event[own], seen[own], protocol) for arm, own in patients.groupby("arm").groups.items()}


def closing_visit(month: pd.Series, protocol: Protocol) -> pd.Series:
    """First visit of the calendar that is closed at these months; infinite after the last."""
    closed = np.array([protocol.closed(visit) for visit in protocol.visit_grid])
    place = np.searchsorted(closed, month.fillna(np.inf), side="left")
    return pd.Series(np.append(protocol.visit_grid, np.inf)[place], index=month.index)


def _curve(event: pd.Series, seen: pd.Series, protocol: Protocol) -> dict[float, tuple[float, float]]:
    free, greenwood, curve = 1.0, 0.0, {}
    for visit in protocol.visit_grid[1:]:
        happened = int((event == visit).sum())
        risk = happened + int(((event > visit) & (seen >= visit)).sum())
        free *= 1 - happened / risk
        greenwood += happened / (risk * max(risk - happened, 1))
        curve[visit] = (free, free * float(np.sqrt(greenwood)))
    return curve


def score_levels(scores: pd.DataFrame, protocol: Protocol) -> Measures:
    """Scores before surgery, and of controls at month 6 with and without recurrence."""
    at_six = scores[(scores["visit"] == "month_6") & (scores["arm"] == "control")]
    first = at_six["complete_first_positive_visit"].fillna(np.inf)
    soon = (first > 6) & (first <= 30)
    return {
        **level(scores.loc[scores["visit"] == "baseline", "value"], "before surgery"),
        **level(at_six.loc[at_six["cured"] == "yes", "value"], "month 6, cured"),
        **level(at_six.loc[soon, "value"], "month 6, recurs in 24 months"),
        **level(at_six.loc[np.isinf(first), "value"], "month 6, never recurs"),
        **level(at_six["value"], "month 6, all"),
    }


def discrimination(made: Simulated, scores: pd.DataFrame, protocol: Protocol) -> Measures:
    """AUC of the score at landmarks: recurrence in 24 months after month 6, and the endpoints of the protocol."""
    out = {"AUC 24 months at 6": landmark_auc(scores, 6.0, 30.0, protocol)}
    for arm in ("control", "prrt"):
        out[f"AUC 24 months at 6, {arm}"] = landmark_auc(scores[scores["arm"] == arm], 6.0, 30.0, protocol)
    for name in ("MRD36@6", "ER12@12"):
        endpoint = protocol.endpoint(name)
        out[f"AUC {name}"] = landmark_auc(scores, endpoint.landmark, endpoint.horizon, protocol)
        label = truth_label(made.truth, endpoint, protocol)["y"].dropna()
        out[f"prevalence {name}"] = share(label)
    return out


def landmark_auc(
    results: pd.DataFrame, landmark: float, horizon: float, protocol: Protocol, analyte: str = "netest_activity"
) -> tuple[float, float]:
    """AUC of an analyte at a landmark against complete observation up to the horizon; error of Hanley and McNeil."""
    visit = {float(month): name for name, month in protocol["calendar.sample_month"].items()}[landmark]
    table = results[(results["analyte"] == analyte) & (results["visit"] == visit)]
    positive = table["complete_first_positive_visit"].fillna(np.inf)
    rows = (positive > landmark) & (table["complete_death_month"].fillna(np.inf) > protocol.closed(landmark))
    event, value = (positive[rows] <= horizon).to_numpy(), table.loc[rows, "value"]
    a = auc(event, value)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    m, n = int(event.sum()), int((~event).sum())
    return a, float(np.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n)))


def auc(event: np.ndarray, score: pd.Series | np.ndarray) -> float:
    """Probability that an event scores higher than a non-event, ties by half."""
    rank = pd.Series(np.asarray(score)).rank().to_numpy()
    events = int(event.sum())
    return float((rank[event].sum() - events * (events + 1) / 2) / (events * (len(event) - events)))


def treatment_effect(scores: pd.DataFrame, world: str, n: int, seed: int, protocol: Protocol) -> Measures:
    """Relative change of the mean score at month 6 by PRRT: the same patients, treated and not."""
    without = measured(generate(n, seed, world, protocol, **UNTREATED))
    without = without[without["analyte"] == "netest_activity"]
    both = scores.merge(without, on=["patient_id", "visit"], suffixes=("", "_without"))
    both = both[(both["visit"] == "month_6") & (both["arm"] == "prrt")]
    out = {}
    for name, own in {"all": both, "cured": both[both["cured"] == "yes"]}.items():
        ratio = own["value"].mean() / own["value_without"].mean()
        error = (own["value"] - ratio * own["value_without"]).std() / own["value_without"].mean() / np.sqrt(len(own))
        out[f"PRRT effect, {name}"] = (ratio - 1, error)
    return out


def conduct(made: Simulated, protocol: Protocol) -> Measures:
    """Missing samples, noise of the assay, and plates."""
    n, world, samples = len(made.truth), made.world, made.frames["samples"]
    drawn = samples.groupby(["visit", "specimen"]).size()
    slope = (100 - TYPICAL_SCORE) / 100
    blood = made.samples[made.samples["specimen"] == "blood"].merge(
        made.frames["results"].dropna(subset="plate"), on="sample_id"
    )
    shift = made.plate_shift[blood["plate"].str.removeprefix("PL").astype(int) - 1]
    day = blood["received_on"].astype("int64")
    dropped = made.truth["dropout_month"].notna().groupby(made.truth["arm"]).mean()
    return {
        "missing blood before surgery": share(np.arange(n) >= drawn["baseline", "blood"]),
        "missing urine before surgery": share(np.arange(n) >= drawn["baseline", "urine"]),
        "odds of missing when about to recur": (float(np.exp(world.missing_unwell)), 0.0),
        "CV within a person": (world.score_within_sd * slope, 0.0),
        "CV of the assay": (world.score_analytic_sd * slope, 0.0),
        "qPCR plate SD": (world.cq_plate_sd, 0.0),
        "correlation of plate shift and time": (
            abs(float(np.corrcoef(shift, day)[0, 1])),
            1 / np.sqrt(len(made.plate_shift)),
        ),
        "lost, control": (float(dropped["control"]), 0.0),
        "lost, prrt": (float(dropped["prrt"]), 0.0),
    }


def markdown(found: list[Line]) -> str:
    """The table of docs/simulator.md."""
    head = [
        "| world | quantity | target | source | simulated | error | |",
        "| --- | --- | --- | --- | ---: | ---: | --- |",
    ]
    return "\n".join(
        [
            *head,
            *(
                f"| {x.world} | {x.quantity} | {x.target} | {x.source} | {_number(x.value)} | {_number(x.error)} | "
                f"{'met' if x.met else 'not met'} |"
                for x in found
            ),
        ]
    )


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"


def main() -> int:
    """Measure, print, and write the page when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=N)
    parser.add_argument("--write", action="store_true", help="put the table into docs/simulator.md")
    asked = parser.parse_args()
    found = lines(asked.patients)
    print(markdown(found))
    if asked.write:
        write("simulator.md", COMMAND, markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
