"""A question and its history to an answer with citations.

`find` searches and decides whether there is an answer: `follow_up` makes the question stand
alone, `grounding` judges the evidence. `write` answers: `prompts` builds the messages,
`citations` checks the numbers. `chain` joins both, and `stream` hands the events to asyncio.
"""
