"""The web edition: `python -m book` builds it offline, from what the chapters and chapters/web/ have stored.

build/book/src/ holds what Sphinx reads, build/book/html/ the pages: en/, zh/, what both share, and a page to choose.
Nothing is executed, and nothing but files is needed to read it.
"""
