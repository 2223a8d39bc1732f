"""Checks of chapter 6, a module for each section: the names of all exercises stand here."""
