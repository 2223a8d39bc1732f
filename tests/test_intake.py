import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from labkit.checklist import archive, csv_table, faults, images, intake, labels
from labkit.checklist.intake import write
from labkit.settings import SettingError

WORDS = {       # what the message must say, besides the value and what is allowed
    "too large": "at most 50,000,000 bytes", "empty": "names of the columns", "not text": "zero bytes",
    "another encoding": "UTF-8 or GB18030", "no header": "put a header above it", "no rows": "below the header",
    "one column": "two or more", "two columns of one name": "columns named size", "ragged rows": "line 22",
    "10,000 columns": "at most 500", "quote never closed": "never closed", "target missing": "first is in line 22",
    "mostly missing": "Leave the column out", "formula among numbers": "=1+1", "one class only": "nothing to learn",
    "rare class": "at least 5 of each class", "identifier as target": "identifier", "text called .png": "a.png",
    "picture cut off": "a.png", "huge picture": "25,000,000", "path with ..": "leads out of the folder",
    "absolute path": "root or a drive", "drive letter": "root or a drive", "backslashes": "backslashes",
    "link": "no link or device", "bomb": "bomb", "zip in a zip": "another archive", "password": "without a password",
    "damaged zip": "Pack the folder again", "spreadsheet": "Save the sheet as CSV", "one folder only": "class0",
    "no folders": "a folder for each class"}


def everything(folder):
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*"))


def collect(content, folder, target=None, name="table.csv"):
    return intake((name, content if isinstance(content, bytes) else content.encode()), folder, target)


@pytest.mark.parametrize("fault", faults.FAULTS)
def test_each_fault_is_refused_with_its_message_and_nothing_is_written(fault, tmp_path):
    (tmp_path / "run").mkdir()
    before = everything(tmp_path)
    with pytest.raises(SettingError, match="cannot be used. Allowed: ") as error:
        intake(faults.FAULTS[fault](), tmp_path / "run")
    assert WORDS[fault] in str(error.value)
    assert everything(tmp_path) == before
    assert not os.path.exists("/tmp/evil.png")


def test_every_fault_has_its_words():
    assert set(WORDS) == set(faults.FAULTS)


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a\nb.csv", "..", "",
                                  "\u202egnp.csv", "x" * 500, "表 格.csv", "$(touch evil).csv"])
def test_an_upload_is_kept_in_the_folder_under_a_name_of_ours(name, tmp_path):
    found = collect(faults.table(), tmp_path / "run", name=name)
    assert everything(tmp_path) == sorted([("run", (tmp_path / "run").stat().st_size),
                                           ("run/given.csv", len(faults.table()))])
    assert "/" not in found.name and "\\" not in found.name


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path):
    outside, folder = tmp_path / "outside.txt", tmp_path / "run"
    outside.write_text("mine")
    folder.mkdir()
    (folder / "given.csv").symlink_to(outside)
    write(folder, "given.csv", b"new")
    assert outside.read_text() == "mine" and (folder / "given.csv").read_bytes() == b"new"


def test_numbers_words_and_missing_values_of_a_table(tmp_path):
    text = "size;colour;kind\n" + "".join(f"{row},5;{'rot' if row % 3 else '?'};{row % 2}\n" for row in range(20))
    found = collect(text.replace("\n4,5;", "\n;"), tmp_path)
    assert found.class_names == ("0", "1") and found.labels.tolist() == [0, 1] * 10
    assert found.frame["size"].isna().sum() == 1 and found.frame["size"][1] == 1.5
    assert found.frame["colour"].isna().sum() == 7 and found.frame["colour"][1] == "rot"
    assert "size (1), colour (7)" in repr(found) and "kind, the last column" in repr(found)


