"""What an Android phone answers, parsed; reaches no device."""
