"""One module a verb: arguments, composition root, printing, exit status."""
