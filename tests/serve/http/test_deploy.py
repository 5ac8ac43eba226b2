"""The examples of deploy/ keep what they promise, as far as that can be read off them."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


def pins():
    """Each package of requirements.txt with its version and the digests of its files."""
    lines = (DEPLOY / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in lines.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *digests = line.split()
            name, _, version = requirement.partition("==")
            found[canonicalize_name(name)] = (version, digests)
    return found


def needed():
    """What pyproject.toml asks for to score and to serve."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["api"]
    return [Requirement(text) for text in texts]


def instructions():
    """The Containerfile's instructions in order, lines joined, comments left out."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def unit():
    """The unit's settings; one that is named several times has several values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "respun.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_every_package_that_is_needed_is_pinned_within_its_range():
    pinned = pins()
    for requirement in needed():
        version, _ = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), (requirement, version)


def test_every_pin_names_one_version_and_the_digests_of_its_files():
    pinned = pins()
    assert len(pinned) > len(needed())  # what they need in turn is pinned, too
    for name, (version, digests) in pinned.items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), name
        assert digests, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in digests), name


def test_nothing_heavy_is_installed():
    assert not {"torch", "transformers", "datasets", "onnx", "scikit-learn"} & set(pins())


def test_the_image_runs_without_root_and_installs_nothing_that_is_not_pinned():
    steps = instructions()
    names = [name for name, _ in steps]
    [base] = [rest for name, rest in steps if name == "FROM"]
    assert re.fullmatch(r"python:3\.11-slim-\w+", base)
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert names.count("USER") == 1
    assert dict(steps)["USER"].partition(":")[0] not in ("0", "root")
    [install] = [rest for name, rest in steps if name == "RUN" and "install" in rest]
    assert {"--require-hashes", "--only-binary", "--no-cache-dir"} <= set(shlex.split(install))
    copied = {shlex.split(rest)[0] for name, rest in steps if name == "COPY"}
    assert copied == {"deploy/requirements.txt", "model", "serve"}
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_image_starts_the_service_without_a_shell_and_looks_after_it():
    steps = dict(instructions())
    command = json.loads(steps["ENTRYPOINT"])
    assert command[:3] == ["python", "-m", "serve.http"]
    check = steps["HEALTHCHECK"]
    python, flag, code = json.loads(check[check.index("[") :])
    assert (python, flag) == ("python", "-c")
    assert f":{command[command.index('--port') + 1]}/healthz" in code


def test_the_health_check_tells_a_service_that_answers_from_one_that_does_not(served):
    check = dict(instructions())["HEALTHCHECK"]
    code = json.loads(check[check.index("[") :])[2]
    for url, expected in ((served, 0), ("http://127.0.0.1:9", 1)):  # port 9: discard
        here = code.replace("http://127.0.0.1:8080", url)
        assert here != code
        done = subprocess.run([sys.executable, "-c", here], capture_output=True, timeout=20)
        assert done.returncode == expected


def test_the_container_can_write_nothing_and_may_do_nothing():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["respun"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"] == dict(instructions())["USER"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert {"mem_limit", "pids_limit", "tmpfs", "restart"} <= set(service)
    assert "privileged" not in service
    [secret] = service["secrets"]
    assert service["command"] == ["--keys-file", f"/run/secrets/{secret}"]
    assert secret in compose["secrets"]
    build = service["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert (context / build["dockerfile"]).samefile(DEPLOY / "Containerfile")


def test_the_unit_starts_a_module_that_exists_as_nobody():
    settings = unit()
    [command] = settings["ExecStart"]
    python, flag, module, *arguments = shlex.split(command)
    assert python.endswith("/bin/python")
    assert flag == "-m"
    assert importlib.util.find_spec(f"{module}.__main__")
    assert arguments == ["--keys-file", "%d/keys"]
    assert settings["LoadCredential"][0].startswith("keys:")
    for name, value in {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "MemoryDenyWriteExecute": "yes",
        "CapabilityBoundingSet": "",
        "IPAddressDeny": "any",
        "IPAddressAllow": "localhost",
        "Restart": "always",
    }.items():
        assert settings[name] == [value]
    assert settings["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]


@pytest.mark.parametrize("place", ["Containerfile", "respun.service", "compose.yaml"])
def test_settings_that_are_named_exist(place):
    from serve.http.settings import Settings, variable

    text = (DEPLOY / place).read_text(encoding="utf-8")
    known = {variable(name) for name in Settings.__dataclass_fields__}
    named = set(re.findall(r"RESPUN_HTTP_[A-Z][A-Z_]*[A-Z]", text))
    assert named <= known
