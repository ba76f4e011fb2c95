#!/usr/bin/env python3
"""Checks what Daybook is deployed with: the compose file, the Dockerfile, the scripts and the guide.

Reads, lints and compares, and asks the freshly built `daybook` what it understands. Pulls, builds and starts nothing: it
needs no container engine, and does not tell whether one would be content. Each check must also find what is broken on
purpose in a copy (BROKEN), so that none of them can turn into one that always passes.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
sys.path.insert(0, str(TOOLS / "python"))

import jsonschema_rs  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402
from ruamel.yaml.error import YAMLError  # noqa: E402

COMPOSE = "infra/compose.yaml"
DOCKERFILE = "infra/docker/Dockerfile"
SECRETS = "infra/docker/secrets.sh"
ENVIRONMENT = "infra/.env.example"
GUIDE = "docs/guides/deploy-compose.md"

# A root filesystem that cannot be read-only, with the reason in the compose file.
WRITABLE = {"kafka"}
# ${NAME}, ${NAME:-default}, ${NAME:?what to do}, $NAME and $$.
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-?+])([^}]*))?\}|(\w+))")
ANY_ID = "00000000-0000-7000-8000-000000000000"
DURATION = re.compile(r"(\d+(\.\d+)?(us|ms|s|m|h|d|w))+")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL")


class Tree:
    """The checkout, with some files replaced."""

    def __init__(self, replaced: dict[str, str] | None = None):
        self.replaced = replaced or {}

    def text(self, path: str) -> str:
        return self.replaced[path] if path in self.replaced else (ROOT / path).read_text()

    def compose(self) -> dict:
        return YAML(typ="safe", pure=True).load(self.text(COMPOSE))

    def services(self) -> dict:
        return self.compose()["services"]

    def dockerfile(self) -> list[tuple[str, str]]:
        """Its instructions with their arguments, comments left out and continued lines joined."""
        lines = [line for line in self.text(DOCKERFILE).splitlines() if not line.lstrip().startswith("#")]
        joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
        found = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
        return [(word.upper(), rest.strip()) for word, rest in found]

    def image_settings(self) -> dict[str, str]:
        """Daybook's settings that the image brings."""
        words = [word for name, rest in self.dockerfile() if name == "ENV" for word in shlex.split(rest)]
        pairs = (word.partition("=") for word in words)
        return {name: value for name, _, value in pairs if name.startswith("DAYBOOK__")}


def strings(value: object):
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def interpolate(text: str) -> str:
    """With the defaults in place; a required variable becomes a word."""

    def value(match: re.Match) -> str:
        dollar, name, operator, words, bare = match.groups()
        if dollar:
            return "$"
        return words if (operator or "").endswith("-") else f"given-{name or bare}"

    return VARIABLE.sub(value, text)


def is_daybook(service: dict) -> bool:
    return service.get("image", "").startswith("daybook:")


def run(arguments: list, given: str | None = None, environment: dict | None = None) -> tuple[int, str]:
    """The exit code, and what was said on both streams."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        timeout=120,
    )
    return done.returncode, done.stdout.strip()


@functools.cache
def program() -> pathlib.Path:
    about = ["cargo", "metadata", "--locked", "--format-version", "1", "--no-deps"]
    return pathlib.Path(json.loads(subprocess.check_output(about))["target_directory"], "debug", "daybook")


def ask(arguments: list[str], given: dict[str, str] | None = None) -> tuple[int, str]:
    """What `daybook` answers. It sees these settings and none of the developer's."""
    return run([program(), *arguments], environment={"PATH": os.environ["PATH"]} | (given or {}))


def make_secrets(tree: Tree, folder: str) -> tuple[int, str]:
    """Runs the script, as it is in this tree, for a folder of its own."""
    home = pathlib.Path(folder, "infra")
    (home / "docker").mkdir(parents=True, exist_ok=True)
    (home / "docker" / "secrets.sh").write_text(tree.text(SECRETS))
    (home / ".env.example").write_text(tree.text(ENVIRONMENT))
    return run(["sh", home / "docker" / "secrets.sh"])


@functools.cache
def specification():
    """The Compose Specification, as a validator."""
    return jsonschema_rs.validator_for(json.loads((TOOLS / "compose-spec.json").read_text()))


# The checks: each yields what it found wrong.


