import pytest

from labkit.checklist import faults, intake
from labkit.settings import SettingError
from labkit.widgets.upload import LIMIT, Upload


def send(upload: Upload, name: str, content: bytes, size: int | None = None) -> None:
    """What the page does."""
    sent = len(content) if size is None else size
    upload.view._handle_custom_msg({"name": name, "size": sent}, [memoryview(content)] if size is None else [])


@pytest.fixture
def upload(tmp_path):
    return Upload("Your data", check=lambda file: intake(file, tmp_path / "run"))


def test_without_a_page_nothing_is_given(upload, capsys):
    upload.show()
    assert capsys.readouterr().err == ""
    assert upload.file is None and upload.error is None and upload.view.status == "No file was chosen."
    assert upload.view._repr_mimebundle_()[0]["text/plain"] == "[upload: run this cell to choose a file]"


def test_a_file_is_taken_from_the_page_and_from_code_alike(upload):
    name, content = faults.SOUND["a sound table"]()
    send(upload, name, content)
    assert upload.file == (name, content) and upload.result.class_names == ("cat", "dog")
    assert upload.view.status == f"table.csv: {len(content):,} bytes, taken." and upload.view.answered == 1
    upload.receive("again.csv", bytearray(content))
    assert upload.file == ("again.csv", content)


@pytest.mark.parametrize("fault", ["path with ..", "one class only", "text called .png"])
def test_a_refused_file_is_explained_and_leaves_the_one_before(upload, fault):
    name, content = faults.SOUND["a sound table"]()
    upload.receive(name, content)
    other, wrong = faults.FAULTS[fault]()
    send(upload, other, wrong)      # raises nothing: the page shows it
    assert upload.view.error == str(upload.error) and "cannot be used" in upload.view.error
    assert upload.view.status == f"{other} was refused." and upload.file == (name, content)
    with pytest.raises(SettingError):
        upload.receive(other, wrong)
    upload.receive(name, content)
    assert upload.error is None and upload.view.error == ""


def test_a_file_over_the_limit_is_refused_unsent_and_from_code():
    upload = Upload("Your data", limit=100)
    send(upload, "large.csv", b"", size=2_000)
    assert "2,000 bytes" in upload.view.error and "give its path" in upload.view.error and upload.file is None
    with pytest.raises(SettingError, match="at most 100 bytes"):
        upload.receive("large.csv", bytes(101))
    upload.receive("small.csv", bytes(100))
    assert upload.file == ("small.csv", bytes(100))


@pytest.mark.parametrize("limit", [0, LIMIT + 1, True, 1.5])
def test_a_limit_beyond_what_a_message_carries_is_refused(limit):
    with pytest.raises(SettingError, match="limit"):
        Upload("Your data", limit=limit)


def test_an_error_of_the_check_that_nobody_foresaw_is_shown_too():
    upload = Upload("Your data", check=lambda file: 1 / 0)
    send(upload, "a.csv", b"x")
    assert upload.view.error == "division by zero" and upload.file is None


def test_the_bytes_are_no_state_of_the_widget(upload):
    name, content = faults.SOUND["a sound table"]()
    upload.receive(name, content)
    assert not any(isinstance(value, (bytes, memoryview)) or "red" in str(value)
                   for value in upload.view.get_state().values())
