"""The options, each said once: seen by people, by type checkers, by the shell, and checked at the door."""

from __future__ import annotations

import inspect
import json
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from jupyter_client.manager import start_new_kernel

import crustframe
from crustframe.errors import SettingError, UnknownOptionError
from crustframe.shell.cli import app
from crustframe.verbs import options as of
from crustframe.verbs.accessor import DataFrameCrust, SeriesCrust
from crustframe.verbs.signature import entries

FACES = {
    "crustframe.enrich": (crustframe.enrich, of.EnrichOptions),
    "crustframe.plan": (crustframe.plan, of.PlanOptions),
    "crustframe.matches": (crustframe.matches, of.MatchesOptions),
    "crustframe.contacts": (crustframe.contacts, of.ContactOptions),
    "crustframe.plan_contacts": (crustframe.plan_contacts, of.ContactPlanOptions),
    "crustframe.schema": (crustframe.schema, of.SchemaOptions),
    "df.crust.enrich": (DataFrameCrust.enrich, of.EnrichOptions),
    "df.crust.plan": (DataFrameCrust.plan, of.PlanOptions),
    "df.crust.matches": (DataFrameCrust.matches, of.MatchesOptions),
    "df.crust.contacts": (DataFrameCrust.contacts, of.ContactOptions),
    "df.crust.plan_contacts": (DataFrameCrust.plan_contacts, of.ContactPlanOptions),
    "series.crust.enrich": (SeriesCrust.enrich, of.SeriesEnrichOptions),
    "series.crust.plan": (SeriesCrust.plan, of.SeriesPlanOptions),
    "series.crust.matches": (SeriesCrust.matches, of.MatchesOptions),
    "series.crust.contacts": (SeriesCrust.contacts, of.SeriesContactOptions),
    "series.crust.plan_contacts": (SeriesCrust.plan_contacts, of.ContactPlanOptions),
}


@pytest.mark.parametrize("face", FACES)
def test_signature_and_help_list_every_keyword_with_type_default_and_meaning(face):
    function, options = FACES[face]
    parameters = inspect.signature(function).parameters
    told = pydoc.render_doc(function, renderer=pydoc.plaintext)

    for name, entry in entries(options).items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert (entry.type, entry.option.default) == (parameters[name].annotation, parameters[name].default)
        assert f"{name}: " in told.partition("Parameters")[0]
        assert f"\n    {name} : " in told
        assert entry.option.doc.split(".")[0].split("\n")[0][:40] in " ".join(told.split())
    assert not [p for p in parameters.values() if p.kind is p.VAR_KEYWORD]
    assert "**options" not in told


def test_shift_tab_in_a_real_kernel_shows_them():
    manager, kernel = start_new_kernel(kernel_name="python3")
    try:
        kernel.execute(
            "import pandas as pd, crustframe; df = pd.DataFrame({'url': []}); series = df['url']", reply=True
        )
        for code, (_, options) in FACES.items():
            answer = kernel.inspect(code, len(code), reply=True, timeout=60)["content"]["data"]["text/plain"]
            for name in entries(options):
                assert f"{name}:" in answer or f"{name} :" in answer, (code, name)
                assert f"{name} : " in answer, (code, name)
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


# Checked at the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", [name for name in FACES if not name.startswith(("df.", "series."))])
@pytest.mark.parametrize("cut", [1, -1])
def test_a_keyword_that_is_none_gets_the_nearest(face, cut):
    function, options = FACES[face]
    name = max(entries(options), key=len)
    wrong = name[cut:] if cut > 0 else name[:cut]

    with pytest.raises(UnknownOptionError, match=rf"no option '{wrong}'.*[\s\S]*did you mean {name}\?") as caught:
        function(["linkedin.com/in/avery-example"], **{wrong: None})
    assert isinstance(caught.value, TypeError)
    assert "Nothing was sent" in str(caught.value)


def test_the_accessors_say_it_too():
    import pandas as pd

    frame = pd.DataFrame({"url": ["linkedin.com/in/avery-example"]})
    with pytest.raises(UnknownOptionError, match="did you mean max_credits"):
        frame.crust.enrich("url", max_credit=3)
    with pytest.raises(UnknownOptionError, match="takes no option 'only'"):
        frame["url"].crust.enrich(only="missing")


WORDS = [
    (face, name)
    for face, (_, options) in FACES.items()
    if face.startswith("crustframe.")
    for name, entry in entries(options).items()
    if "Literal" in str(entry.type)
]


@pytest.mark.parametrize(("face", "name"), WORDS)
def test_a_word_that_an_option_does_not_take_is_refused_with_those_it_does(face, name):
    with pytest.raises(SettingError, match=f"{name}='bogus' is not one of .*Nothing was sent"):
        FACES[face][0](["basic_profile.name"], **{name: "bogus"})


# The shell ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "options"),
    [("enrich", of.EnrichOptions), ("plan", of.PlanOptions), ("contacts", of.ContactOptions)],
)
def test_every_option_is_a_flag_with_its_help_and_its_default(command, options):
    flags = {
        max(parameter.opts, key=len): parameter for parameter in typer.main.get_command(app).commands[command].params
    }
    for name, entry in entries(options).items():
        if entry.option.flag is None:
            assert "client" == name
            continue
        flag = flags[f"--{name.replace('_', '-')}"]
        assert (entry.option.flag.help, entry.option.default) == (flag.help, flag.default)


# Type checkers -----------------------------------------------------------------------------------------------------

RIGHT = """
import crustframe
import pandas as pd

frame = pd.DataFrame({"url": ["linkedin.com/in/avery-example"]})
found = crustframe.enrich(
    frame, "url", ["basic_profile.name"], max_credits=5, route="calls", only="missing", max_age=None, chunk_size=10
)
one: float = found.report.credits
planned: float = crustframe.plan(frame, "url", prices="account").credits_high
candidates: pd.DataFrame = crustframe.matches(frame, "url", min_verdict="accept")
contacts: pd.DataFrame = crustframe.contacts(frame, "url", ["phone_numbers"], verified=True).frame
"""
WRONG = {
    "a keyword that is none": "crustframe.enrich([], max_credit=5)",
    "a wrong type": "crustframe.enrich([], max_credits='5')",
    "a wrong word": "crustframe.enrich([], route='jobs')",
    "what a plan does not take": "crustframe.plan([], errors='raise')",
    "a wrong type for contacts": "crustframe.contacts([], chunk_size='10')",
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "right.py").write_text(RIGHT)
    for number, line in enumerate(WRONG.values()):
        (folder / f"wrong_{number}.py").write_text(f"import crustframe\n\n{line}\n")
    return folder


def test_mypy_takes_right_calls_and_refuses_wrong_ones(scripts):
    command = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", str(scripts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scripts)

    wrong = {Path(line.partition(":")[0]).name for line in done.stdout.splitlines() if ": error: " in line}
    assert {f"wrong_{number}.py" for number in range(len(WRONG))} == wrong, done.stdout


def test_pyright_takes_right_calls_and_refuses_wrong_ones(scripts):
    """Basedpyright, which is pyright with its own Node.js in it."""
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, str(scripts)]
    (scripts / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scripts)

    told = json.loads(done.stdout)["generalDiagnostics"]
    wrong = {Path(one["file"]).name for one in told if one["severity"] == "error"}
    assert {f"wrong_{number}.py" for number in range(len(WRONG))} == wrong, told