def schema(tree: Tree):
    """follows the Compose Specification"""
    try:
        found = tree.compose()
    except YAMLError as error:
        yield f"{COMPOSE} is not YAML: {error}"
        return
    # Of several findings about one place the innermost says most; the others follow from it.
    errors = {tuple(error.instance_path): error.message for error in specification().iter_errors(found)}
    for path in sorted(errors):
        if not any(other[: len(path)] == path and other != path for other in errors):
            yield f"{COMPOSE}: {'.'.join(map(str, path))}: {errors[path]}"
    # To the schema these are any strings.
    for name, service in found["services"].items():
        times = {"stop_grace_period": service.get("stop_grace_period", "1s")} | service.get("healthcheck", {})
        for key in ("interval", "timeout", "start_period", "start_interval", "stop_grace_period"):
            if not DURATION.fullmatch(str(times.get(key, "1s"))):
                yield f"{COMPOSE}: services.{name}: {key} is {times[key]}, which is no time such as 1m30s"


def references(tree: Tree):
    """uses only what it declares, and declares only what it uses"""
    compose = tree.compose()
    services = compose["services"]
    used: dict[str, set] = {"networks": set(), "volumes": set(), "secrets": set()}
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            target = services.get(other)
            if target is None:
                yield f"{name} depends on {other}, which is no service"
                continue
            check = target.get("healthcheck", {})
            if how["condition"] == "service_healthy" and "test" not in check:
                yield f"{name} waits until {other} is healthy, but {other} has no health check"
            if how["condition"] == "service_completed_successfully" and target.get("restart") != "no":
                yield f'{name} waits for the end of {other}, which has to have restart: "no"'
        used["networks"] |= set(service.get("networks", []))
        used["secrets"] |= set(service.get("secrets", []))
        used["volumes"] |= {volume.split(":")[0] for volume in service.get("volumes", [])}
        mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        for path in re.findall(r"/run/secrets/\w+", " ".join(strings(service))):
            if path not in mounted:
                yield f"{name} reads {path}, which is not among its secrets"
    for kind, names in used.items():
        for name in sorted(names ^ set(compose.get(kind, {}))):
            yield f"{kind}: {name} is {'used but not declared' if name in names else 'declared but not used'}"


def variables(tree: Tree):
    """has no default secrets, and says what it needs"""
    compose = tree.compose()
    needed, open_ = set(), set()
    for text in strings(compose):
        for dollar, name, operator, words, bare in VARIABLE.findall(text):
            if dollar:
                continue
            name = name or bare
            open_.add(name)
            if operator == ":?" and words:
                needed.add(name)
            elif operator != ":-" or not words:
                yield f"${name} is neither required (:?what to do) nor has it a default (:-value): it would be empty"
            if SECRET_NAME.search(name):
                yield f"${name} looks like a secret: make it a file in infra/secrets"
    example = dict(re.findall(r"^(\w+)=(.*)$", tree.text(ENVIRONMENT), re.MULTILINE))
    for name in sorted(open_ ^ set(example)):
        where = (COMPOSE, ENVIRONMENT) if name in open_ else (ENVIRONMENT, COMPOSE)
        yield f"{name} is in {where[0]} but not in {where[1]}"
    for name in sorted(needed & {name for name, value in example.items() if value}):
        yield f"{name} has a value in {ENVIRONMENT}: everybody would have the same"
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if SECRET_NAME.search(key) and not str(value).startswith("/run/secrets/"):
                yield f"{name}: {key} looks like a secret: let it name a file in /run/secrets"


def denied(tree: Tree):
    """gives its services no more than they need"""
    major = re.search(r"^version=(\d+)\.", tree.text("infra/setup/postgres.sh"), re.MULTILINE).group(1)
    for name, service in tree.services().items():
        image = service.get("image", "")
        if not is_daybook(service) and not re.search(r":v?\d+\.\d+\.\d+", image):
            yield f"{name}: the image {image} is not pinned to a release"
        if "pgvector" in image and f"-pg{major}-" not in image:
            yield f"{name}: the image {image} is not PostgreSQL {major}, which the tests run on"
        if service.get("user", "root") in ("root", "0", "0:0", 0):
            yield f"{name} runs as root"
        if service.get("privileged") or service.get("cap_add"):
            yield f"{name} has more capabilities than none"
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name} keeps capabilities: cap_drop: [ALL]"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name} may gain privileges: security_opt: [no-new-privileges:true]"
        if service.get("read_only") is not True and name not in WRITABLE:
            yield f"{name} may write into its image: read_only: true"
        if service.get("restart") != "no" and "test" not in service.get("healthcheck", {}):
            yield f"{name} has no health check"
        for port in service.get("ports", []):
            if name != "daybook" or not interpolate(port).startswith("127.0.0.1:"):
                yield f"{name} publishes {port}: only Daybook is reached from outside, and by default from this machine"


