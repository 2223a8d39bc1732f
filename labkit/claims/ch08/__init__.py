"""Rules of chapter 8, a module for each."""
