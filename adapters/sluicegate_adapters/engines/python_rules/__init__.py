"""The engine ``python``: rules as functions.

Here: importing them (``places``), fitting their parameters (``calls``), the batch in the form that they want (``forms``), what they
return (``answers``), what they print (``output``), the port (``engine``).
"""
