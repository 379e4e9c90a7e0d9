# ruff: noqa: E501 - an expression or a sample reads best whole

from __future__ import annotations

import base64
import json
import marshal
import pickle
import random
import string
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from envlock.redact import Hit, clean, clean_data, clean_url, one_line, secrets, visible

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parent.parent
ROOT = "/" + "root"  # the home folder of some machines; no path of one stands in this file

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def issued(count: int, letters: str = LETTERS, *, seed: int = 7) -> str:
    """Something that looks issued: made here, so that no secret, not even an invented one, stands in this file."""
    chooser = random.Random(f"{seed}-{count}-{letters}")
    start = "".join(chooser.choice(letters) for _ in range(count - 3))
    return start + ("a1f" if letters == HEX else "Q7Z" if letters == UPPER else "a7Q")


def pem(kind: str, begin: str = "BEGIN") -> str:
    lines = "\n".join(issued(64, seed=line) for line in range(4))
    return f"-----{begin} {kind}-----\n{lines}\n-----END {kind}-----"


KEY_LINE = issued(64, seed=1)

# What each secret looks like, and the part of it that nobody may read; alone on a line each is found.
TOKENS = {
    "github": ("github-token", "ghp" + "_" + issued(36)),
    "github app": ("github-token", "ghs" + "_" + issued(36)),
    "github oauth": ("github-token", "gho" + "_" + issued(36)),
    "github fine": ("github-token", "github" + "_pat_" + issued(22) + "_" + issued(59)),
    "gitlab": ("gitlab-token", "glpat" + "-" + issued(20)),
    "gitlab deploy": ("gitlab-token", "gldt" + "-" + issued(20)),
    "gitlab runner": ("gitlab-token", "glrt" + "-" + issued(20)),
    "aws id": ("aws-access-key-id", "AKIA" + issued(16, UPPER)),
    "aws session id": ("aws-access-key-id", "ASIA" + issued(16, UPPER)),
    "google": ("google-api-key", "AIza" + issued(35)),
    "google oauth": ("google-oauth-token", "ya29" + "." + issued(60)),
    "google client": ("google-client-secret", "GOCSPX" + "-" + issued(28)),
    "azure client": ("azure-client-secret", issued(3) + "8Q~" + issued(34)),
    "hugging face": ("huggingface-token", "hf" + "_" + issued(34)),
    "slack bot": ("slack-token", "xoxb" + "-" + issued(11, "123456789") + "-" + issued(24)),
    "slack user": ("slack-token", "xoxp" + "-" + issued(11, "123456789") + "-" + issued(32)),
    "slack webhook": (
        "slack-webhook",
        "https://hooks.slack.com/services/T"
        + issued(10, UPPER)
        + "/B"
        + issued(10, UPPER)
        + "/"
        + issued(24),
    ),
    "stripe": ("stripe-key", "sk" + "_live_" + issued(24)),
    "stripe restricted": ("stripe-key", "rk" + "_test_" + issued(24)),
    "npm": ("npm-token", "npm" + "_" + issued(36)),
    "pypi": ("pypi-token", "pypi" + "-AgEIcHlwaS5vcmc" + issued(70)),
    "jwt": ("json-web-token", "eyJ" + issued(20) + ".eyJ" + issued(40) + "." + issued(43)),
    "openai": ("openai-key", "sk" + "-" + issued(48)),
    "openai project": ("openai-key", "sk" + "-proj-" + issued(60)),
    "anthropic": ("anthropic-key", "sk" + "-ant-api03-" + issued(80)),
    "databricks": ("databricks-token", "dapi" + issued(32, HEX)),
    "sendgrid": ("sendgrid-key", "SG" + "." + issued(22) + "." + issued(43)),
    "twilio": ("twilio-key", "SK" + issued(32, HEX)),
    "digitalocean": ("digitalocean-token", "dop" + "_v1_" + issued(64, HEX)),
    "docker": ("docker-token", "dckr" + "_pat_" + issued(27)),
    "telegram": ("telegram-token", "123456789" + ":AA" + issued(33)),
    "atlassian": ("atlassian-token", "ATATT3" + issued(180)),
    "shopify": ("shopify-token", "shpat" + "_" + issued(32, HEX)),
    "square": ("square-token", "sq0atp" + "-" + issued(22)),
    "mailchimp": ("mailchimp-key", issued(32, HEX) + "-us" + "12"),
    "new relic": ("newrelic-key", "NRAK" + "-" + issued(27, UPPER)),
    "vault": ("vault-token", "hvs" + "." + issued(90)),
    "terraform": ("terraform-token", issued(14) + ".atlasv1" + "." + issued(64)),
    "linear": ("linear-key", "lin_api" + "_" + issued(40)),
    "postman": ("postman-key", "PMAK" + "-" + issued(24, HEX) + "-" + issued(34, HEX)),
    "doppler": ("doppler-token", "dp" + ".pt." + issued(43)),
    "grafana": ("grafana-token", "glsa" + "_" + issued(32) + "_" + issued(8, HEX)),
    "sentry": ("sentry-token", "sntrys" + "_" + issued(90)),
    "notion": ("notion-token", "ntn" + "_" + issued(46)),
    "figma": ("figma-token", "figd" + "_" + issued(40)),
    "replicate": ("replicate-token", "r8" + "_" + issued(37)),
    "groq": ("groq-key", "gsk" + "_" + issued(52)),
    "pinecone": ("pinecone-key", "pcsk" + "_" + issued(60)),
    "airtable": ("airtable-token", "pat" + issued(14) + "." + issued(64, HEX)),
    "dropbox": ("dropbox-token", "sl" + "." + issued(130)),
    "artifactory": ("artifactory-token", "AKCp" + issued(69)),
    "nuget": ("nuget-token", "oy2" + issued(43, string.ascii_lowercase + "1234567890").lower()),
    "rubygems": ("rubygems-token", "rubygems" + "_" + issued(48, HEX)),
    "age": ("age-key", "AGE-SECRET" + "-KEY-1" + issued(58, UPPER)),
    "kaggle": ("kaggle-token", "KGAT" + "_" + issued(32)),
    "private key": ("private-key", pem("PRIVATE KEY")),
    "rsa key": ("private-key", pem("RSA PRIVATE KEY")),
    "openssh key": ("private-key", pem("OPENSSH PRIVATE KEY")),
    "pgp key": ("private-key", pem("PGP PRIVATE KEY BLOCK")),
}

