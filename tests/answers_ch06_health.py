"""Answers to exercise 6.6: right ones, and plausible wrong ones."""
import numpy as np


def by_bayes(sensitivity, specificity, prevalence):
    alarm = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    return np.array([sensitivity * prevalence / alarm, specificity * (1 - prevalence) / (1 - alarm)])


def by_counting(sensitivity, specificity, prevalence, people=1e5):
    ill, healthy = people * prevalence, people * (1 - prevalence)
    caught, cleared = ill * sensitivity, healthy * specificity
    return caught / (caught + healthy - cleared), cleared / (cleared + ill - caught)


RIGHT = {"6.6": [by_bayes, by_counting]}
WRONG = {"6.6": [
    lambda sensitivity, specificity, prevalence: (sensitivity, specificity),
    lambda sensitivity, specificity, prevalence: by_bayes(sensitivity, specificity, 0.5),               # as if even
    lambda sensitivity, specificity, prevalence: by_bayes(sensitivity, specificity, prevalence)[::-1],   # swapped
    lambda sensitivity, specificity, prevalence: by_bayes(specificity, sensitivity, prevalence),         # mistaken
    lambda sensitivity, specificity, prevalence: by_bayes(sensitivity, specificity, 1 - prevalence),
    lambda sensitivity, specificity, prevalence: by_bayes(sensitivity, specificity, prevalence)[0],      # only one
]}
