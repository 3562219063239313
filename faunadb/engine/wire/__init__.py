"""The wire protocol without a socket: routes, headers, envelopes, older versions."""