PASSWORD = issued(24)
SURROUNDINGS = {
    "a line": "{}",
    "environment": "SOME_NAME={}",
    "ini": "[section]\nvalue = {}\nother = 1\n",
    "YAML": "outer:\n  - value: {}\n",
    "TOML": 'value = "{}"\n',
    "Python": "def build():\n    value = '{}'  # ours\n    return value\n",
    "docstring": '"""A layer.\n\nCall with {} for now.\n"""\n',
    "Markdown": "Use `{}` to log in.\n",
    "file path": "/srv/data/{}/model.keras",
    "log line": "2026-11-21 12:00:00 INFO \x1b[31m{}\x1b[0m sent",
    "shell history": ": 1700000000:0;tool --option {}",
    "layer name": "dense_{}",
    "URL": "https://host.example/path?value={}&b=1",
    "escaped line break": '{{"source": "first\\n{}\\nlast"}}',
}


def _gone(secret: str, text: str) -> bool:
    """Whether no piece of it of twelve characters is left."""
    flat = secret.replace("\n", "")
    return not any(flat[at : at + 12] in text for at in range(max(1, len(flat) - 11)))


def _part(secret: str) -> str:
    """What of a secret was issued: the rest says only whose it is."""
    return KEY_LINE if secret.startswith("-----") else secret[-20:]


@pytest.mark.parametrize("surrounding", SURROUNDINGS.values(), ids=SURROUNDINGS)
@pytest.mark.parametrize(("kind", "secret"), TOKENS.values(), ids=TOKENS)
def test_a_secret_is_found_and_gone_wherever_it_stands(kind, secret, surrounding):
    text = surrounding.format(secret)

    found = secrets(text)

    assert kind in {hit.kind for hit in found} or found, text
    assert _gone(_part(secret), clean(text))
    assert _gone(_part(secret), json.dumps(clean_data({"a": [(text,)]})))


