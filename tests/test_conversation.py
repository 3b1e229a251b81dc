"""The items that the model sees only grow at their end."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.conversation import Conversation
from ai_dev.errors import Stopped

TEXT = st.text(st.characters())
STEPS = st.lists(
    st.tuples(st.just("ask"), TEXT)
    | st.tuples(st.just("answer"), TEXT, TEXT)
    | st.tuples(st.just("replay"), st.lists(st.dictionaries(TEXT, TEXT | st.none() | st.integers(), max_size=3))),
    max_size=6,
)


@given(STEPS)
def test_what_was_said_never_changes(steps):
    """Each step leaves the bytes before it as they are, and all of it is JSON in plain ASCII."""
    conversation, before = Conversation(), "["
    for name, *values in steps:
        getattr(conversation, name)(*values)
        text = conversation.json
        assert text.startswith(before)
        assert text.isascii()
        assert isinstance(json.loads(text), list)
        before = text[:-1]


def test_items_are_those_of_the_api():
    """Questions, replies and answers take the forms that the Responses API knows; replies exactly as they came."""
    conversation = Conversation()
    reply = [{"type": "unknown", "z": 1, "a": None}, {"type": "function_call", "call_id": "c", "arguments": "{"}]

    conversation.ask("Hello")
    conversation.replay(reply)
    conversation.answer("c", "é\ud800")

    assert [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        *reply,
        {"type": "function_call_output", "call_id": "c", "output": "é?"},
    ] == json.loads(conversation.json)
    assert list(reply[0]) == list(json.loads(conversation.json)[1])


ODD = st.none() | st.integers() | st.sampled_from(["a", "b", ""]) | st.text(max_size=100)
CALLS = st.fixed_dictionaries(
    {"type": st.just("function_call")}, optional=dict.fromkeys(("id", "call_id", "name", "arguments"), ODD)
)
MESSAGES = st.fixed_dictionaries({"type": st.just("message")}, optional={"id": ODD})


@given(st.lists(st.lists(CALLS | MESSAGES, max_size=6), max_size=4))
def test_admitted_items_are_taken_back(replies):
    """Whatever ids a model gives, no item's and no call's is there twice, and calls have the API's form."""
    conversation = Conversation()
    for items in replies:
        conversation.replay(conversation.admit(items))

    items = json.loads(conversation.json)
    calls = [item for item in items if item["type"] == "function_call"]
    ids = [item["id"] for item in items if isinstance(item.get("id"), str)]
    call_ids = [call["call_id"] for call in calls]
    assert sum(item["type"] == "function_call" for reply in replies for item in reply) == len(calls)
    assert len(ids) == len(set(ids))
    assert len(call_ids) == len(set(call_ids))
    assert all(0 < len(call_id) <= 64 for call_id in call_ids)
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", call["name"]) for call in calls)
    assert all(isinstance(call["arguments"], str) for call in calls)


def test_good_items_are_admitted_as_they_are():
    """What has the API's form is not touched."""
    items = [
        {"type": "reasoning", "id": "rs_1"},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "n", "arguments": "{", "status": "completed"},
        {"type": "unknown", "x": [1]},
    ]

    assert items == Conversation().admit(items)


def test_a_conversation_is_bounded(monkeypatch):
    """A conversation longer than any model reads ends the run."""
    monkeypatch.setattr("ai_dev.conversation._LIMIT", 1000)
    conversation = Conversation()

    with pytest.raises(Stopped):
        conversation.ask("x" * 1000)


def test_beginning_anew():
    """Another conversation has the first items as they are, a key of its own, and its own end."""
    conversation = Conversation()
    conversation.ask("Task \ud800")
    conversation.replay([{"type": "message", "id": "m"}])
    other = conversation.begin_anew(1, "Go on.")

    items = json.loads(conversation.json)
    assert [items[0], "Go on."] == [json.loads(other.json)[0], json.loads(other.json)[1]["content"][0]["text"]]
    assert 2 == len(other) == len(conversation)
    assert other.key != conversation.key
    assert len(other.json) == other.size + 3


def test_recounting():
    """What was said and done can be told as text: long parts cut, sealed ones left out, the newest part of it all."""
    conversation = Conversation()
    conversation.ask("Task")
    conversation.replay(
        [
            {"type": "reasoning", "id": "r", "encrypted_content": "sealed"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm."}, None]},
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "call_id": "c", "name": "n", "arguments": '{"a": 1}'},
        ]
    )
    conversation.answer("c", "x" * 10_000)
    told = conversation.recount(1, 100_000)

    head, _, answer = told.partition("[its answer] ")
    assert '[assistant] Hm.\n\n[assistant] No.\n\n[call of n] {"a": 1}\n\n' == head
    assert 4000 < len(answer) < 4200
    assert told.endswith(conversation.recount(1, 100))
    assert 100 == len(conversation.recount(1, 100))


@given(st.lists(CALLS | MESSAGES | st.dictionaries(TEXT, TEXT | st.none()), max_size=6), st.integers(1, 50))
def test_anything_can_be_recounted(items, size):
    """Whatever a server sends, it can be told in so many bytes."""
    conversation = Conversation()
    conversation.replay(items)

    assert len(conversation.recount(0, size).encode()) <= size


def test_no_secret_is_told():
    """Whoever brings a secret of the workflow up, the model does not read it, in a conversation that goes on either."""
    conversation = Conversation(secrets=["sk-secret-0123456789"])
    conversation.ask("The key is sk-secret-0123456789.")
    conversation.answer("c1", "Bad key sk-secret-0123456789")

    assert "sk-secret" not in conversation.json + conversation.begin_anew(1, "sk-secret-0123456789").json
    assert "Bad key ***" in conversation.json
