"""What every test gets: one torch thread, English, and folders of its own for data and progress."""
import pytest


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path_factory, monkeypatch):
    """No test reads or writes what the user keeps, and none depends on how many cores are free."""
    folder = tmp_path_factory.mktemp("labkit")
    monkeypatch.setenv("LABKIT_THREADS", "1")
    monkeypatch.setenv("LABKIT_LANGUAGE", "en")
    monkeypatch.setenv("LABKIT_STATE", str(folder / "state"))
    monkeypatch.setenv("LABKIT_DATA", str(folder / "data"))
    monkeypatch.delenv("LABKIT_GRADING", raising=False)