def test_the_target_may_be_any_column(tmp_path):
    found = collect(faults.table(), tmp_path, "colour")
    assert found.class_names == ("blue", "red") and list(found.frame) == ["size", "kind"]
    with pytest.raises(SettingError, match="target = 'age' .* size, colour, kind"):
        collect(faults.table(), tmp_path, "age")


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("gb18030", "GB18030")])
def test_encodings_are_tried_in_turn_and_named(encoding, shown, tmp_path):
    found = collect(faults.table("尺寸,颜色,类别").replace(b"red", "红".encode()).decode().encode(encoding), tmp_path)
    assert list(found.frame) == ["尺寸", "颜色"] and found.frame["颜色"][0] == "红"
    assert dict(found.found)["encoding"] == shown


def test_formulas_stay_text_and_what_python_reads_as_a_number_need_not_be_one(tmp_path):
    text = "command,code,kind\n" + "".join(f"=cmd|'/C calc'!A{row % 2},1_{row % 2},{row % 2}\n" for row in range(12))
    found = collect(text, tmp_path)
    assert set(found.frame["command"]) == {"=cmd|'/C calc'!A0", "=cmd|'/C calc'!A1"}
    assert set(found.frame["code"]) == {"1_0", "1_1"}


@pytest.mark.parametrize("value", ["1e999", "inf", "-Infinity"])
def test_an_infinite_number_is_refused_by_line(value, tmp_path):
    with pytest.raises(SettingError, match=r"size, line 22 = .* finite number"):
        collect(faults.table() + f"\n{value},red,cat".encode(), tmp_path)


def test_rows_are_counted_while_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "MAX_ROWS", 10)
    with pytest.raises(SettingError, match="rows = 'more than 10'"):
        collect(faults.table(), tmp_path)


def test_too_many_classes_and_their_order():
    with pytest.raises(SettingError, match="= 51 cannot be used. Allowed: 2 to 50"):
        labels.numbered([str(number) for number in range(51)] * 5, "kind")
    assert labels.numbered(["10", "9", "b"] * 5, "kind")[1] == ("9", "10", "b")


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return buffer.getvalue()


def test_pictures_of_a_zip_and_of_a_folder_are_the_same(tmp_path):
    draw = np.random.default_rng(0)
    files = {f"{kind}/{place}.dat": png(draw.integers(0, 255, (12, 9), dtype="uint8"))
             for kind in ("cat", "dog") for place in range(5)}
    for name, content in files.items():
        (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "given" / name).write_bytes(content)
    before = everything(tmp_path / "given")
    extra = {"pets/README.txt": b"hello", "__MACOSX/._x": b"x", "pets/cat/.DS_Store": b"x"}
    packed = faults.packed({f"pets/{name}": content for name, content in files.items()} | extra)
    one, other = intake(("pets.zip", packed), tmp_path / "run"), intake(tmp_path / "given", tmp_path / "run")
    assert (one.pictures == other.pictures).all() and one.pictures.shape == (10, 1, 12, 9)
    assert one.class_names == other.class_names == ("cat", "dog") and one.labels.tolist() == [0] * 5 + [1] * 5
    assert dict(one.found)["not read"] == "README.txt"
    assert everything(tmp_path / "given") == before and everything(tmp_path / "run")[0][0] == "given.zip"
    (tmp_path / "pets.zip").write_bytes(packed)
    assert (intake(str(tmp_path / "pets.zip"), tmp_path / "run").pictures == one.pictures).all()


def test_pictures_of_many_sizes_and_kinds_become_one(tmp_path):
    colour = np.zeros((40, 80, 3), dtype="uint8")
    colour[..., 0] = 200
    deep = (np.full((9, 9), 40_000)).astype("uint16")
    files = {f"{kind}/{place}": png(np.full((9 + place, 9), 50 + place, dtype="uint8"))
             for kind in "ab" for place in range(5)} | {"a/wide": png(colour), "b/deep": png(deep)}
    found = intake(("x.zip", faults.packed(files)), tmp_path)
    assert found.pictures.shape == (12, 3, 32, 32)
    wide, sixteen = found.pictures[5], found.pictures[11]      # in the order of their names
    assert wide[0, 16].min() == 200 and wide[:, 0].max() == 0       # black above, nothing cut off
    assert sixteen.max() == sixteen[:, 16, 16].min() == 155


