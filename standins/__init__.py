"""GitHub, E2B and OpenAI on 127.0.0.1: what the demo and the tests talk to in place of the services."""
