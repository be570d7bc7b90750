"""Pages that an ingest leaves for the bench: each plate that was judged, and each patient whose blood was on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from data.ingest import IngestReport
    from data.protocol import Protocol
    from data.quality import PlateVerdict

# A page takes about a second; after a whole delivery only the plates that did not pass get one.
FEW = 10


class Witness:
    """The judge of plates, remembering the wells of each so that a rejected plate can be shown too."""

    def __init__(self) -> None:
        self.wells: dict[str, pd.DataFrame] = {}

    def __call__(self, wells: pd.DataFrame, protocol: Protocol) -> PlateVerdict:
        from data.quality import judge_plate

        for plate, part in wells.groupby("plate"):
            self.wells[str(plate)] = part
        return judge_plate(wells, protocol)


def write_pages(home: Home, report: IngestReport, wells: dict[str, pd.DataFrame]) -> list[Path]:
    """Write the pages of an ingest under ``reports``.

    Parameters
    ----------
    home : Home
    report : IngestReport
    wells : dict of str to DataFrame
        Wells by plate, as judged.

    Returns
    -------
    list of Path
        Plates first, then patients.
    """
    shown = [plate for plate in report.plates if plate in wells]
    if len(shown) > FEW:
        shown = [plate for plate in shown if report.plates[plate].verdict != "pass"]
    pages = [_plate_page(home, plate, wells[plate], report.plates[plate]) for plate in shown[:FEW]]
    samples = sorted(set(report.samples["sample_id"].dropna())) if len(report.plates) <= FEW else []
    return pages + (patient_pages(home, samples) if samples else [])


def _plate_page(home: Home, plate: str, wells: pd.DataFrame, verdict: PlateVerdict) -> Path:
    from flows.reports.plate.report import write_plate_report
    from flows.work.report import page_place

    with home.store(initialise=False) as store:
        simulated = store.ready and store.trial().simulated
    return write_plate_report(wells, verdict, home.protocol(), page_place(home, "plate", plate), simulated=simulated)


def patient_pages(home: Home, samples: Sequence[str]) -> list[Path]:
    """Trend and scores of the patients of these samples; none where records cannot be used together yet."""
    from data.findings import Refused
    from flows.work.report import Material, write_patients

    with home.store() as store:
        known = store.frames(["samples"])["samples"]
    patients = sorted(known.loc[known["sample_id"].isin(samples), "patient_id"].unique())
    if not patients or len(patients) > FEW:
        return []
    try:
        return write_patients(home, Material(home), patients)
    except Refused:
        return []
