"""Reading a text file that a person gives."""

from pathlib import Path

from pixelpipe.errors import BadInputError, ConfigError


def read_text(path: Path, what: str, kind: type[BadInputError] = ConfigError, named_by: str = "") -> str:
    """The text of a UTF-8 file, without its byte-order mark.

    Raises `kind` where it cannot be read; its one line says `what` it must be, after the option or field that names it.
    """
    place = f"{named_by} {path}".lstrip()
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise kind(f"{place}: must be {what} but does not exist") from None
    except OSError as error:
        raise kind(f"{place}: must be {what} but cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise kind(f"{place}: must be {what} but is not UTF-8 text") from None
