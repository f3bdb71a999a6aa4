"""The codec of the dialogue with a microcontroller; docs/protocol.md specifies it."""
