"""Each verdict of chapter 7's rule, from made-up records."""
import pytest

from labkit.claims import HOLDS, IN_PART, NOT, UNDECIDED, decide

STATUS = {"c": "confirmed", "o": "out of date", "u": "could not be confirmed"}


def record(statuses, sections=("7.1", "7.2"), seeds=(0, 1, 2)):
    """One entry for each letter, in turn in each of the sections; and one confirmed paper, which does not count."""
    runs = [{"part": "catalogue", "section": sections[place % len(sections)], "title": f"entry {place}",
             "status": STATUS[letter]} for place, letter in enumerate(statuses)]
    runs.append({"part": "catalogue", "section": "7.3", "title": "a paper", "status": "confirmed"})
    return {"seeds": list(seeds), "runs": runs, "date": "2026-01-02", "machine": "a machine", "commit": "abc1234",
            "data": {"name": "made up", "note": "", "sha256": "0"}}


@pytest.mark.parametrize("statuses, verdict", [
    ("cccc", HOLDS), ("c", HOLDS), ("ccco", IN_PART), ("cccu", IN_PART), ("cuuc", IN_PART), ("cuu", UNDECIDED),
    ("uuuuo", UNDECIDED), ("co", NOT), ("ooo", NOT), ("couu", NOT), ("ccou", IN_PART), ("", UNDECIDED),
    ("uu", UNDECIDED)])
def test_each_verdict(statuses, verdict):
    assert decide("C7.1", record(statuses)).verdict == verdict


def test_findings_count_and_name_what_is_not_confirmed():
    findings = decide("C7.1", record("ccou")).findings
    assert findings == ("Of 4 entries, 2 are confirmed, 1 are out of date and 1 could not be confirmed.",
                        "Out of date: entry 2.", "Could not be confirmed: entry 3.")
    assert len(decide("C7.1", record("cc")).findings) == 1
