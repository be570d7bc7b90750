"""Dictionary of the columns that are learnt inside a training fold."""

from __future__ import annotations

from data.protocol import load_panel
from features.learnt.marker import NETEST, SCALES
from features.registry.feature import POSTOP, PREVIOUS, SAMPLE, Feature
from features.registry.markers import MEASURED, cga, score
from features.registry.urine import urine

BLUP = "Laird, Ware, Biometrics 1982; 38: 963; statistical design, section 2"
STABLE = "von Neumann et al., Ann Math Stat 1941; 12: 153; statistical design, section 2"
OMES = "statistical design, section 2; membership of the clusters is unverified (data/panel.toml)"


def fold(name: str, unit: str, formula: str, look_back: str, reference: str, **more: object) -> Feature:
    """A column that is learnt; of the blood score unless said otherwise."""
    facts = {"specimen": "blood", "stamp": "netest"} | more
    return Feature(name, unit, formula, "fold", look_back, reference=reference, **facts)  # type: ignore[arg-type]


def of_marker(marker: str) -> list[Feature]:
    """Level, slope and stable rise of one marker, in its own scale and dated as its landmark level is."""
    scale = SCALES[marker]
    level = next(feature for feature in (*score(), *cga(), *urine()) if feature.name == f"{marker}_{scale}")
    facts = {"specimen": level.specimen, "stamp": level.stamp}
    entering = POSTOP if marker == NETEST else MEASURED
    return [
        fold(
            f"{marker}_blup_level",
            level.unit,
            "b0 + b1 t + b2 arm + u0 + u1 t at L(s); mixed model of training rows, restricted maximum likelihood",
            entering,
            BLUP,
            **facts,
        ),
        fold(
            f"{marker}_blup_slope",
            f"{scale}/month",
            "b1 + u1; not estimable while slopes are not random",
            entering,
            BLUP,
            **facts,
        ),
        fold(
            f"{marker}_rcv_rise_stable",
            "",
            "1 when l_s - l_u > z sqrt(2) sd, sd of one result in training patients free of recurrence",
            PREVIOUS,
            STABLE,
            kind="flag",
            **facts,
        ),
    ]


def learnt() -> list[Feature]:
    """What models add to a landmark table while they are fitted; never part of the table."""

    return [
        fold(
            "netest_bridged",
            "logit",
            "l_s - k (d - mean d), d control deviation of its plate, k = between / (between + within / n) of training "
            "plates; k = 0 without controls",
            SAMPLE,
            "Searle, Casella, McCulloch, Variance Components, 1992; statistical design, section 2",
            monotone=1,
        ),
        fold(
            "netest_change_bridged",
            "logit",
            "(l_s - l_u) - k (d_s - d_u), k as for netest_bridged",
            PREVIOUS,
            "Searle, Casella, McCulloch, Variance Components, 1992; statistical design, section 2",
        ),
        *(feature for marker in SCALES for feature in of_marker(marker)),
        fold(
            "hiaa_creatinine_expected",
            "ln umol/mmol",
            "measured value; below the limit its expectation under a censored normal of training rows",
            SAMPLE,
            "Tobin, Econometrica 1958; 26: 24",
            specimen="urine",
            stamp="hiaa",
        ),
        *(
            fold(
                f"cluster_{name}",
                "",
                "mean of -(dCq - mu) / sd over genes, mu, sd of training rows",
                SAMPLE,
                OMES,
                stamp="genes",
            )
            for name in load_panel().omes
        ),
        fold(
            "signature_score",
            "log odds",
            "sum of ridge logistic coefficients x standardised dCq; training rows cross-fitted; not the NETest",
            SAMPLE,
            "le Cessie, van Houwelingen, Appl Stat 1992; 41: 191; statistical design, section 2",
            stamp="genes",
        ),
    ]