@pytest.mark.parametrize(("kind", "secret"), TOKENS.values(), ids=TOKENS)
def test_a_secret_alone_is_named_by_its_kind(kind, secret):
    assert secrets(f"first\n{secret}\n") == (Hit(kind, 2),)


@pytest.mark.parametrize(("kind", "secret"), TOKENS.values(), ids=TOKENS)
def test_a_secret_is_gone_as_json_and_base64(kind, secret):
    encoded = {
        "plain": base64.b64encode(f"x = 1\n{secret}\n".encode()).decode(),
        "lines": base64.encodebytes(b"\x00\x01" * 40 + secret.encode() + b"\x00" * 40).decode(),
        "wide": base64.b64encode(secret.encode("utf-16")).decode(),
        "pickle": base64.b64encode(pickle.dumps({"a": [secret]})).decode(),
        "old pickle": base64.b64encode(pickle.dumps([secret], protocol=0)).decode(),
        "for URLs": base64.urlsafe_b64encode(b"\xff\xfe\xfd" + secret.encode()).decode(),
    }
    text = json.dumps({"secret": secret, "encoded": encoded})

    cleaned = clean_data(encoded)

    assert secrets(text)
    assert {name for name, value in cleaned.items() if not value.startswith("<redacted:")} == set()
    assert {
        name for name, value in json.loads(clean(text))["encoded"].items() if not value.startswith("<red")
    } == set()


NAMED = [
    "password = '{}'",
    'password: "{}"',
    "PASSWORD={}",
    "export DB_PASSWORD={}",
    'ENV MYSQL_ROOT_PASSWORD="{}"',
    "password: {}",
    '{{"password": "{}"}}',
    "{{'passwd' => '{}'}}",
    "config['client_secret'] = '{}'",
    'os.environ["WANDB_API_KEY"] = "{}"',
    'os.environ.setdefault("DATADOG_API_KEY", "{}")',
    'password: str = "{}"',
    'def connect(host, password="{}"):',
    "aws_secret_access_key = {}",
    "AWS_SESSION_TOKEN={}",
    'secret_access_key = "{}"',
    "awsSecretAccessKey: '{}'",
    "COMET_API_KEY={}",
    "HEROKU_API_KEY={}",
    "KAGGLE_KEY={}",
    "api-key: {}",
    "X-Api-Key: {}",
    "curl -H 'X-API-Key: {}' host",
    "Authorization: Bearer {}",
    '"Authorization": "token {}"',
    "Server=db;Uid=me;Password={};Encrypt=yes",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={}==;EndpointSuffix=y",
    "Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey={}=",
    "https://x.blob.core.windows.net/c/b?sv=2022-11-02&se=2027&sp=r&sig={}%3D",
    "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Signature={}",
    "https://storage.googleapis.com/b/o?X-Goog-Signature={}&x=1",
    '{{"url": "https://h/?a=b\\u0026sig={}"}}',
    "https://host/x?access_token={}",
    "https://user:{}@host.example/simple",
    "https:\\/\\/user:{}@host.example\\/simple",
    "index-url = https://__token__:{}@host.example/simple",
    "remote.origin.url=https://{}@github.com/a/b.git",
    "mongodb+srv://user:{}@cluster.example/db",
    "postgresql://user:{}@localhost:5432/db",
    "redis://:{}@cache:6379/0",
    "http_proxy=http://me:{}@proxy:3128",
    "machine host.example login me password {}",
    "machine host.example\n  login me\n  password {}\n",
    "mytool --password {}",
    "mytool --password={} run",
    "mytool --api-key '{}'",
    "docker login -u me -p {} registry.example",
    "mysql -u root -p{} db",
    "sshpass -p '{}' ssh host",
    "curl -u me:{} https://host",
    "//registry.example/:_authToken={}",
    '{{"cells": [{{"source": ["API_KEY = \\"{}\\"\\n"]}}]}}',
    "<password>{}</password>",
    '- name: DB_PASSWORD\n  value: "{}"',
    "- name: DB_PASSWORD\n  value: {}",
    '{{"name": "API_TOKEN", "value": "{}"}}',
    'parser.add_argument("--password", default="{}")',
    "spring.datasource.password={}",
    "[pypi]\nusername = me\npassword = {}\n",
    'token = "{}"',
    'HUB_TOKEN = "{}"  # of the hub',
    'wandb.init(config={{"api_key": "{}"}})',
    'f"first\\nauth_token={}\\n"',
    'private_key: "{}"',
    "first line\\nsecret_key={}\\nnext",
    "?password={}&user=x",
]


