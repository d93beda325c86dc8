"""Loads the settings from the environment and `.env`; errors name the variable."""

from __future__ import annotations

import difflib
import logging
import os
import re

from dotenv import dotenv_values
from pydantic import AliasChoices, ValidationError

from assistant.errors import SettingsError
from assistant.settings.fields import ENV_FILE, ENV_FILE_ENCODING, PREFIX, Settings

logger = logging.getLogger(__name__)


def load_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`.

    Unknown variables that start with `ASSISTANT_` are logged with the most similar name.

    Args:
        **overrides: Values for fields, which take precedence unless they are None.

    Raises:
        SettingsError: A value is invalid; the error names the variable and the value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
        present = _variables_present()
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"the file .env cannot be read: {error}",
            expected="text in UTF-8",
            action="Save it in UTF-8.",
        ) from error
    except ValidationError as error:
        raise _unusable(error, given) from error
    for name in sorted(present - set(_known_variables())):
        if name.startswith(PREFIX):
            nearest = difflib.get_close_matches(name, _known_variables(), n=1)
            meant = f"did you mean {nearest[0]}?" if nearest else "docs/settings.md lists them all."
            logger.warning("%s is not a setting; %s", name, meant)
    return settings


def variables_of(setting: str) -> tuple[str, ...]:
    """The environment variables that set a field of `Settings`; the first one wins."""
    alias = Settings.model_fields[setting].validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (str(alias or PREFIX + setting).upper(),)


def _known_variables() -> list[str]:
    return [variable for name in Settings.model_fields for variable in variables_of(name)]


def _variables_present() -> set[str]:
    in_file = dotenv_values(ENV_FILE, encoding=ENV_FILE_ENCODING, interpolate=False)
    return {name.upper() for name in (*os.environ, *in_file)}


def _unusable(error: ValidationError, given: dict[str, object]) -> SettingsError:
    """The first invalid value, named by the variable that set it."""
    first = error.errors()[0]
    name = _variable_named(str(first["loc"][0]), given)
    value = first.get("input")
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    allowed = re.findall(r"'(.*?)'", expected) if first["type"] == "literal_error" else []
    nearest = difflib.get_close_matches(str(value), allowed, n=1)
    return SettingsError(
        f"{name} is {value!r}",
        expected=expected,
        action=f"Did you mean {nearest[0]}?"
        if nearest
        else "Change it in the environment or in .env; docs/settings.md lists all settings.",
    )


def _variable_named(place: str, given: dict[str, object]) -> str:
    """Name of what the user set; `place` is a field's name or one of its variables."""
    for setting in Settings.model_fields:
        variables = variables_of(setting)
        if place == setting or place.upper() in variables:
            if setting in given:
                return f"setting {setting}"
            present = _variables_present()
            return next((name for name in variables if name in present), variables[0])
    return place
