"""Log lines on stderr: for a person, or as JSON Lines for a machine (PIXELPIPE_LOG=json)."""

import json
import logging
import os
import sys
from datetime import UTC, datetime

from rich.logging import RichHandler

from pixelpipe.errors import BadInputError
from pixelpipe.progress import console

VARIABLE = "PIXELPIPE_LOG"
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One object a line: time (ISO 8601, UTC), level, logger, message, and what a line gives as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _USUAL},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr() -> None:
    """Once a process: the demo runs two experiments."""
    handler = _handler()
    logger = logging.getLogger("pixelpipe")
    if not logger.handlers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)


def _handler() -> logging.Handler:
    wanted = os.environ.get(VARIABLE) or "text"
    if wanted not in ("text", "json"):
        raise BadInputError(f"{VARIABLE} must be text or json but got {wanted}")
    if wanted == "text" and sys.stderr.isatty():
        handler: logging.Handler = RichHandler(console=console, show_path=False, show_level=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
        return handler
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter() if wanted == "json" else logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    )
    return handler
