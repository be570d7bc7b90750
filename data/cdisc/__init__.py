"""CDISC SDTM domains in, tables of the trial out: one door.

``read`` (domains from CSV or SAS transport files), ``dates`` (partial ISO dates), ``tumours`` (lesions and recorded
responses of one reader), ``subjects`` (days of randomisation, death and last contact).
"""

from data.cdisc.dates import complete_dates
from data.cdisc.read import read_domain, read_study
from data.cdisc.subjects import subjects
from data.cdisc.tumours import ACCEPTED, lesions, of_reader, responses

__all__ = ["ACCEPTED", "complete_dates", "lesions", "of_reader", "read_domain", "read_study", "responses", "subjects"]
