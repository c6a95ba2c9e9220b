"""A field that the account or the API lacks is named as it was asked, with what is on offer."""

from __future__ import annotations

import pytest
from refusing import NAME, emails, found_all, refusal, statuses, urls
from stand_in import Said, standing_in

import crustframe
from crustframe import contract
from crustframe.errors import BadRequestError, PermissionDeniedError

# Fields ------------------------------------------------------------------------------------------------------------


def test_a_field_that_this_age_of_the_api_lacks_is_named_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.raises(BadRequestError) as caught:
            crustframe.enrich(urls(3), fields=[*NAME, "updated_at"], client=sandbox.client)

        assert "updated_at" in str(caught.value)
        assert "contact.websites" not in str(caught.value)
        assert 2 == caught.value.exit_code
        assert 0.0 == sandbox.credits_spent


def test_a_field_that_the_account_lacks_is_named_as_it_was_asked():
    denied = ["education", "skills", "contact.websites"]
    with crustframe.sandbox(requests_per_minute=None, denied_fields=denied) as sandbox:
        with pytest.raises(PermissionDeniedError) as caught:
            crustframe.enrich(urls(3), fields=[*NAME, "education.schools.degree"], client=sandbox.client)

        assert "leave out education.schools.degree" in str(caught.value)
        assert "websites" not in str(caught.value)
        assert 2 == caught.value.exit_code


@pytest.mark.parametrize("path", contract.gated_fields())
def test_a_gated_field_is_refused_free_and_given_where_it_is_granted(path):
    """Also inside a base group, where naming the group alone would pay for an empty column."""
    people = [f"linkedin.com/in/p{n}-example" for n in range(40)]
    age = {"snapshot": "C" if path in {"assessment", "social_posts"} else "A", "requests_per_minute": None}
    with crustframe.sandbox(**age) as lacking:
        assert any(path in note for note in crustframe.plan(people, fields=[path], client=lacking.client).notes)
        with pytest.raises(PermissionDeniedError, match=path):
            crustframe.enrich(people, fields=[path], client=lacking.client)
        assert 0 == lacking.credits_spent
    with crustframe.sandbox(**age, grant=[path]) as granting:
        found = crustframe.enrich(people, fields={"it": path}, client=granting.client)
        assert found.frame["it"].notna().any()
        assert found.report.credits == granting.credits_spent


def test_only_gated_fields_can_be_granted():
    with pytest.raises(ValueError, match=r"No gated field is called 'certificates'[\s\S]*certifications"):
        crustframe.sandbox(grant=["certificates"])


@pytest.mark.parametrize("form", ["list", "object"])
def test_the_nearest_names_of_this_account_are_told_whichever_form_they_come_in(tmp_path, form):
    offered = {"available_fields": ["basic_profile", "skills.professional_network_skill"]}
    metadata = [offered] if form == "list" else offered
    error = {"type": "invalid_request", "message": "Invalid fields", "metadata": metadata}
    with (
        standing_in(lambda *_: Said(400, {"error": error})) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
    ):
        with pytest.raises(BadRequestError, match=r"nearest.*skills\.professional_network_skill"):
            crustframe.enrich(urls(2), fields=["skills.professional_network_skills"], client=client)

        assert 1 == len(server.paid())


@pytest.mark.parametrize("column", [urls, emails])
def test_a_job_that_lacks_a_field_says_so_without_trying_calls(column):
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.raises(BadRequestError, match="does not offer updated_at") as caught:
            crustframe.enrich(column(3), fields=[*NAME, "updated_at"], route="job", client=sandbox.client)

        assert (2, 0, 0.0) == (caught.value.exit_code, sandbox.calls, sandbox.credits_spent)


def test_a_kind_of_contact_that_the_account_lacks_is_named_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["contact.personal_emails"]) as sandbox:
        with pytest.raises(PermissionDeniedError, match="leave out personal_emails,") as caught:
            crustframe.contacts(urls(3), client=sandbox.client)

        assert (2, 0.0) == (caught.value.exit_code, sandbox.credits_spent)


# Lists of names -----------------------------------------------------------------------------------------------------


def test_a_list_that_names_paths_alone_still_offers_their_groups(tmp_path):
    offered = ["basic_profile.name", "social_handles.twitter_identifier.slug", "skills.professional_network_skills"]

    def answer(_method, _path, body):
        wrong = [name for name in body["fields"] if name not in {"basic_profile", "social_handles", "skills"}]
        if wrong:
            return refusal(f"Invalid fields: {', '.join(wrong)}", available_fields=offered)
        return found_all(body)

    with (
        standing_in(answer) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
    ):
        found = crustframe.enrich(urls(2), fields=NAME, client=client)

        assert {"matched": 2} == statuses(found)
        assert 2 == len(server.paid())


def test_a_plan_that_asks_the_account_names_the_path_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["education"]) as sandbox:
        with pytest.raises(PermissionDeniedError, match=r"lacks education\.schools\.degree") as caught:
            crustframe.plan(urls(3), fields=["education.schools.degree"], prices="account", client=sandbox.client)

        assert 2 == caught.value.exit_code


def test_an_endpoint_that_the_plan_lacks_keeps_its_code(tmp_path):
    denied = {"error": {"type": "permission_error", "message": "Not in your plan.", "metadata": []}}
    with (
        standing_in(lambda *_: Said(403, denied)) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
        pytest.raises(PermissionDeniedError) as caught,
    ):
        crustframe.enrich(urls(2), fields=NAME, client=client)

    assert 4 == caught.value.exit_code
