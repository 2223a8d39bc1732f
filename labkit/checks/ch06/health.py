"""Check of section 6.5: what an alarm is worth where the disease is rare."""
from labkit.checks.framework import exercise
from labkit.language import _


def _tests(draw):
    yield 0.95, 0.97, 212 / 569
    yield 0.95, 0.97, 0.005
    yield 0.9, 0.9, 0.0
    yield 0.8, 0.9, 1.0
    yield 1.0, 0.5, 0.5
    yield from (tuple(draw.uniform(0.01, 0.99) for _number in range(3)) for _case in range(8))


@exercise("6.6", _tests, lambda: (
    _("Think of 100,000 people. How many are ill, and how many of those get an alarm? How many of the others do?"),
    _("An alarm comes from sensitivity × prevalence of all people, who are ill, or from "
      "(1 - specificity) × (1 - prevalence), who are not."),
    _("The first value is the ill among the alarms, the second the healthy among the rest: "
      "specificity × (1 - prevalence) over itself plus (1 - sensitivity) × prevalence."),
))
def predictive_values(sensitivity, specificity, prevalence):
    """How often an alarm is right, and how often silence is: a pair of shares, the alarm's first.

    sensitivity is the share of the ill that get an alarm, specificity the share of the healthy that get none, and
    prevalence the share of all that are ill.
    """
    alarm_ill, alarm_healthy = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    silent_ill, silent_healthy = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    return alarm_ill / (alarm_ill + alarm_healthy), silent_healthy / (silent_healthy + silent_ill)
