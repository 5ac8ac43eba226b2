from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from model.errors import ConfigError
from serve.http.settings import Settings, keys, parse_settings, variable


def parsed(*arguments, **environment):
    return parse_settings(argparse.ArgumentParser(allow_abbrev=False), arguments, environment)[0]


def test_nothing_said_is_the_defaults():
    assert parsed() == Settings()
    assert parsed(HOME="/root", RESPUN_HTTP_PORT="") == Settings()


def test_options_and_variables_say_the_same_and_options_win():
    said = parsed(
        "--port", "9", "--threshold", "0.5", "--allow-origins", "https://a.b, https://c.d"
    )
    assert (said.port, said.threshold) == (9, 0.5)
    assert said.allow_origins == ("https://a.b", "https://c.d")
    assert said == parsed(
        RESPUN_HTTP_PORT="9",
        RESPUN_HTTP_THRESHOLD="0.5",
        RESPUN_HTTP_ALLOW_ORIGINS="https://a.b,https://c.d",
    )
    assert parsed("--port", "9", RESPUN_HTTP_PORT="10").port == 9


def test_every_setting_can_be_set_by_its_variable():
    samples = {
        "threshold": "fpr-5pct",
        "device": "cuda",
        "coral_status": "REJECTED",
        "host": "::1",
        "allow_origins": "https://news.example",
    }
    pair = {"RESPUN_HTTP_LABEL_STUDIO_USER": "u", "RESPUN_HTTP_LABEL_STUDIO_PASSWORD": "p"}
    for setting in fields(Settings):
        if setting.name == "keys_file":
            continue  # which must be there: tested below
        value = samples.get(setting.name, "1")
        changed = parsed(**{**pair, "RESPUN_HTTP_KEYS": "k", variable(setting.name): value})
        assert getattr(changed, setting.name) != setting.default or setting.name == "workers"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {"RESPUN_HTTP_PORT": "many"}, "RESPUN_HTTP_PORT: 'many' is not a whole number"),
        ([], {"RESPUN_HTTP_PORT": "65536"}, "RESPUN_HTTP_PORT: '65536' is no port"),
        ([], {"RESPUN_HTTP_WORKERS": "0"}, "from 1 on"),
        ([], {"RESPUN_HTTP_DEADLINE_S": "nan"}, "seconds above 0"),
        ([], {"RESPUN_HTTP_DEVICE": "tpu"}, "none of cpu, cuda"),
        ([], {"RESPUN_HTTP_THRESHOLD": "2"}, "fpr-1pct"),
        ([], {"RESPUN_HTTP_ALLOW_NO_KEY": "perhaps"}, "none of"),
        ([], {"RESPUN_HTTP_PROT": "80"}, "RESPUN_HTTP_PROT: no such setting"),
        (["--host", "0.0.0.0"], {}, "no key is set"),
        (["--host", "::"], {}, "--allow-no-key"),
        (["--keys-file", "/nowhere/keys"], {}, "/nowhere/keys: cannot be read"),
        ([], {"RESPUN_HTTP_KEYS": "with space"}, "without spaces"),
        ([], {"RESPUN_HTTP_MAXIMUM_TEXTS": "10001"}, "from 1 to 10,000"),
        ([], {"RESPUN_HTTP_ALLOW_ORIGINS": "example.org"}, "no origin"),
        ([], {"RESPUN_HTTP_ALLOW_ORIGINS": "https://a.b,https://example.org/"}, "no origin"),
        (["--label-studio-user", "ls"], {}, "set both"),
        ([], {"RESPUN_HTTP_LABEL_STUDIO_PASSWORD": "secret"}, "set both"),
        (["--label-studio-user", "a:b"], {"RESPUN_HTTP_LABEL_STUDIO_PASSWORD": "s"}, "no colon"),
        (["--label-studio-user", "ls"], {"RESPUN_HTTP_LABEL_STUDIO_PASSWORD": "pä"}, "only ASCII"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(arguments, environment, message):
    with pytest.raises(ConfigError) as refused:
        parsed(*arguments, **environment)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--keys", "sesame"], ["--api-keys", "sesame"], ["file.txt"]]
)
def test_wrong_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_beyond_loopback_a_key_or_a_word_is_needed(tmp_path):
    assert parsed("--host", "0.0.0.0", RESPUN_HTTP_KEYS="sesame").api_keys == ("sesame",)
    assert parsed("--host", "0.0.0.0", "--allow-no-key").allow_no_key
    file = tmp_path / "keys"
    file.write_text("sesame\n")
    assert parsed("--host", "0.0.0.0", "--keys-file", str(file)).keys_file == file


def test_keys_come_from_the_environment_and_the_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("# ours\nopen\n  # old\n\n  sesame  \n")
    settings = parsed("--keys-file", str(file), RESPUN_HTTP_KEYS="one, two,")
    assert keys(settings) == ("one", "two", "open", "sesame")
    file.write_text("# none left\n")
    with pytest.raises(ConfigError, match="holds no key"):
        keys(settings)


def test_secrets_are_never_shown():
    settings = parsed(
        RESPUN_HTTP_KEYS="sesame",
        RESPUN_HTTP_CORAL_SECRETS="sesame",
        RESPUN_HTTP_LABEL_STUDIO_USER="ls",
        RESPUN_HTTP_LABEL_STUDIO_PASSWORD="sesame",
    )
    assert settings.label_studio_password == "sesame"
    assert "sesame" not in repr(settings)
