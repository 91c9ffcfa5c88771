"""The engine ``python``: rules as functions. ``places`` imports them, ``calls`` fits arguments, ``forms`` loads the batch, ``answers`` reads what they return."""
