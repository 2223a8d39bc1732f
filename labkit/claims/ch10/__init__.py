"""Rules of chapter 10, a module for each."""
