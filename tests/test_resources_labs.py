"""The labs of chapter 7: a dirty table with a known truth, a git repository, a notebook run again, the rules."""
import itertools

import pytest

from labkit.resources import chooser, cleaning, repository, reruns
from labkit.settings import SettingError


@pytest.fixture(scope="module")
def market():
    return cleaning.flats(seed=3, count=300, new=200)


def test_all_steps_bring_the_truth_back(market):
    tidy = cleaning.clean(market.dirty)
    for column in (None, "city", "area", "built"):
        cleaning.check(tidy, market.truth, column)
    assert market.truth["built"].isna().any() and "deposit" not in tidy
    assert market.dirty.equals(cleaning.flats(seed=3, count=300, new=200).dirty)     # the steps left it as it was


@pytest.mark.parametrize("step, column", [("repeats", None), ("cities", "city"), ("units", "area"),
                                          ("unknown", "built"), ("impossible", "built")])
def test_a_step_left_out_is_found_in_the_column_that_it_mends(market, step, column):
    table = cleaning.clean(market.dirty, [name for name in cleaning.STEPS if name != step])
    for other in {None, "city", "area", "built"} - {column}:
        cleaning.check(table, market.truth, other)
    with pytest.raises(AssertionError, match="400 rows for 300 flats" if column is None else f"^{column}: .* differ"):
        cleaning.check(table, market.truth, column)


def test_the_leak_promises_what_production_does_not_keep(market):
    leaky, tidy = (cleaning.scores(market, steps) for steps in (cleaning.STEPS[:-1], cleaning.STEPS))
    assert leaky["production"] > 20 * leaky["promised"]
    assert tidy["promised"] / 1.5 < tidy["production"] < 1.5 * tidy["promised"]
    assert tidy["rows"] == 300 and cleaning.scores(market, (), "linear regression")["rows"] == 400


@pytest.mark.parametrize("change, said", [
    (lambda table: table.drop(columns="built"), "built is missing"),
    (lambda table: table.assign(city="Beijing"), "city = 'beijing' .* shanghai"),
    (lambda table: table.assign(area="54 tsubo"), "area = '54 tsubo' .* m2 or sq ft"),
    (lambda table: table.assign(area="5.4.0 m2"), "area = '5.4.0 m2' .* m2 or sq ft"),
])
def test_a_column_a_city_or_a_unit_that_is_not_known_is_refused(market, change, said):
    with pytest.raises(SettingError, match=said):
        cleaning.clean(change(market.dirty))


def test_a_step_or_a_model_that_does_not_exist_is_refused(market):
    with pytest.raises(SettingError, match="step = 'wash' .* leak"):
        cleaning.clean(market.dirty, ("repeats", "wash"))
    with pytest.raises(SettingError, match="deposit is missing"):
        cleaning.clean(market.dirty.drop(columns="deposit"), cleaning.STEPS[:-1])
    with pytest.raises(SettingError, match="column = 'floor'"):
        cleaning.check(market.dirty, market.truth, "floor")
    with pytest.raises(SettingError, match="model = 'oracle' .* random forest"):
        cleaning.model("oracle")


@pytest.fixture
def with_git():
    if not repository.Repository().available:
        pytest.skip("git is not installed")


def test_a_conflict_has_the_same_hashes_whatever_the_learners_git_says(with_git, monkeypatch, tmp_path):
    first = repository.conflict().git("log", "--all", "--format=%H %an %cI")
    (tmp_path / ".gitconfig").write_text("[commit]\ngpgsign = true\n[merge]\nconflictStyle = diff3\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Eve")
    lab = repository.conflict()
    assert lab.git("log", "--all", "--format=%H %an %cI") == first and len(first.splitlines()) == 3
    assert all(" Ada 2026-01-01T" in line for line in first.splitlines())       # not the hour of the run
    assert "|||||||" not in lab.read("recipe.toml") and not (tmp_path / "elsewhere").exists()


def test_a_conflict_is_resolved_by_writing_the_file_and_a_commit(with_git):
    lab = repository.conflict()
    text = lab.read("recipe.toml")
    ours, theirs = text.split("=======")
    assert "<<<<<<< HEAD\nlearning_rate = 0.0003" in ours and "learning_rate = 0.01\n>>>>>>> faster" in theirs
    assert text.count("batch_size") == 1 and "batch_size = 128" in text     # one side alone changed it: no conflict
    assert lab.git("status", "--short") == "UU recipe.toml"
    lab.write("recipe.toml", "learning_rate = 0.01\nepochs = 10\nseed = 0\n\nbatch_size = 128\n")
    lab.commit("Merge")
    assert lab.git("status", "--short") == "" and len(lab.git("log", "-1", "--format=%P").split()) == 2
    assert len([line for line in lab.graph().splitlines() if "*" in line]) == 4 and "(HEAD -> main)" in lab.graph()


