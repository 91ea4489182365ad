"""The published latencies: the page has what the file has, nothing looks verified that isn't, log-normals fit."""

import pytest

from benchmarks import latencies
from benchmarks.latencies import LogNormal

ROWS = latencies.rows()


def test_the_page_has_the_table_of_the_file():
    document = latencies.DOCUMENT.read_text("utf-8")
    assert latencies.with_table(document) == document, "run .venv/bin/python -m benchmarks.latencies"
    with pytest.raises(ValueError, match="marks"):
        latencies.with_table("# Latencies")


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_figures_and_a_dated_source_or_says_that_it_has_none(name):
    row = ROWS[name]
    assert row["published"] and row["measured"] and row["source"]
    if row["seen"] == "memory":
        assert not row["url"]
    else:
        assert row["date"] and (row["url"].startswith("https://") or "its address isn't known" in row["source"])
    assert latencies.line(row).endswith(f"| {latencies.SEEN[row['seen']]} |")


def test_what_is_reckoned_looks_otherwise_than_what_is_published():
    row = ROWS["sfn-start-standard"]
    assert "| 99.1 | ~ 145 |" in latencies.line(row)
    assert "| - | - |" in latencies.line(ROWS["http-api"])


def test_each_of_the_services_on_a_photos_way_has_a_row():
    services = {row["service"].partition(",")[0] for row in ROWS.values()}
    wanted = {"S3 Standard", "DynamoDB", "Lambda", "Step Functions", "EventBridge", "API Gateway", "CloudFront"}
    assert wanted <= services
    assert {row["size"] for row in ROWS.values() if (row["service"], row["operation"]) == ("S3 Standard", "PUT")} >= {
        "1 KiB",
        "500 KiB",
        "1 MiB",
    }


def test_a_log_normal_goes_through_two_percentiles():
    made = LogNormal.through((99, 250), (50, 100))
    assert (made.percentile(50), made.percentile(99)) == pytest.approx((100, 250))
    assert 100 < made.percentile(90) < made.percentile(95) < 250
    shifted = LogNormal.through((90, made.percentile(90)), (10, made.percentile(10)))
    assert (shifted.median, shifted.sigma) == pytest.approx((made.median, made.sigma))
    with pytest.raises(ValueError, match="lie below"):
        LogNormal.through((50, 100), (95, 90))


def test_a_log_normal_has_the_mean_and_95_percent_that_it_is_made_of():
    made = LogNormal.of_mean(42.66, 109.10)
    assert made.percentile(95) == pytest.approx(109.10)
    assert made.median < 42.66
    draws = [LogNormal(made.median, made.sigma).percentile((2 * each + 1) / 20) for each in range(1000)]
    assert sum(draws) / len(draws) == pytest.approx(42.66, rel=0.01)
    with pytest.raises(ValueError, match="no log-normal"):
        LogNormal.of_mean(10, 50)
