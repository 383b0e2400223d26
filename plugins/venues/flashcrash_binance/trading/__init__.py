"""The client's side of spot trading without any I/O: signing, requests, answers, verdicts, limits and filters."""