@pytest.mark.parametrize("surrounding", NAMED)
def test_what_is_given_to_a_telling_name_is_found_and_gone(surrounding):
    text = surrounding.format(PASSWORD)

    assert secrets(text)
    assert _gone(PASSWORD, clean(text))
    assert _gone(PASSWORD, json.dumps(clean_data([{"text": text}])))


@pytest.mark.parametrize(
    "password", ["hunter2hunter2", "Tr0ub4dor&3", "correcthorse", "p@ss/w0rd!", "S3cr3t#1", "pass123word"]
)
@pytest.mark.parametrize(
    "surrounding", ["password = '{}'", '{{"db_password": "{}"}}', "export DB_PASSWORD={}", "--password={}"]
)
def test_a_password_need_not_look_issued(password, surrounding):
    text = surrounding.format(password)

    cleaned = clean(text)

    assert [hit.kind for hit in secrets(text)] == ["password"]
    if "&" not in password or "'" in surrounding or '"' in surrounding:
        assert cleaned == surrounding.format("<redacted:password>")


def test_other_credentials_are_known_by_what_they_encode():
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()

    for text in (
        f"Authorization: Basic {encoded}",
        json.dumps({"auths": {"host": {"auth": encoded}}}),
        f"_auth={encoded}",
    ):
        assert [hit.kind for hit in secrets(text)] == ["basic-auth"], text
        assert encoded not in clean(text)


def test_kaggle_and_wandb_keys_are_known_by_what_stands_around_them():
    key, longer = issued(32, HEX), issued(40, HEX)

    for text in (
        json.dumps({"username": "me", "key": key}),
        f"wandb login {longer}",
        f'wandb.login(key="{longer}")',
    ):
        assert secrets(text), text
        assert _gone(key, clean(text))
        assert _gone(longer, clean(text))


def test_a_private_key_is_gone_with_its_line_breaks_written_out():
    key = pem("PRIVATE KEY")

    for text in (
        json.dumps({"key": key}),
        json.dumps({"cell": json.dumps({"key": key})}),
        f"k = {key!r}",
        key.partition("-----END")[0],
    ):
        assert [hit.kind for hit in secrets(text)] == ["private-key"]
        assert _gone(KEY_LINE, clean(text))


def test_a_private_key_over_several_lines_of_a_notebook_is_gone():
    source = [
        "k = '''" + line if index == 0 else line
        for index, line in enumerate(pem("PRIVATE KEY").splitlines(keepends=True))
    ]

    cleaned = clean_data({"cells": [{"source": [*source, "'''\n", "x = 1\n"]}]})

    assert cleaned == {
        "cells": [{"source": ["k = '''<redacted:private-key>\n", *["\n"] * 4, "", "'''\n", "x = 1\n"]}]
    }


def test_two_secrets_on_two_lines_are_two_hits():
    text = f"a\n{TOKENS['github'][1]}\n\npassword = 'hunter2hunter2'\n"

    assert secrets(text) == (Hit("github-token", 2), Hit("password", 4))


def test_a_hit_does_not_hold_the_secret():
    secret = TOKENS["github"][1]

    assert secret[8:20] not in repr(secrets(secret))


def test_a_line_may_say_that_it_only_looks_like_a_secret():
    text = "password = 'hunter2hunter2'  # pragma: allowlist secret\npassword = 'hunter3hunter3'\n"

    assert secrets(text) == (Hit("password", 2),)