def lint(tree: Tree):
    """passes hadolint"""
    _, said = run([TOOLS / "bin" / "hadolint", "--no-color", "-"], given=tree.text(DOCKERFILE))
    yield from (re.sub("^-:", f"{DOCKERFILE}:", line) for line in said.splitlines())


def agreement(tree: Tree):
    """agrees with the checkout and with the compose file"""
    found = tree.dockerfile()
    images = [rest.split()[0] for name, rest in found if name == "FROM"]
    channel = re.search(r'^channel = "(.*)"$', tree.text("rust-toolchain.toml"), re.MULTILINE).group(1)
    if not images[0].startswith(f"rust:{channel}-"):
        yield f"the build runs on {images[0]}, but rust-toolchain.toml says {channel}"
    if f"RUSTUP_TOOLCHAIN={channel}" not in " ".join(rest for name, rest in found if name == "ENV"):
        yield f"RUSTUP_TOOLCHAIN is not {channel}: rustup would fetch a toolchain"
    if images[0].rsplit("-", 1)[1] != re.split("[:-]", images[-1])[1]:
        yield f"built on {images[0]} for {images[-1]}: another Debian has other libraries"
    user = [rest for name, rest in found if name == "USER"][-1:]
    if not user or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user[0]):
        yield f"the image's user {user} is not a number other than 0"
    for name, service in tree.services().items():
        if is_daybook(service) and [service.get("user")] != user:
            yield f"{name} runs as {service.get('user')}, the image as {user}"
    port = tree.image_settings().get("DAYBOOK__HTTP__LISTEN", "").rpartition(":")[2]
    server = tree.services()["daybook"]
    seen = {rest for name, rest in found if name == "EXPOSE"} | {p.rpartition(":")[2] for p in server["ports"]}
    checks = [rest for name, rest in found if name == "HEALTHCHECK"] + server["healthcheck"]["test"]
    seen |= set(re.findall(r"http://127\.0\.0\.1:(\d+)/health/(?:live|ready)", " ".join(checks)))
    if seen != {port}:
        yield f"the image listens on port {port}; exposed, published and checked: {', '.join(sorted(seen))}"


def ignored(tree: Tree):
    """leaves out what Git ignores"""
    there = set(tree.text(".dockerignore").splitlines())
    for line in tree.text(".gitignore").splitlines():
        wanted = line if line.startswith("/") else f"**/{line}"
        if wanted not in there:
            yield f".gitignore has {line}, .dockerignore lacks {wanted}"


def scripts(tree: Tree):
    """pass ShellCheck"""
    shellcheck = [TOOLS / "bin" / "shellcheck", "--color=never", "--format=gcc", "--external-sources"]
    if tree.replaced:
        for path, text in tree.replaced.items():
            yield from run([*shellcheck, "-"], given=text)[1].splitlines()
        return
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], text=True
    )
    paths = [path for path in listed.split("\0") if path and (ROOT / path).is_file()]
    found = []
    for path in paths:
        with open(ROOT / path, "rb") as file:
            if path.endswith(".sh") or re.match(rb"#!.*[/ ](ba)?sh\b", file.readline()):
                found.append(path)
    if SECRETS not in found:
        yield f"{SECRETS} is not among the scripts that were looked for"
    yield from run([*shellcheck, "--source-path=SCRIPTDIR", *found])[1].splitlines()


