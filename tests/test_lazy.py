"""What is loaded late or not at all: a chapter's set-up and the command line must not wait for it."""
import importlib.util
import subprocess
import sys

import pytest

from labkit.lazy import ADDRESSES, without

SET_UP = """
import sys
import labkit as lk
lk.setup("quick", 0)
import jsonschema, plotly.graph_objects
assert plotly.io.renderers.default == "plotly_mimetype" and "nbformat" in sys.modules
print(sorted({"rfc3987_syntax", "torch._dynamo", "kornia", "sklearn", "scipy"} & set(sys.modules)))
"""


def test_set_up_loads_nothing_that_takes_a_second():
    done = subprocess.run([sys.executable, "-c", SET_UP], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_executing_chapters_does_not_load_torch():
    script = "import sys\nfrom labkit import headless\nheadless.jobs_for(10, 1)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_a_module_imports_fail_inside_and_work_again_after():
    sys.modules.pop("this", None)
    with without("this"), pytest.raises(ModuleNotFoundError):
        import this
    import this
    assert this.s
    del sys.modules["this"]
    with without("this"):
        with without("this"):
            pass
        with pytest.raises(ModuleNotFoundError):    # the outer one still holds
            import this
    import this
    with without("this"):       # what is loaded stays
        import this
    assert sys.modules["this"] is this


def test_the_grammar_that_is_left_out_is_one_that_is_installed():
    assert importlib.util.find_spec(ADDRESSES), "jsonschema loads another one: see labkit.lazy"
