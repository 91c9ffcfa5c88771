"""Three engines in one contract, against two of them one after the other: ``contract.yaml``, and ``alone`` with the same 24 checks."""
