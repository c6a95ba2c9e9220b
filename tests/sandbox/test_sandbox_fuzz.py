"""Schemathesis against the sandbox's own OpenAPI document."""

from __future__ import annotations

import itertools

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crustframe.sandbox.server import Sandbox

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("snapshot", ["A", "B", "C"])
def test_document_and_answers_agree(snapshot):
    """Whatever is sent, the status, headers and shape that come back are documented, and never a 500."""
    with Sandbox(requests_per_minute=None, snapshot=snapshot, preview=True, denied_fields=["honors"]) as sandbox:
        document = requests.get(sandbox.url + "/openapi.json", timeout=10).json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.update(base_url=sandbox.url)
        headers = {"Authorization": "Bearer sandbox-key"}
        operations = [operation.ok() for operation in schema.get_all_operations()]
        assert len(document["paths"]) == len(operations)

        for operation, mode in itertools.product(operations, GenerationMode):
            if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
                continue  # nothing to get wrong

            @BOUNDED
            @given(case=operation.as_strategy(mode))
            def agree(case):
                case.call_and_validate(headers=headers, checks=CHECKS)

            agree()

        statuses = {one["status"] for one in sandbox.requests}
        assert {200, 400} <= statuses
        assert 500 not in statuses
        assert len(sandbox.people_charged) > 20