DIGEST = issued(64, HEX)
INNOCENT = [
    "",
    f"sha256:{DIGEST}",
    f"--hash=sha256:{DIGEST}",
    f'record = "sha256:{DIGEST}"',
    issued(40, HEX),
    f"commit {issued(40, HEX)}",
    f"md5 = {issued(32, HEX)}",
    "tensorflow-2.21.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "123e4567-e89b-12d3-a456-426614174000",
    "1.0.0rc1+local.20240101",
    base64.b64encode(bytes(range(256))).decode(),
    base64.b64encode(b"\x00\x00\x80\x3f" * 40).decode(),
    base64.b64encode(b"\x10\x00\x00\x00" * 40).decode(),
    '{"oov_token": "[UNK]", "mask_token": "[MASK]", "pad_token": "<pad>", "start_token": "[START]"}',
    "oov_token = 'out_of_vocabulary_2'",
    '{"tokenizer": "WordPieceTokenizer", "token_embedding": "token_embedding_1"}',
    '{"class_name": "TokenAndPositionEmbedding", "config": {"name": "token_and_position_embedding_12"}}',
    '{"name": "secret_dense", "units": 3}',
    '{"name": "password_strength", "activation": "relu"}',
    '{"name": "password_input", "dtype": "float32"}',
    '{"name": "password", "value": "dense_1_password"}',
    '{"secret_dense": "dense_12", "password_strength_output": "sigmoid123"}',
    '{"key_dim": 64, "num_key_value_heads": 8, "api": "functional", "value_dim": null}',
    "password = ${PASSWORD}",
    "password: $DB_PASSWORD",
    "password=%(password)s",
    'token: "{{ secrets.TOKEN }}"',
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "api_key = <your-api-key>",
    '--password "<token>"',
    'token = os.environ["API_TOKEN"]',
    'token = os.environ.get("API_TOKEN_2024")',
    "password = getpass.getpass()",
    "api_key = getenv('API_KEY')",
    "password = None",
    '{"password": null, "token": "", "secret": false}',
    'password = ""',
    'password = "changeme"',
    'api_key = "YOUR_API_KEY_HERE"',
    'api_key="your-api-key-1234567890"',
    "password: ********",
    'secret = "xxxxxxxxxxxxxxxx"',
    "password: str",
    "token: Optional[str] = None",
    "api_key: str | None = None",
    'def connect(password=None, token="", secret: str = ""):',
    "connect(password=password, api_key=self.api_key_2, token=token_2)",
    "the password is checked before the token1234 is read",
    "Password: required, at least 12characters",
    "The secret: patience.",
    "https://host.example/simple/package-1.0.tar.gz",
    "https://host.example/x?version=1.0&sha256=" + DIGEST,
    "git@github.com:owner/repository.git",
    "ssh://git@host.example/owner/repository.git",
    "git+ssh://git@host.example/owner/repository.git@" + issued(40, HEX),
    "https://${USER}:${TOKEN}@host.example/simple",
    "https://user:password@host.example/simple",
    "https://user:****@host.example/simple",
    "someone.else@host.example",
    "public_key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI'",
    "-----BEGIN CERTIFICATE-----\n" + issued(64) + "\n-----END CERTIFICATE-----",
    'if line.startswith("-----BEGIN PRIVATE KEY-----"): raise ValueError("a private key")',
    "password_file = /run/secrets/db_password_1",
    "token_count=123456789012345678",
    "max_tokens: 1234567890123456",
    'keys = {"primary_key": "customer_id", "sort_key": "created_at_2024"}',
    '{"password_sha256": "' + DIGEST + '"}',
    'hash_key = "' + DIGEST + '"',
    "keras.layers.StringLookup(mask_token='[MASK]', oov_token='[UNK]', num_oov_indices=1)",
    "pass\npassed = 12345678\nbypass = 'route_66_north'",
    "basic usage12 of the bearer of bad news",
    "pip install package --index-url https://host.example/simple",
    "columns = ['password', 'username', 'token', 'secret']",
    "sk-learn-contrib-some-longer-package-name and task-management-of-many-things",
    "hf_hub_download_with_a_longer_name_than_most",
    'KEYWORDS = {"pwd": "/srv/models", "secret": "/run/secrets/one"}',
    "type=password name=user_1 autocomplete=new-password",
    "mysql -p 3306 and docker run -p 8080:80",
    "machine learning is the default login for a password manager",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_is_left_alone(text):
    assert secrets(text) == ()
    assert clean_data({"text": text}) == {"text": clean(text)}


@pytest.mark.parametrize("text", [text for text in INNOCENT if "@host" not in text])
def test_what_is_no_secret_is_not_changed(text):
    assert clean(text) == text


def test_a_lock_of_a_thousand_packages_has_no_secret():
    lock = "".join(
        f'[[packages]]\nname = "package-{number}"\nversion = "1.{number}.0"\n'
        f'wheel = "package_{number}-1.{number}.0-py3-none-any.whl"\nrecord = "sha256:{issued(64, HEX, seed=number)}"\n'
        for number in range(1000)
    )

    assert secrets(lock) == ()
    assert clean(lock) == lock


OWN = [
    path
    for folder in ("envlock", "docs", "templates", "benchmarks", "tools")
    for path in sorted((REPOSITORY / folder).rglob("*"))
    if path.suffix in {".py", ".md", ".toml", ".json", ".txt", ".jinja"}
]


def test_our_own_files_hold_no_secret():
    found = {
        path.relative_to(REPOSITORY).as_posix(): hits
        for path in [*OWN, *REPOSITORY.glob("*.md"), REPOSITORY / "pyproject.toml"]
        if (hits := secrets(path.read_text(encoding="utf-8", errors="replace")))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("/home/bob/models/house.keras", "~/models/house.keras"),
        ("/home/bob", "~"),
        ("/Users/bob/models", "~/models"),
        ("/var/home/bob/models", "~/models"),
        (f"{ROOT}/models", "~/models"),
        (ROOT, "~"),
        ("C:\\Users\\bob\\models", "~\\models"),
        ("C:\\\\Users\\\\bob\\\\models", "~\\\\models"),
        ("C:/Users/bob/models", "~/models"),
        ("C:\\Users\\John Smith\\models", "~\\models"),
        ("/mnt/c/Users/bob/models", "~/models"),
        ("file:///home/bob/models", "file://~/models"),
        ("file:///home/b%C3%B6b/models", "file://~/models"),
        ("file%3A%2F%2F%2Fhome%2Fbob%2Fmodels", "file%3A%2F%2F~%2Fmodels"),
        ("file:///C:/Users/bob/models", "file://~/models"),
        ("-I/home/bob/include -L/home/bob/lib", "-I~/include -L~/lib"),
        ("PATH=/home/bob/bin:/home/eve/bin", "PATH=~/bin:~/bin"),
        ('"line\\n/home/bob/x"', '"line\\n~/x"'),
        ('File "/home/bob/train.py", line 3', 'File "~/train.py", line 3'),
        ("/home/jörg/x", "~/x"),
        ("https://host.example/home/index", "https://host.example/home/index"),
        (f"/ch{ROOT[1:]}/x {ROOT}s /srv{ROOT}/x", f"/ch{ROOT[1:]}/x {ROOT}s /srv{ROOT}/x"),
        ("/home/$USER/x", "/home/$USER/x"),
    ],
)
def test_home_folders_name_nobody(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (f"https://me:{PASSWORD}@host.example/simple", "https://host.example/simple"),
        ("https://me@host.example/simple", "https://host.example/simple"),
        ("ssh://git@host.example/x", "ssh://git@host.example/x"),
        (
            f"https://host.example/x?sig={PASSWORD}&v=1",
            "https://host.example/x?sig=<redacted:signed-url>&v=1",
        ),
    ],
)
def test_urls_in_a_text_let_nobody_in(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://host.example/simple", "https://host.example/simple"),
        ("https://me:word@host.example:8443/a/b.whl?x=1&y=2#frag", "https://host.example:8443/a/b.whl"),
        (
            f"https://host/a.whl?token=1#sha256={DIGEST}&egg=a&x=1",
            f"https://host/a.whl#sha256={DIGEST}&egg=a",
        ),
        ("git+https://token@host/a.git@v1#subdirectory=b", "git+https://host/a.git@v1#subdirectory=b"),
        ("git+ssh://git@host/a.git", "git+ssh://git@host/a.git"),
        ("ssh://bob@host/a.git", "ssh://host/a.git"),
        ("file:///home/bob/wheels/a-1.0.whl", "file:///a-1.0.whl"),
        ("file:///C:/Users/bob/a-1.0.whl", "file:///a-1.0.whl"),
        ("file://server/share/a-1.0.whl", "file:///a-1.0.whl"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("https://[broken/x", "<redacted:url>"),
        ("https://host:port/x", "<redacted:url>"),
        ("git@host.example:a/b.git", "<redacted:url>"),
        ("not a url", "<redacted:url>"),
        ("", "<redacted:url>"),
    ],
)
def test_a_clean_url_says_where_and_nothing_of_who(url, cleaned):
    assert clean_url(url) == cleaned
    assert clean_url(clean_url(url)) in {cleaned, "<redacted:url>"}


