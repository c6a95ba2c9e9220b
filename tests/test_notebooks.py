"""Every notebook runs from top to bottom on a real kernel of this Python, without a key."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PNG = b"\x89PNG\r\n\x1a\n"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the Jupyter machinery, not of ours
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a notebook on a kernel of this very Python and return it with its outputs."""
    kernels = tmp_path_factory.mktemp("jupyter")

    def run(name):
        with pytest.MonkeyPatch.context() as patch:
            for variable in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
                patch.setenv(variable, str(kernels / variable.lower()))
            patch.delenv("JUPYTER_PATH", raising=False)
            patch.delenv("CRUSTDATA_API_KEY", raising=False)
            patch.setenv("CRUSTFRAME_LEDGER", str(kernels / "ledger.sqlite3"))
            patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
            notebook = read(NOTEBOOKS / name)
            notebook.cells.append(nbformat.v4.new_code_cell("import sys; print(sys.prefix)"))
            resources = {"metadata": {"path": str(kernels)}}
            NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
        return notebook, kernels

    return run


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def shown(notebook):
    """Return everything that a reader sees as text."""
    return "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/html", "") for output in outputs(notebook)
    )


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_it_is_committed_clean(path):
    notebook = read(path)

    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.fixture(scope="module")
def first(run):
    return run("01_first_enrichment.ipynb")


@pytest.fixture(scope="module")
def second(run):
    return run("02_jobs_and_contacts.ipynb")


def test_it_runs_on_this_python(first):
    import sys

    assert sys.prefix == first[0].cells[-1].outputs[0].text.strip()


@pytest.mark.parametrize("name", ["first", "second"])
def test_nothing_fails_and_nothing_warns(request, name):
    notebook, _ = request.getfixturevalue(name)

    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    assert "Warning" not in shown(notebook)


def test_the_second_one_pays_each_kind_once_and_reads_a_ticket_for_nothing(second):
    words = shown(second[0])

    assert "route: job, since it ends first" in words
    assert "1 job under way for 3000 people, at most 3000 credits" in words
    assert "['done'] 3000.0 credits" in words
    assert "3000 matched</li><li>0 calls, 0 credits" in words
    assert [183.0, 140.0] == [float(credits) for credits in re.findall(r"<li>1 call, ([\d.]+) credits", words)]


def test_it_shows_plan_bill_and_a_free_second_run(first):
    words = shown(first[0])

    assert "<li>20 people in 30 rows</li><li>2 blank, 3 refused" in words
    assert "18 likely, 20 at most" in words
    bill, again = re.findall(r"<li>(\d+) calls, ([\d.]+) credits", words)
    assert ("0", "0") == again
    assert ("2", "18") == bill
    assert "23 matched, 2 no_match, 3 invalid, 2 blank" in words


def test_it_draws_one_picture(first):
    pictures = [output.data["image/png"] for output in outputs(first[0]) if "image/png" in output.get("data", {})]

    assert 1 == len(pictures)
    image = base64.b64decode(pictures[0])
    assert image.startswith(PNG)
    assert len(image) > 10_000


def test_it_leaves_the_users_ledger_alone(first):
    assert not (first[1] / "ledger.sqlite3").exists()
