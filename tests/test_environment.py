"""What the environment may hold when a program starts, and how it is told what it may not."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import httpx
import pytest

from assistant.environment import prepare_environment
from assistant.errors import SettingsError

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "127.0.0.1:9",
        "http://127.0.0.1:9",
        "https://user:p@127.0.0.1:9",
        "socks5://127.0.0.1:9",
        "socks5h://[::1]:9",
    ],
)
def test_proxies_that_can_be_used(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    prepare_environment()
    httpx.Client().close()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value", ["ftp://x", ":::", "socks4://127.0.0.1:9", "socks://x:1", "http://x:port", " http://x"]
)
def test_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        prepare_environment()
    assert str(caught.value).startswith(f"{name} has {value.strip()!r}")
    assert f"unset {name}" in caught.value.action
    assert caught.value.exit_code == 2
    assert (os.environ["NO_PROXY"], os.environ[name]) == ("localhost", value)


@pytest.mark.parametrize(
    "hosts", ["", ",,", "*", "localhost 127.0.0.1", "::1, *.example.com,10.0.0.0/8", "http://x"]
)
def test_exceptions_that_can_be_used(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", hosts)
    prepare_environment()


@pytest.mark.parametrize("host", ["[::1]", "2001:db8::/32", ":::"])
def test_an_exception_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("no_proxy", f"localhost, {host},example.com")
    with pytest.raises(SettingsError) as caught:
        prepare_environment()
    assert str(caught.value).startswith(f"no_proxy has {host!r}")
    assert "without brackets" in caught.value.expected


def test_a_proxys_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://user:secret@127.0.0.1:9")
    with pytest.raises(SettingsError) as caught:
        prepare_environment()
    assert "secret" not in str(caught.value)


def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match="SSL_CERT_FILE cannot be used"):
        prepare_environment()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows finds the home folder otherwise")
def test_a_home_folder_that_there_is_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    prepare_environment()
    assert Path.home() == tmp_path


def test_without_any_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_is_usable() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none_is_usable)
    with pytest.raises(SettingsError, match="TMPDIR"):
        prepare_environment()
