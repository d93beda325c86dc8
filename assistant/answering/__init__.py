"""A question and its history to an answer with citations.

`follow_up` makes the question stand alone, `grounding` decides whether the evidence is
enough, `prompts` builds the messages, `citations` checks the numbers, `chain` joins them and
`stream` hands the events to asyncio.
"""