def test_git_says_its_own_error_and_a_file_outside_is_refused(with_git, tmp_path):
    lab = repository.Repository()
    with pytest.raises(RuntimeError, match="git switch nowhere: .*nowhere"):
        lab.git("switch", "nowhere")
    assert "nowhere" in lab.git("switch", "nowhere", fails=True) and lab.read("absent.toml") == ""
    for name in ("../outside.toml", str(tmp_path / "outside.toml")):
        with pytest.raises(SettingError, match="name = .* in the repository itself"):
            lab.write(name, "")
    assert not (tmp_path / "outside.toml").exists()


def test_without_git_the_lab_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    lab = repository.conflict()
    assert not lab.available and "batch_size = 128" in lab.read("recipe.toml")
    for said in (lab.graph(), lab.commit("Merge"), lab.git("status")):
        assert said.startswith("git is not installed here.") and "apt install git" in said
    assert reruns.table().isna().all(axis=None)


def test_outputs_are_what_changes_when_a_notebook_is_run_again(with_git):
    table = reruns.table()
    assert table["without outputs"].tolist() == [0, 2]      # one line of code: one taken away, one added
    assert (table["with outputs"] > 50).all() and table["with outputs"].is_monotonic_increasing
    assert reruns.changed_lines(reruns.run(), reruns.run()) == 0


def test_outputs_are_taken_from_a_copy_and_the_code_stays():
    notebook = reruns.run(seed=2)
    bare = reruns.without_outputs(notebook)
    assert [cell.source for cell in bare.cells] == [cell.source for cell in notebook.cells] == list(reruns.CELLS)
    assert not any(cell.outputs or cell.execution_count for cell in bare.cells)
    assert [cell.execution_count for cell in notebook.cells] == [7, 8, 9] and notebook.cells[2].outputs


def every_answer():
    return [dict(zip(chooser.QUESTIONS, answers, strict=True))
            for answers in itertools.product(*chooser.QUESTIONS.values())]


def test_every_combination_of_answers_gets_a_whole_stack_and_every_rule_can_decide(monkeypatch):
    rules, decided = chooser.rules(), set()
    monkeypatch.setattr(chooser, "rules", lambda: rules)
    parts = list(dict.fromkeys(rule.part for rule in rules))
    for answers in every_answer():
        first = {}
        for rule in rules:
            if rule.fits(answers):
                first.setdefault(rule.part, rule)
        assert list(first) == parts, answers
        decided |= {(rule.part, rule.take) for rule in first.values()}
    assert decided == {(rule.part, rule.take) for rule in rules} and len(decided) == len(rules)
    some = every_answer()[::97]
    assert all(list(chooser.recommend(**answers)["part"]) == parts for answers in some)


def test_rules_name_only_questions_and_answers_that_exist():
    for rule in chooser.rules():
        for question, allowed in rule.when.items():
            assert {*([allowed] if isinstance(allowed, str) else allowed)} <= {*chooser.QUESTIONS[question]}, rule
    assert len(chooser.table()) == len(chooser.rules()) and list(chooser.table()["when"]).count("otherwise") == 5


def test_the_first_rule_that_fits_decides():
    answers = dict(data="clicks", size="under 10,000", team="a few", deployment="report", budget="none",
                   hardware="laptop")
    stack = chooser.recommend(**answers).set_index("part")["take"]
    assert stack.to_dict() == {"data": "pandas", "model": "scikit-learn: nearest items", "training": "the laptop",
                               "versions": "git, a shared repository, review",
                               "serving": "a notebook, run by papermill"}
    assert chooser.recommend(**answers | {"size": "more"})["take"].tolist()[:2] == ["Polars", "PyTorch: two towers"]


def test_a_wrong_or_a_missing_answer_is_refused():
    answers = every_answer()[0]
    with pytest.raises(SettingError, match="team = 'nobody' .* one person, a few, many"):
        chooser.recommend(**answers | {"team": "nobody"})
    with pytest.raises(SettingError, match="questions = .* hardware"):
        chooser.recommend(**{name: answers[name] for name in list(answers)[:-1]})
