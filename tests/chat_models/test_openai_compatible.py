"""The backend for OpenAI-compatible servers, against a real one on this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.chat_models import openai_compatible
from assistant.chat_models.openai_compatible import OpenAICompatibleChatModel
from assistant.errors import ChatModelError
from assistant.settings import Settings
from tests.chat_models.contract import QUESTION, ChatModelContract
from tests.chat_models.openai_server import KEY, OpenAIServer, serving


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving() as running:
        yield running


def settings_for(server: OpenAIServer, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "openai_base_url": server.address,
        "openai_api_key": KEY,
        "chat_timeout_seconds": 30,
    }
    return Settings(_env_file=None, **(values | changes))


def load(server: OpenAIServer, model: str = "tiny", **changes: Any) -> OpenAICompatibleChatModel:
    return openai_compatible.load(model, settings_for(server, **changes))


class TestContract(ChatModelContract):
    @pytest.fixture
    def model(self, server: OpenAIServer) -> OpenAICompatibleChatModel:
        return load(server)

    @pytest.fixture
    def meter(self, server: OpenAIServer) -> Callable[[], int]:
        return lambda: server.written


class TestStandard(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[OpenAICompatibleChatModel]:
        return OpenAICompatibleChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "tiny", "base_url": "http://127.0.0.1:9/v1", "api_key": "none"}


def test_settings_reach_the_server(server: OpenAIServer) -> None:
    load(server, temperature=0.7, answer_tokens=20).invoke("alpha")
    body = server.asked[-1]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0.7, 20)
    assert body["messages"] == [{"role": "user", "content": "alpha"}]


def test_auto_takes_the_first_model_that_the_server_has(server: OpenAIServer) -> None:
    assert load(server, "auto").model_name == "tiny"


def test_a_server_without_models(server: OpenAIServer) -> None:
    server.models.clear()
    try:
        with pytest.raises(ChatModelError, match=r"offers no models.*ASSISTANT_CHAT_MODEL"):
            load(server, "auto")
    finally:
        server.models.append("tiny")


def test_without_an_address_it_says_which_setting_is_missing() -> None:
    with pytest.raises(ChatModelError, match="ASSISTANT_OPENAI_BASE_URL"):
        openai_compatible.load("tiny", Settings(_env_file=None))


def ask_whole(model: OpenAICompatibleChatModel) -> object:
    return model.invoke(QUESTION)


def ask_stream(model: OpenAICompatibleChatModel) -> object:
    return list(model.stream(QUESTION))


async def ask_whole_later(model: OpenAICompatibleChatModel) -> object:
    return await model.ainvoke(QUESTION)


async def ask_stream_later(model: OpenAICompatibleChatModel) -> object:
    return [chunk async for chunk in model.astream(QUESTION)]


async def error_of(ask: Callable[[OpenAICompatibleChatModel], Any], model: Any) -> ChatModelError:
    with pytest.raises(ChatModelError) as raised:
        answer = ask(model)
        if hasattr(answer, "__await__"):
            await answer
    return raised.value


EVERY_WAY = pytest.mark.parametrize(
    "ask", [ask_whole, ask_stream, ask_whole_later, ask_stream_later]
)
# Where the way of asking makes no difference, and waiting takes time.
TWO_WAYS = pytest.mark.parametrize("ask", [ask_whole, ask_stream_later])
STREAMS = pytest.mark.parametrize("ask", [ask_stream, ask_stream_later])


@EVERY_WAY
@pytest.mark.parametrize(
    ("model", "got", "action"),
    [
        ("forbidden", "does not allow this key to use forbidden", "ASSISTANT_OPENAI_API_KEY"),
        ("missing", "has no model missing", "ASSISTANT_CHAT_MODEL=auto"),
        ("refusing", "the model refusing fails", "ASSISTANT_PASSAGES_TOKENS"),
    ],
)
async def test_what_the_server_refuses(
    server: OpenAIServer, ask: Callable[..., Any], model: str, got: str, action: str
) -> None:
    error = await error_of(ask, load(server, model))
    assert got in error.got
    assert server.address in error.got
    assert action in error.action


@TWO_WAYS
@pytest.mark.parametrize(
    ("model", "got"),
    [("busy", "is receiving too many requests"), ("broken", "the model broken fails")],
)
async def test_what_may_pass_is_asked_twice(
    server: OpenAIServer, ask: Callable[..., Any], model: str, got: str
) -> None:
    before = len(server.asked)
    error = await error_of(ask, load(server, model))
    assert got in error.got
    assert len(server.asked) - before == 2


@EVERY_WAY
async def test_a_wrong_key(server: OpenAIServer, ask: Callable[..., Any]) -> None:
    error = await error_of(ask, load(server, openai_api_key="wrong"))
    assert "rejected the key" in error.got
    assert "ASSISTANT_OPENAI_API_KEY" in error.action
    assert "wrong" not in str(error)


def test_a_wrong_key_when_asking_for_models(server: OpenAIServer) -> None:
    with pytest.raises(ChatModelError, match="rejected the key"):
        load(server, "auto", openai_api_key="wrong")


@TWO_WAYS
async def test_nobody_there(server: OpenAIServer, ask: Callable[..., Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    error = await error_of(ask, load(server, openai_base_url=address))
    assert f"{address} cannot be reached" in error.got
    assert "lmdeploy serve api_server" in error.action


def test_nobody_there_when_asking_for_models(server: OpenAIServer) -> None:
    with pytest.raises(ChatModelError, match="cannot be reached"):
        load(server, "auto", openai_base_url="http://127.0.0.1:9/v1")


@TWO_WAYS
async def test_a_server_that_says_nothing(server: OpenAIServer, ask: Callable[..., Any]) -> None:
    started = time.monotonic()
    error = await error_of(ask, load(server, "silent", chat_timeout_seconds=0.3))
    assert time.monotonic() - started < 5
    assert "did not answer in time" in error.got or "stopped answering" in error.got
    assert "ASSISTANT_CHAT_TIMEOUT_SECONDS" in error.expected


@STREAMS
async def test_a_server_that_stops_in_the_middle(
    server: OpenAIServer, ask: Callable[..., Any]
) -> None:
    started = time.monotonic()
    error = await error_of(ask, load(server, "stalling", chat_timeout_seconds=0.5))
    assert time.monotonic() - started < 5
    assert "ASSISTANT_CHAT_TIMEOUT_SECONDS" in error.expected


@STREAMS
async def test_a_server_that_hangs_up_in_the_middle(
    server: OpenAIServer, ask: Callable[..., Any]
) -> None:
    error = await error_of(ask, load(server, "cut"))
    assert f"{server.address} closed the connection: " in error.got
    assert "Start it" not in error.action


@STREAMS
@pytest.mark.parametrize("model", ["half", "unreasoned"])
async def test_half_an_answer_does_not_pass_as_whole(
    server: OpenAIServer, ask: Callable[..., Any], model: str
) -> None:
    error = await error_of(ask, load(server, model))
    assert f"{server.address} closed the connection: " in error.got
    assert error.expected == "a complete answer"


def test_what_came_of_half_an_answer_is_kept(server: OpenAIServer) -> None:
    stream, came = load(server, "half").stream(QUESTION, max_tokens=10), []
    with pytest.raises(ChatModelError):
        while True:
            came.append(next(stream).text)
    assert len("".join(came).split()) == 3


@STREAMS
async def test_pieces_without_choices_are_no_answer(
    server: OpenAIServer, ask: Callable[..., Any]
) -> None:
    error = await error_of(ask, load(server, "nulls"))
    assert "the stream of the answer was empty" in error.got


@EVERY_WAY
@pytest.mark.parametrize("model", ["page", "null"])
async def test_a_server_of_another_kind(
    server: OpenAIServer, ask: Callable[..., Any], model: str
) -> None:
    error = await error_of(ask, load(server, model))
    assert f"{server.address} does not answer as expected" in error.got
    assert "ASSISTANT_OPENAI_BASE_URL" in error.action


def test_an_address_without_its_end(server: OpenAIServer) -> None:
    address = server.address.removesuffix("/v1")
    with pytest.raises(ChatModelError, match=r"does not answer as expected.*ends in /v1"):
        load(server, "auto", openai_base_url=address)


@pytest.mark.parametrize("model", ["auto", "tiny"])
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:23333/v1", "localhost", "http://127.0.0.1:80a/v1", "http://[::1/v1", "http:///v1"],
)
def test_what_is_no_address(server: OpenAIServer, model: str, address: str) -> None:
    with pytest.raises(ChatModelError, match=r"is not a server address.*_BASE_URL"):
        load(server, model, openai_base_url=address)


@pytest.mark.parametrize("model", ["auto", "tiny"])
@pytest.mark.parametrize("key", ["密钥", "se\ncret"])
def test_a_key_that_cannot_be_sent(server: OpenAIServer, model: str, key: str) -> None:
    with pytest.raises(ChatModelError, match="ASSISTANT_OPENAI_API_KEY") as raised:
        load(server, model, openai_api_key=key)
    assert key not in str(raised.value)


def test_blanks_around_key_and_address_do_not_matter(server: OpenAIServer) -> None:
    blanks = {"openai_api_key": f"{KEY}\n", "openai_base_url": f" {server.address}\n"}
    assert load(server, "auto", **blanks).invoke("alpha", max_tokens=2).content


@pytest.mark.parametrize("key", ["", " "])
def test_without_a_key_the_server_is_asked_all_the_same(server: OpenAIServer, key: str) -> None:
    with pytest.raises(ChatModelError, match="rejected the key"):
        load(server, "auto", openai_api_key=key)


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert load(server, "auto").invoke("alpha", max_tokens=2).content


def test_token_counts_are_rather_too_high_than_too_low() -> None:
    model = openai_compatible.load(
        "tiny", Settings(_env_file=None, openai_base_url="http://127.0.0.1:9/v1")
    )
    assert model.get_num_tokens("书生浦语") == 4
    assert model.get_num_tokens("a" * 32) == 10
    with pytest.raises(ChatModelError, match="get_num_tokens"):
        model.get_token_ids("alpha")
