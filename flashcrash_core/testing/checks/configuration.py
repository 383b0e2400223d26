"""What every kind of plugin owes its configuration class; each battery has it as its check ``configuration_schema``."""

from typing import Any

from flashcrash_core.config.typed_values import config_keys, try_structure
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.subject import Subject

__all__ = ["require_configuration_schema"]


def require_configuration_schema(subject: Subject[Any]) -> None:
    """Raise CheckFailure unless the class is frozen, its keys are typed, and its defaults pass its own validators."""
    cls = subject.spec.config
    where = f"{subject.label}: {cls.__name__}"
    given = dict(subject.options)
    config, faults = try_structure(cls, given)
    if faults or config is None:
        raise CheckFailure(f"{where}: the defaults do not pass its own validators: {faults[0].message if faults else 'no value'}")
    if config != try_structure(cls, given)[0]:
        raise CheckFailure(f"{where}: two instances of the same settings are not equal; a config must be plain data")
    for item in config_keys(cls):
        try:
            setattr(config, item.name, getattr(config, item.name))
        except AttributeError:
            pass  # frozen, as it should be
        else:
            raise CheckFailure(f"{where} is not frozen: use @attrs.frozen, a running program must not see its settings change")
        if item.type is None:
            raise CheckFailure(f"{where}.{item.name} has no type: a value of any type would be taken")
        if try_structure(cls, {**given, item.name: object()})[1] == []:
            raise CheckFailure(f"{where}.{item.name} takes an arbitrary object: give it a type that TOML knows")
