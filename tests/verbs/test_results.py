"""Result files of jobs: wherever they are cut, spoilt or from, what is paid for arrives, and nothing else."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import threading
import time
import tracemalloc
from collections import deque

import pytest
from jobs_rig import FIELDS, people, statuses

import crustframe
from crustframe import PartialResultWarning, contract
from crustframe.api import jobs as api
from crustframe.api.results import BrokenFileError, line_cap, read_line, read_lines
from crustframe.buying.jobs import collect
from crustframe.errors import ConfigurationError, SettingError, TransportError
from crustframe.http.download import Downloader
from crustframe.ledger.jobs import JobBook
from crustframe.settings.config import read_settings


@pytest.fixture
def sandbox():
    """A sandbox in which an hour passes in four seconds."""
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as running:
        yield running


@pytest.fixture
def run(sandbox, client):
    def enrich(cells, **options):
        return crustframe.enrich(cells, fields=FIELDS, client=client, **({"route": "job"} | options))

    return enrich


# Files --------------------------------------------------------------------------------------------------------------

SPOILT = [
    *({"action": "cut", "at": at} for at in (0, 1, 17, 400, 2000)),
    {"action": "wrong_crc"},
    {"action": "plain"},
    {"action": "content_encoding"},
    {"action": "double"},
    {"action": "bomb", "at": 200 * 2**20},
    {"action": "status", "status": 403},
    {"action": "status", "status": 500},
    {"action": "redirect", "location": "http://169.254.169.254/latest"},
]


@pytest.mark.parametrize("fault", SPOILT, ids=str)
def test_a_file_that_is_spoilt_once_is_fetched_again(sandbox, run, fault):
    sandbox.jobs.spoil(**fault, times=1)

    found = run(people(40))

    assert {"matched": 40} == statuses(found)
    assert (1, 40.0) == (len(sandbox.jobs.submitted), sandbox.credits_spent)
    assert 40.0 == found.report.credits


def test_complete_lines_of_a_file_that_never_comes_whole_are_kept(sandbox, client, run):
    sandbox.jobs.spoil("cut", at=20_000)

    with pytest.warns(PartialResultWarning, match="`crustframe jobs fetch` reads them again, free"):
        counts = statuses(run(people(200)))

    assert 200 == counts["matched"] + counts["in_doubt"]
    assert min(counts.values()) > 5
    sandbox.jobs._file_faults.clear()
    jobs, _ = collect(client)
    assert ["done"] == [job.state for job in jobs]
    assert {"matched": 200} == statuses(run(people(200)))
    assert (1, {1}) == (len(sandbox.jobs.submitted), set(sandbox.people_charged.values()))


STRANGER = b'{"original_identifier": "https://www.linkedin.com/in/stranger-example", "internal_id": 1, "data": {}}\n'


@pytest.mark.parametrize("size", [len(STRANGER) * 40, 2**20], ids=["as many lines as people", "far more lines"])
def test_what_stood_in_a_wrong_file_says_nothing_about_the_next_one(sandbox, client, run, size):
    """The position is that of one file: lines that were read in another one are not left out of this one."""
    sandbox.jobs.spoil("bomb", at=size, text=STRANGER, times=1)

    with contextlib.suppress(PartialResultWarning):
        run(people(40))
    collect(client)

    assert {"matched": 40} == statuses(run(people(40)))
    assert (1, 40.0) == (len(sandbox.jobs.submitted), sandbox.credits_spent)


def test_two_who_wait_for_one_job_read_its_file_once(sandbox, client, run):
    sandbox.jobs.spoil("drip", seconds=900.0)
    run(people(200), wait=False)
    others = [sandbox.make_client() for _ in range(3)]
    seen = []
    threads = [threading.Thread(target=lambda one=one: seen.append(collect(one))) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [["done"]] * 3 == [[job.state for job in jobs] for jobs, _ in seen]
    assert 200.0 == sum(bought.credits for _, bought in seen) == sandbox.credits_spent
    assert 1 == sandbox.jobs.downloads
    assert {"matched": 200} == statuses(run(people(200)))


def test_a_file_is_thrown_away_before_its_job_ends(client, run, monkeypatch):
    """Whoever is killed in between would leave it for good: nobody looks at a job that is done."""
    left = []
    finish = JobBook.finish
    monkeypatch.setattr(
        JobBook, "finish", lambda *given, **named: left.append(_files(client)) or finish(*given, **named)
    )

    run(people(3))

    assert [[]] == left


def _files(client):
    return [path for path in client.ledger.path.parent.glob("*.jobs/*") if path.stat().st_size]


def test_people_whom_a_whole_file_leaves_out_are_not_asked_for_again(sandbox, run):
    sandbox.jobs.drop.add("lead-1-example")

    assert {"matched": 2, "no_match": 1} == statuses(run(people(3)))


@pytest.mark.parametrize("lines", ["envelope", "flat"])
def test_whoever_may_be_meant_by_a_line_about_a_stranger_is_in_doubt_and_not_nobody(sandbox, client, run, lines):
    sandbox.jobs.lines = lines
    sandbox.jobs.rename["lead-1-example"] = "https://www.linkedin.com/in/somebody-else-example"
    ask = run if lines == "envelope" else lambda cells: crustframe.contacts(cells, client=client)

    with pytest.warns(PartialResultWarning, match="jobs fetch" if lines == "envelope" else "in doubt"):
        found = ask(people(3))

    assert ["in_doubt"] == [status for status in found.frame["crust.status"] if status not in {"matched", "no_match"}]
    assert 1 == len(sandbox.jobs.submitted)


def test_an_expired_link_asks_for_a_new_status_and_not_for_a_new_job(sandbox, run):
    sandbox.jobs.link_seconds = -1.0

    def renew():
        while not sandbox.jobs.downloads:
            time.sleep(0.001)
        sandbox.jobs.link_seconds = 1e6

    thread = threading.Thread(target=renew)
    thread.start()
    sandbox.jobs.spoil("status", status=403, times=1)
    found = run(people(3))
    thread.join()

    assert {"matched": 3} == statuses(found)
    assert 1 == len(sandbox.jobs.submitted)


def test_no_result_file_stays_behind(client, run):
    run(people(3))

    assert [] == list(client.ledger.path.parent.glob("*.jobs/*"))


def packed(lines: int) -> bytes:
    return gzip.compress(b"".join(b'{"n": %d}\n' % n for n in range(lines)))


def test_a_file_cut_anywhere_yields_its_complete_lines_and_says_so():
    """A hundred places, and each of the last bytes: they are the checksum and the length."""
    whole = packed(500)
    offsets = {len(whole) * at // 100 for at in range(1, 100)} | {len(whole) - left for left in range(1, 9)}
    kept = set()
    for at in sorted(offsets):
        lines = read_lines(io.BytesIO(whole[:at]), at_most=2**30)
        seen = []

        with pytest.raises(BrokenFileError):
            seen.extend(json.loads(line)["n"] for line in lines)

        assert list(range(len(seen))) == seen
        kept.add(len(seen))
    assert {0, 500} < kept


UNUSUAL = {
    "wrong_crc": ("jobs", "is damaged"),
    "plain": ("results", "as plain lines"),
    "content_encoding": ("download", "an encoding"),
    "double": ("results", "packed twice"),
}


@pytest.mark.parametrize("action", UNUSUAL)
def test_an_unusual_file_is_noticed_and_read(sandbox, run, caplog, action):
    room, words = UNUSUAL[action]
    run(people(1, 50))
    assert [] == caplog.records
    sandbox.jobs.spoil(action, times=1)

    found = run(people(40))

    assert ({"matched": 40}, 40.0) == (statuses(found), found.report.credits)
    told = [record for record in caplog.records if record.name.endswith(room) and words in record.getMessage()]
    assert ["WARNING"] == [record.levelname for record in told]


@pytest.mark.parametrize("nothing", [b"", b"\x1f", gzip.compress(b""), gzip.compress(b"") * 3])
def test_nothing_at_all_is_not_called_plain(caplog, nothing):
    with contextlib.suppress(BrokenFileError):
        assert [] == list(read_lines(io.BytesIO(nothing), at_most=2**20))
    assert [] == caplog.records


def test_a_file_of_more_lines_than_its_people_may_have_is_left():
    for line in (b"\n", b"{}\n"):
        with pytest.raises(BrokenFileError, match="more than 2,000,010 lines"):
            deque(read_lines(io.BytesIO(gzip.compress(line * 2**21)), at_most=2**30, most_lines=line_cap(1)), maxlen=0)


def test_members_of_several_parts_are_one_file():
    assert 30 == len(list(read_lines(io.BytesIO(packed(10) + packed(20)), at_most=2**20)))


def test_a_bomb_ends_early_and_takes_little_memory():
    bomb = gzip.compress(b" " * (256 * 2**20), 9)
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFileError):
            list(read_lines(io.BytesIO(bomb), at_most=2**40))
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_to_too_much_is_left():
    with pytest.raises(BrokenFileError, match="more than"):
        list(read_lines(io.BytesIO(gzip.compress(b'{"a": 1}\n' * 200_000)), at_most=2**20))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"7", b'{"data": {}}', b'{"original_identifier": 7, "data": {}}'])
def test_a_line_that_names_nobody_is_nobodys(line):
    assert read_line(line, contract.PERSON_JOB_PATH).named is None


# Where a key and a link may go --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://files.crustdata.com/x",
        "https://crustdata.com.evil.example/x",
        "https://evilcrustdata.com/x",
        "https://user@files.crustdata.com/x",
        "https://files.crustdata.com:8443/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
        "https://files.crustdata.com\\@evil.example/x",
        "file:///etc/passwd",
        "//files.crustdata.com/x",
        "",
        "https://",
        "https://files.crustdata.com:99999/x",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(url):
    with pytest.raises(TransportError):
        Downloader(read_settings(api_key="test-key", environ={})).check(url)


@pytest.mark.parametrize("host", ["crustdata.com", "files.crustdata.com", "bucket.s3.us-east-2.amazonaws.com"])
def test_a_link_to_the_storage_of_the_api_is_followed(host):
    url = f"https://{host}/jobs/1/output/results.jsonl.gz?signature=1"

    assert url == Downloader(read_settings(api_key="test-key", environ={})).check(url)


def test_a_host_that_the_user_names_is_followed():
    environ = {"CRUSTFRAME_STORAGE_HOSTS": "files.vendor.example, Other.example."}
    downloader = Downloader(read_settings(api_key="test-key", environ=environ))

    for host in ("files.vendor.example", "eu.other.example"):
        assert downloader.check(f"https://{host}/x") == f"https://{host}/x"
    with pytest.raises(TransportError, match="CRUSTFRAME_STORAGE_HOSTS"):
        downloader.check("https://vendor.example/x")


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "https://files.vendor.example", "*.example", "::1"])
def test_no_address_of_a_local_net_is_a_storage_host(host):
    with pytest.raises(ConfigurationError):
        read_settings(environ={"CRUSTFRAME_STORAGE_HOSTS": host})


def test_the_storage_host_sees_no_key(sandbox, run):
    """It refuses whoever brings one, so that a download is the proof."""
    run(people(1))

    assert 1 == sandbox.jobs.downloads


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "https://localhost/x", "https://10.0.0.1/x", "https://me@hooks.example/x", "x"]
)
def test_a_webhook_leads_to_a_public_https_host(url):
    with pytest.raises(SettingError):
        api.check_webhook(url, is_sandbox=False)
    assert "https://hooks.example/x" == api.check_webhook("https://hooks.example/x", is_sandbox=False)
    with pytest.warns(UserWarning, match="query"):
        api.check_webhook("https://hooks.example/x?token=1", is_sandbox=False)
