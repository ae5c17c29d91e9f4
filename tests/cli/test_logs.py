"""Log lines for machines: one JSON object each."""

import json
import logging
import sys

import pytest

from pixelpipe.cli.logs import JsonFormatter, log_to_stderr
from pixelpipe.errors import BadInputError


@pytest.fixture
def logger(monkeypatch):
    logger = logging.getLogger("pixelpipe")
    monkeypatch.setattr(logger, "handlers", [])
    return logger


def test_a_line_is_an_object_with_what_it_is_about(logger, monkeypatch, capsys):
    monkeypatch.setenv("PIXELPIPE_LOG", "json")
    log_to_stderr()
    logging.getLogger("pixelpipe.pipeline.run").info("epoch %d of 8", 3, extra={"epoch": 3, "clean_rate": 0.25})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "pixelpipe.pipeline.run",
        "message": "epoch 3 of 8",
        "epoch": 3,
        "clean_rate": 0.25,
    }


def test_an_exception_stays_on_its_line():
    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "ValueError" in json.loads(text)["exception"]


def test_text_is_the_default_and_nothing_else_is_taken(logger, monkeypatch, capsys):
    monkeypatch.delenv("PIXELPIPE_LOG", raising=False)
    log_to_stderr()
    logging.getLogger("pixelpipe").info("hello")
    assert capsys.readouterr().err.endswith(" hello\n")
    monkeypatch.setenv("PIXELPIPE_LOG", "xml")
    with pytest.raises(BadInputError, match="PIXELPIPE_LOG must be text or json but got xml"):
        log_to_stderr()