def test_data_is_cleaned_by_its_keys_and_keeps_its_types():
    data = {
        "password": "hunter2hunter2",
        "nested": ({"apiKey": issued(32, HEX), "digest": DIGEST}, [1, 2.5, True, None]),
        "env": [
            {"name": "DB_PASSWORD", "value": "hunter2hunter2"},
            {"name": "MODE", "value": "hunter2hunter2"},
        ],
        "passwords": ["hunter2hunter2", "hunter3hunter3"],
        "token": "[UNK]",
        3: "three",
    }

    assert clean_data(data) == {
        "password": "<redacted:password>",
        "nested": ({"apiKey": "<redacted:api-key>", "digest": DIGEST}, [1, 2.5, True, None]),
        "env": [
            {"name": "DB_PASSWORD", "value": "<redacted:password>"},
            {"name": "MODE", "value": "hunter2hunter2"},
        ],
        "passwords": ["<redacted:password>", "<redacted:password>"],
        "token": "[UNK]",
        3: "three",
    }


def test_keys_are_cleaned_and_stay_apart():
    first, second = "ghp" + "_" + issued(36), "ghp" + "_" + issued(36, seed=2)

    assert clean_data({first: 1, second: 2, "<redacted:github-token>": 3, "/home/bob/x": 4}) == {
        "<redacted:github-token> (2)": 1,
        "<redacted:github-token> (3)": 2,
        "<redacted:github-token>": 3,
        "~/x": 4,
    }


