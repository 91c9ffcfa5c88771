"""The engine ``python``: rules as functions.

Here: importing them (``places``), fitting their parameters (``calls``), the batch in the form that they want (``forms``), what they
return (``answers``; of one record batch at a time: ``streamed``), what they print (``output``), the port (``engine``).
"""
