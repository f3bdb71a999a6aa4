"""An emulated Android phone: an adbd on 127.0.0.1 with a file system and a shell."""
