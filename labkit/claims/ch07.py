"""Rule of chapter 7: whether the document's list of books, courses, sites, frameworks and tools is right.

It counts. Each entry that the document names was looked up once, and the catalogue keeps what was found as a status;
the record holds the status of every entry. The limits were set before the statuses were counted: a list of this length
is right only if each entry is, since a learner follows one entry and not the average; and nothing can be said of a
list of which more than half could not be confirmed.
"""
from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, rule, select
from labkit.language import _


@rule("C7.1", "The list of books, courses, sites, frameworks and tools is right")
def listed_resources(record):
    """The entries of 7.1 and 7.2. Holds if all are confirmed. Of those confirmed or out of date, if at least half are
    out of date it does not hold. Cannot be decided if more than half of all could not be confirmed. Else in part."""
    entries = [run for section in ("7.1", "7.2") for run in select(record, part="catalogue", section=section)]
    titles = {status: [run["title"] for run in entries if run["status"] == status]
              for status in ("confirmed", "out of date", "could not be confirmed")}
    confirmed, old, unknown = map(len, titles.values())
    findings = [_("Of {count} entries, {confirmed} are confirmed, {old} are out of date and {unknown} could not be "
                  "confirmed.").format(count=len(entries), confirmed=confirmed, old=old, unknown=unknown)]
    if old:
        findings.append(_("Out of date: {titles}.").format(titles="; ".join(titles["out of date"])))
    if unknown:
        findings.append(_("Could not be confirmed: {titles}.").format(
            titles="; ".join(titles["could not be confirmed"])))
    if not entries or 2 * unknown > len(entries):
        return UNDECIDED, findings
    if 2 * old >= confirmed + old:
        return NOT, findings
    return HOLDS if confirmed == len(entries) else IN_PART, findings
