"""`scrip doctor`: what is missing here, and the command that mends it."""

from dataclasses import asdict

from services.doctor.examination import examine
from services.doctor.report import all_well, render
from services.runtime.cli import DONE, Said

MISSING = 3


def look() -> Said:
    """Every finding; status 3 if something that is needed is missing."""
    findings = examine()
    well = all_well(findings)
    found = {"well": well, "findings": [asdict(finding) for finding in findings]}
    return Said(found, render(findings), DONE if well else MISSING)