def secrets(tree: Tree):
    """are made by secrets.sh, for this machine alone and once"""
    with tempfile.TemporaryDirectory() as folder:
        status, said = make_secrets(tree, folder)
        if status != 0:
            yield f"secrets.sh failed: {said}"
            return
        home = pathlib.Path(folder, "infra")
        made = {f"secrets/{file.name}" for file in (home / "secrets").iterdir()}
        wanted = {secret["file"] for secret in tree.compose()["secrets"].values()}
        if made != wanted:
            yield f"secrets.sh makes {sorted(made)}, {COMPOSE} wants {sorted(wanted)}"
        if stat.S_IMODE((home / "secrets").stat().st_mode) != 0o700:
            yield "infra/secrets can be entered by others"
        before = {file: file.read_text() for file in [*(home / "secrets").iterdir(), home / ".env"]}
        password = before[home / "secrets" / "postgres_password"]
        if not re.fullmatch("[0-9a-f]{64}", password):
            yield "postgres_password is not 32 bytes in hexadecimal"
        if password in before[home / "secrets" / "daybook_server"]:
            yield "the servers get the administrator's password"
        if not re.search(r"^KAFKA_CLUSTER_ID=[A-Za-z0-9_][A-Za-z0-9_-]{21}$", before[home / ".env"], re.MULTILINE):
            yield "KAFKA_CLUSTER_ID is not 16 bytes in URL-safe base64"
        status, said = make_secrets(tree, folder)
        if status != 0 or before != {file: file.read_text() for file in before}:
            yield f"a second run of secrets.sh changes something: {said}"
        (home / "secrets" / "daybook_server").unlink()
        status, said = make_secrets(tree, folder)
        if status == 0 or "daybook_server" not in said:
            yield f"secrets.sh says nothing about a lost file: {said}"
        shutil.rmtree(home / "secrets")
        make_secrets(tree, folder)
        if (home / "secrets" / "postgres_password").read_text() == password:
            yield "secrets.sh makes the same password twice"


def settings(tree: Tree):
    """are settings of `daybook`"""
    with tempfile.TemporaryDirectory() as folder:
        make_secrets(tree, folder)
        for name, service in tree.services().items():
            if not is_daybook(service):
                continue
            given = {key: interpolate(str(value)) for key, value in service.get("environment", {}).items()}
            files = [word for word in service["command"] if word.startswith("--config=")]
            files = [word.replace("/run/secrets", f"{folder}/infra/secrets") for word in files]
            status, said = ask([*files, "check-config"], tree.image_settings() | given)
            if status != 0:
                yield f"{name}: {said}"
            elif json.loads(said)["database"]["url"] != "[redacted]":
                yield f"{name} is given no database"


def verbs(tree: Tree):
    """are verbs of `daybook`"""
    for name, service in tree.services().items():
        if is_daybook(service):
            # Asked for help, it reads the whole line and does nothing.
            status, said = ask([*service["command"], "--help"])
            if status != 0:
                yield f"{name}: daybook {' '.join(service['command'])}: {said.splitlines()[0]}"


