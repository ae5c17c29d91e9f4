"""What every section of the configuration is: frozen, strict about types, and known by its fields alone."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

from pixelpipe.config.form import describe_ranges, title


def _user_path(value: Any) -> Any:
    """A path as people write it: `~` is their home, and nothing is not the current folder."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise ValueError("must be a path")
    try:
        return str(Path(value).expanduser())
    except RuntimeError:
        raise ValueError("must begin with the home of a user that exists") from None


UserPath = Annotated[Path, BeforeValidator(_user_path)]


class Strict(BaseModel):
    """Frozen, and no unknown keys: a misspelled field is an error, never a silent default."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        field_title_generator=title,
        json_schema_extra=describe_ranges,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_no_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Python takes `true` for the number 1, and pydantic the number 1 for true."""
        assert info.field_name is not None
        annotation = cls.model_fields[info.field_name].annotation
        wants_boolean = annotation is bool or annotation == (bool | None)
        if isinstance(value, bool) and not wants_boolean:
            raise ValueError("not be a boolean (YAML: true, false, yes, no, on, off)")
        if wants_boolean and not isinstance(value, bool) and not (value is None and annotation is not bool):
            raise ValueError("must be true or false")
        return value