def test_data_may_be_a_thousand_levels_deep():
    data: object = {"password": "hunter2hunter2"}
    for level in range(1000):
        data = ([data], {"a": data}, (data,))[level % 3]

    cleaned = clean_data(data)

    for level in reversed(range(1000)):
        assert type(cleaned) is (list, dict, tuple)[level % 3]
        cleaned = cleaned["a"] if isinstance(cleaned, dict) else cleaned[0]
    assert cleaned == {"password": "<redacted:password>"}


def test_what_is_given_to_clean_is_not_changed():
    data = {"a": [{"password": "hunter2hunter2"}]}

    clean_data(data)

    assert data == {"a": [{"password": "hunter2hunter2"}]}


@pytest.mark.parametrize("name", ["toml", "json"])
def test_a_secret_as_a_key_leaves_the_document_valid(name):
    secret = "npm" + "_" + issued(36)
    text = {"toml": f"{secret} = 1\n[a.{secret}]\nx = {{{secret} = 2}}\n", "json": json.dumps({secret: 1})}[
        name
    ]

    cleaned = clean(text)

    assert (tomllib.loads if name == "toml" else json.loads)(cleaned)
    assert _gone(secret, cleaned)


HOSTILE = [
    "a", '"', "=", "\\", "password=", "password ", 'key="', "://", "a://b:c@", "-----BEGIN PRIVATE KEY-----", "eyJ", "eyJ.", "AKIA",
    "machine a login b ", "login ", "mysql -", "basic ", "bearer ", "?sig=", "Ab1/", "/home/", "c:\\users\\", "username: a, ",
    "-us1", "sk-ant-", "token:\n", "\n", " ", "é", "\u0130", "\\n", "secret: 'x", "discord M", "dp.pt.", "pat",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long(piece):
    text = (piece * (200_000 // len(piece) + 1))[:200_000]
    started = time.process_time()

    clean(text)
    secrets(text)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("bell\x07", "bell\\x07"),
        ("over\rwritten", "over\\rwritten"),
        ("nothing\x00", "nothing\\x00"),
        ("delete\x7f", "delete\\x7f"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("right\u202eleft", "right\\u202eleft"),
        ("soft\u00adhyphen", "soft\\xadhyphen"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("half\ud800pair", "half\\ud800pair"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164", "filler\\u3164"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "two\nlines", "a\ttab", "Köln 東京 🏠", "back\\slash"])
def test_what_a_reader_needs_stays_as_it_is(text):
    assert visible(text) == text


def test_one_line_is_one_line():
    assert one_line("a\nb\tc\rd") == "a\\nb\\tc\\rd"


def test_of_all_characters_those_that_are_not_seen_are_escaped():
    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    other = {
        0x034F,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        0x3164,
        0xFFA0,
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0000, 0xE1000),
    }
    nonexistent = {*range(0xFDD0, 0xFDF0), *(code for code in range(0x110000) if code & 0xFFFE == 0xFFFE)}

    def is_hidden(code: int) -> bool:
        return unicodedata.category(chr(code)) in hidden or code in other or code in nonexistent

    wrong = [
        hex(code)
        for code in range(0x110000)
        if chr(code) not in "\n\t" and is_hidden(code) and visible(chr(code)) == chr(code)
    ]
    also = [
        hex(code)
        for code in range(0x110000)
        if visible(chr(code)) != chr(code) and not is_hidden(code) and unicodedata.category(chr(code)) != "Cn"
    ]

    assert (wrong, [code for code in also if int(code, 16) not in range(0x13430, 0x13460)]) == ([], [])


HERE = "/home/ada/shop/train.py"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
@pytest.mark.parametrize(
    ("path", "masked"),
    [
        (HERE, "~________/shop/train.py"),
        ("/Users/ada/train.py", "~_________/train.py"),
        (f"{ROOT}/train.py", "~____/train.py"),
        ("C:\\Users\\ada\\train.py", "~___________\\train.py"),
        (HERE * 5, "~________/shop/train.py" * 5),
    ],
)
def test_the_home_folder_in_bytecode_is_overwritten_and_the_bytecode_runs_on(
    path: str, masked: str, encode: Callable[[bytes], bytes]
) -> None:
    code = compile("answer = 6 * 7", path, "exec")
    packed = encode(marshal.dumps(code)).decode()

    cleaned = clean_data({"code": packed})["code"]

    unpacked = marshal.loads(base64.b64decode(cleaned))
    found: dict[str, int] = {}
    exec(unpacked, found)
    assert (found["answer"], unpacked.co_filename) == (42, masked)
    assert (len(cleaned), "\n" in cleaned) == (len(packed), "\n" in packed)


def test_bytecode_that_names_no_home_is_left_as_it_is() -> None:
    packed = base64.b64encode(marshal.dumps(compile("answer = 6 * 7", "<lambda>", "exec"))).decode()

    assert clean_data([packed]) == [packed]


@pytest.mark.parametrize(
    "text",
    [
        'token="' + "\\'" * 24 + "\\\n",
        'token="' + "\\'" * 8000,
        "password='" + "\\'" * 5000,
        "api_key: '''" + "\\" * 9000,
    ],
)
def test_escaped_quotes_cost_no_more_than_other_text(text: str) -> None:
    before = time.process_time()

    clean(text)

    assert time.process_time() - before < 1


@pytest.mark.parametrize("url", ["file:///home/ada", "file:///Users/ada/", "file:///C:/Users/ada"])
def test_an_address_of_a_home_folder_itself_names_nobody(url: str) -> None:
    assert "ada" not in clean_url(url)