def test_a_link_in_a_folder_is_refused(tmp_path):
    for name, content in faults.folders().items():
        (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "given" / name).write_bytes(content)
    secret = tmp_path / "secret"
    secret.mkdir()
    for link in (tmp_path / "given/class0/99.png", tmp_path / "given/class2"):
        link.symlink_to(secret)
        with pytest.raises(SettingError, match="no link or device"):
            intake(tmp_path / "given", tmp_path / "run")
        link.unlink()


def test_what_a_zip_says_of_its_size_is_not_believed(tmp_path, monkeypatch):
    content = faults.packed(faults.folders())
    monkeypatch.setattr(archive, "MAX_UNPACKED", 100)
    with pytest.raises(SettingError, match="at most 100 bytes"):
        intake(("x.zip", content), tmp_path)
    monkeypatch.undo()
    member = archive.entries(content)[0]
    lying = content.replace(member.size.to_bytes(4, "little"), (member.size - 9).to_bytes(4, "little"))
    assert lying != content
    with pytest.raises(SettingError, match="a file that unpacks|no pictures"):
        intake(("x.zip", lying), tmp_path)


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILES", 5)
    with pytest.raises(SettingError, match="files in the zip = 12"):
        intake(("x.zip", faults.packed(faults.folders())), tmp_path)
    with pytest.raises(SettingError, match="files in the folder"):
        images.folder(faults_folder(tmp_path))


def faults_folder(tmp_path):
    for name, content in faults.folders().items():
        (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "given" / name).write_bytes(content)
    return tmp_path / "given"


def test_one_name_twice_in_a_zip_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed, pytest.warns(UserWarning, match="Duplicate name"):
        for _twice in range(2):
            packed.writestr("a/1.png", faults.picture(1))
    with pytest.raises(SettingError, match="each name once"):
        intake(("x.zip", buffer.getvalue()), tmp_path)


def test_chinese_names_of_an_older_packer_are_read(tmp_path):
    files = {name.replace("class0", "猫").replace("class1", "狗"): content
             for name, content in faults.folders().items()}
    content = faults.packed(files)
    for name in ("猫", "狗"):        # as GBK, in the three bytes that UTF-8 took
        content = content.replace(name.encode(), name.encode("gbk") + b"_")
    content = bytearray(content)
    for mark, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] &= ~0x08        # the bit that says UTF-8
            at = content.find(mark, at + 4)
    assert intake(("x.zip", bytes(content)), tmp_path).class_names == ("狗_", "猫_")


@pytest.mark.parametrize("given", ["no-such-set", "no/such/file.csv", "x" * 5000, "a\0b", 3, None])
def test_what_is_no_data_set_is_refused(given, tmp_path):
    with pytest.raises(SettingError, match="cannot be used"):
        intake(given, tmp_path)


def test_bundled_sets(tmp_path):
    credit = intake("german-credit", tmp_path)
    assert credit.class_names == ("bad", "good") and not {"sex", "age", "risk"} & set(credit.frame)
    digits = intake("digits", tmp_path)
    assert digits.pictures.shape == (1797, 1, 8, 8) and digits.pictures.max() == 255
    assert everything(tmp_path) == []
    with pytest.raises(SettingError, match="a picture's class is its folder"):
        intake("digits", tmp_path, "age")


def test_the_page_shows_how_a_file_begins_and_what_is_said_of_it():
    begins, said = faults.outcome(faults.options()["one class only"])
    assert begins.startswith("table.csv, ") and "size,colour,kind" in begins and "nothing to learn" in said
    assert "examples" in faults.outcome(faults.options()["a sound table"])[1]
    assert set(faults.options()) == {*faults.FAULTS, *faults.SOUND}