def guide(tree: Tree):
    """names services and verbs that there are"""
    services = tree.services()
    shown = 0
    for block in re.findall(r"^```sh\n(.*?)^```", tree.text(GUIDE), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(re.split(r"[<>|]", line)[0], comments=True)
            if words[:2] != ["docker", "compose"]:
                continue
            shown += 1
            action, rest = words[2], [word for word in words[3:] if not word.startswith("-")]
            if action in ("exec", "run", "logs", "up", "stop", "restart") and rest and rest[0] not in services:
                yield f"{line.strip()}: {rest[0]} is no service"
            if action == "exec" and words[3:5] == ["daybook", "daybook"]:
                command = [ANY_ID if word == "ID" else word for word in words[5:]]
                status, said = ask([*command, "--help"])
                if status != 0:
                    yield f"{line.strip()}: {said.splitlines()[0]}"
    if not shown:
        yield f"{GUIDE} shows no docker compose command"


CHECKS = {
    COMPOSE: [schema, references, variables, denied],
    DOCKERFILE: [lint, agreement],
    ".dockerignore": [ignored],
    "shell scripts": [scripts],
    "secrets": [secrets],
    "settings in use": [settings],
    "verbs in use": [verbs],
    GUIDE: [guide],
}

# (check, file, what is in it, what to put there, a word of the finding)
BROKEN = [
    (schema, COMPOSE, "read_only: true\n    environment:", "readonly: true\n    environment:", "readonly"),
    (schema, COMPOSE, "interval: 5s", "interval: often", "interval is often"),
    (schema, COMPOSE, "    ports:", "    port:", "'port' was unexpected"),
    (schema, COMPOSE, "condition: service_healthy", "condition: service_happy", "depends_on"),
    (schema, COMPOSE, "  kafka: {}\n", "  kafka: {}\n  kafka: {}\n", "duplicate key"),
    (references, COMPOSE, "postgres: { condition", "postgresql: { condition", "postgresql, which is no service"),
    (references, COMPOSE, "test: [CMD, pg_isready", "x-test: [CMD, pg_isready", "postgres has no health check"),
    (references, COMPOSE, "secrets: [daybook_admin]", "secrets: [daybook_server]", "not among its secrets"),
    (references, COMPOSE, "networks: [data, edge]", "networks: [data]", "edge is declared but not used"),
    (variables, COMPOSE, "${DAYBOOK_PORT:-8080}", "${DAYBOOK_PORT}", "would be empty"),
    (variables, COMPOSE, "POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password", "POSTGRES_PASSWORD: postgres", "secret"),
    (variables, ENVIRONMENT, "KAFKA_CLUSTER_ID=", "KAFKA_CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk", "everybody"),
    (variables, ENVIRONMENT, "DAYBOOK_PORT=8080", "", "DAYBOOK_PORT is in infra/compose.yaml but not in"),
    (denied, COMPOSE, "cap_drop: [ALL]", "cap_drop: []", "keeps capabilities"),
    (denied, COMPOSE, "apache/kafka:4.3.1", "apache/kafka:latest", "not pinned"),
    (denied, COMPOSE, "-pg18-", "-pg17-", "not PostgreSQL 18"),
    (denied, COMPOSE, "user: postgres", "user: root", "runs as root"),
    (denied, COMPOSE, "${DAYBOOK_BIND:-127.0.0.1}", "${DAYBOOK_BIND:-0.0.0.0}", "publishes"),
    (lint, DOCKERFILE, "FROM debian:trixie-20261005-slim", "FROM debian", "DL3006"),
    (lint, DOCKERFILE, "WORKDIR /src", "WORKDIR src", "DL3000"),
    (lint, DOCKERFILE, "USER 10001:10001", "USER root", "DL3002"),
    (lint, DOCKERFILE, "rm -rf /var/lib/apt/lists/*", "rm -rf $LISTS/*", "SC2086"),
    (agreement, DOCKERFILE, "rust:1.95.0-", "rust:1.94.0-", "rust-toolchain.toml says"),
    (agreement, DOCKERFILE, "rust:1.95.0-slim-trixie", "rust:1.95.0-slim-bookworm", "another Debian"),
    (agreement, DOCKERFILE, "EXPOSE 8080", "EXPOSE 8081", "8081"),
    (ignored, ".dockerignore", "/infra/secrets*", "", "/infra/secrets*"),
    (scripts, SECRETS, '"$dir/secrets"', "$dir/secrets", "SC2086"),
    (secrets, SECRETS, "chmod 0700", "chmod 0755", "entered by others"),
    (secrets, SECRETS, "//postgres:5432", "//daybook_root:$password@postgres:5432", "administrator's password"),
    (secrets, SECRETS, "for file in $files", "for file in", "nothing about a lost file"),
    (settings, DOCKERFILE, "DAYBOOK__HTTP__LISTEN", "DAYBOOK__HTTP__LISTENS", "listens"),
    (settings, COMPOSE, "DAYBOOK__TELEMETRY__FORMAT", "DAYBOOK__TELEMETRY__FORM", "form"),
    (settings, COMPOSE, "DAYBOOK__KAFKA__BROKERS", "DAYBOOK__KAFKA__BROKER", "broker"),
    (settings, SECRETS, "roles_secret =", "role_secret =", "role_secret"),
    (verbs, COMPOSE, "daybook_admin, migrate]", "daybook_admin, migrated]", "migrated"),
    (verbs, COMPOSE, "topics, apply]", "topics, create]", "create"),
    (verbs, COMPOSE, "daybook_server, serve]", "daybook_server, serve, --role=all]", "--role"),
    (guide, GUIDE, "docker compose logs", "docker compose logs dayboook", "no service"),
]


def main() -> int:
    os.chdir(ROOT)
    passed = failed = 0

    def tell(name: str, findings: list[str]) -> None:
        nonlocal passed, failed
        print(f"{'FAILED' if findings else 'ok    '} {name}")
        for finding in findings:
            print(f"       {finding}")
        passed, failed = passed + (not findings), failed + bool(findings)

    for name, checks in CHECKS.items():
        for check in checks:
            tell(f"{name} {check.__doc__}", list(check(Tree())))
    if failed:
        # A check that fails on the real files says nothing about the broken ones.
        print(f"{passed} passed, {failed} failed")
        return 1
    for check, path, old, new, word in BROKEN:
        text = Tree().text(path)
        findings = list(check(Tree({path: text.replace(old, new)}))) if old in text else []
        noticed = any(word in finding for finding in findings)
        unseen = [] if noticed else [f"{check.__name__} did not notice; it found {findings or 'nothing'}"]
        tell(f"broken on purpose: {path}: {' '.join(new.split()) or f'without {old}'}", unseen)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
