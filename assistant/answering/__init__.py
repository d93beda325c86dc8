"""Turns a question and its history into an answer with citations.

`find` searches and decides whether there is an answer: `follow_up` makes the question
standalone, `grounding` judges the evidence. `write` answers: `prompts` builds the messages,
`citations` checks the numbers. `chain` combines both, and `stream` passes the events to
asyncio.
"""
