"""The items that the model sees only grow at their end."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ai_dev.conversation import Conversation

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
        {"type": "function_call_output", "call_id": "c", "output": "é\ud800"},
    ] == json.loads(conversation.json)
    assert list(reply[0]) == list(json.loads(conversation.json)[1])
