"""The command line: arguments in, reports out. No logic of its own; heavy imports only inside the verb that needs them."""
