"""The container files: what can be checked of them without an engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from affetto.server.settings import Settings, load

REPOSITORY = Path(__file__).parents[1]
DOCKER = REPOSITORY / "docker"


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest)."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.replace("\\\n", " ").splitlines()]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DOCKER / "compose.yaml").read_text()))


def defaults(value: str) -> str:
    """Compose's ${NAME:-default}, where no NAME is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def of(steps: list[tuple[str, str]], instruction: str) -> list[str]:
    return [rest for name, rest in steps if name == instruction]


def test_the_image_is_built_in_two_stages(steps: list[tuple[str, str]]) -> None:
    first, second = of(steps, "FROM")
    assert first.endswith("AS wheel")
    assert second.endswith("-slim")


def test_the_wheel_stage_copies_all_that_the_package_has(steps: list[tuple[str, str]]) -> None:
    copied = [word for rest in of(steps, "COPY") if not rest.startswith("--from") for word in rest.split()[:-1]]
    assert [name for name in copied if not (REPOSITORY / name).exists()] == []
    assert {"server", "models", "pipelines", "clients", "pyproject.toml", "README.md", "LICENSE"} <= set(copied)
    assert {"__init__.py", "py.typed"} <= set(copied)
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)


def test_the_image_serves_as_nobody_special(steps: list[tuple[str, str]]) -> None:
    names = [name for name, _ in steps]
    assert of(steps, "USER") == ["affetto"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]
    assert json.loads(of(steps, "ENTRYPOINT")[0]) == ["affetto"]
    assert json.loads(of(steps, "CMD")[0]) == ["serve"]


def test_the_image_asks_its_own_health(steps: list[tuple[str, str]]) -> None:
    port = Settings().server.port
    (health,) = of(steps, "HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/health" in health
    compile(json.loads(health.partition("CMD ")[2])[2], "healthcheck", "exec")
    assert of(steps, "EXPOSE") == [str(port)]


def test_the_images_environment_is_of_settings_there_are(
    steps: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for rest in of(steps, "ENV"):
        for pair in rest.split():
            monkeypatch.setenv(*pair.split("=", 1))
    assert load().server.host == "0.0.0.0"
    assert of(steps, "VOLUME") == ["/models /data"]


def test_compose_builds_this_dockerfile(compose: dict[str, Any]) -> None:
    build = compose["services"]["affetto"]["build"]
    assert (DOCKER / build["context"]).resolve() == REPOSITORY
    assert (REPOSITORY / build["dockerfile"]).samefile(DOCKER / "Dockerfile")


@pytest.mark.parametrize("name", ["pull", "affetto", "caddy"])
def test_every_service_is_confined(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not service.get("privileged")


def test_espeak_can_be_loaded_from_the_temporary_folder(compose: dict[str, Any]) -> None:
    assert [mount for mount in compose["services"]["affetto"]["tmpfs"] if ":exec," in mount]


def test_volumes_and_networks_are_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        named = {volume.split(":")[0] for volume in service["volumes"]}
        assert {name for name in named if not name.startswith(".")} <= set(compose["volumes"])
        assert set(service["networks"]) <= set(compose["networks"])


def test_the_server_is_reached_through_the_proxy_only(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert "ports" not in services["affetto"]
    assert set(services["affetto"]["networks"]) & set(services["caddy"]["networks"]) == {"inside"}
    assert [defaults(port) for port in services["caddy"]["ports"]] == ["127.0.0.1:443:443"]


def test_composes_environment_is_of_settings_there_are(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compose["services"]["affetto"]["environment"].items():
        monkeypatch.setenv(name, defaults(value))
    server = load().server
    assert server.api_keys == []
    assert server.trusted_proxies == [compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]]
    monkeypatch.setenv("AFFETTO_SERVER__API_KEYS", '["a long secret"]')
    assert [key.get_secret_value() for key in load().server.api_keys] == ["a long secret"]


def test_browsers_may_ask_localhost_for_http_elsewhere() -> None:
    text = (DOCKER / "Caddyfile").read_text()
    assert re.findall(r"@public (not host localhost)|Strict-Transport-Security", text) == ["not host localhost", ""]
    assert "header @public Strict-Transport-Security" in text


def test_the_proxy_hands_on_to_the_server(compose: dict[str, Any]) -> None:
    caddy, text = compose["services"]["caddy"], (DOCKER / "Caddyfile").read_text()
    assert "./Caddyfile:/etc/caddy/Caddyfile:ro" in caddy["volumes"]
    assert f"{{$AFFETTO_UPSTREAM:affetto:{Settings().server.port}}}" in text
    assert re.search(r"read_header \d+s", text)
    (most,) = re.findall(r"max_size (\d+)MiB", text)
    assert int(most) > Settings().server.upload_mib
    assert set(caddy["environment"]) <= set(re.findall(r"\{\$(\w+)", text))


def test_caddy_takes_the_file() -> None:
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(DOCKER / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_compose_takes_the_file() -> None:
    compose = ["docker", "compose"]
    found = shutil.which("docker") and subprocess.run([*compose, "version"], capture_output=True, check=False)
    if not found or found.returncode != 0:
        pytest.skip("docker compose is not installed")
    command = [*compose, "--file", str(DOCKER / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


OVERLAYS = ("scale", "gpu")


def overlay(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DOCKER / f"compose.{name}.yaml").read_text()))


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays_fit_the_file_that_they_are_laid_over(compose: dict[str, Any], name: str) -> None:
    over = overlay(name)
    known = set(compose["services"]) | {each for each, service in over["services"].items() if "image" in service}
    assert set(over["services"]) <= known
    volumes = {*compose["volumes"], *over["volumes"]}
    for service in over["services"].values():
        assert set(service.get("depends_on", {})) <= known
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= volumes
        assert set(service.get("networks", [])) <= set(compose["networks"])
        if "image" in service:
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]


def test_both_servers_share_a_database_and_are_alike(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    services = overlay("scale")["services"]
    first = compose["services"]["affetto"] | services["affetto"]
    second = services["affetto-2"]
    assert {key for key in first if first[key] != second.get(key)} <= {"volumes", "tmpfs", "logging"}
    for name, value in second["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "secret", defaults(value)))
    settings = load()
    assert settings.handover.enabled
    assert settings.memory.url is not None
    assert settings.memory.url.get_secret_value() == "postgresql://affetto:secret@postgres/affetto"
    assert settings.server.trusted_proxies == ["172.31.86.0/24"]


def test_the_proxy_knows_both_servers() -> None:
    caddy, text = overlay("scale")["services"]["caddy"], (DOCKER / "Caddyfile").read_text()
    assert caddy["environment"]["AFFETTO_UPSTREAM"].split() == ["affetto:8600", "affetto-2:8600"]
    assert set(caddy["environment"]) <= set(re.findall(r"\{\$(\w+)", text))


def test_the_gpu_overlays_environment_is_of_settings_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in overlay("gpu")["services"]["affetto"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.profile == "gpu"
    assert settings.asr.options["device"] == "cuda"
    assert settings.llm.options["base_url"] == "http://vllm:8000/v1"


def test_the_images_arguments_are_those_that_overlays_give(steps: list[tuple[str, str]]) -> None:
    known = {rest.partition("=")[0] for rest in of(steps, "ARG")}
    services = [service for name in OVERLAYS for service in overlay(name)["services"].values()]
    assert {name for service in services if "build" in service for name in service["build"]["args"]} == known
