"""Reading a configuration: a YAML file into a frozen pydantic model, or one clear line.

Used by `seeds` and `train`, which both run from configs/; nothing that scores comes here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from model.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = TypeVar("Schema", bound="BaseModel")


def read_config(path: Path, schema: type[Schema]) -> Schema:
    """Read and check a YAML file; raises ConfigError that names the keys at fault."""
    import yaml
    from pydantic import ValidationError

    try:
        return schema.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())}); mend it") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(
            f"{path}: {problems}; known keys: {', '.join(schema.model_fields)}"
        ) from None
