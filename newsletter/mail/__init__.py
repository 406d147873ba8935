"""What a message is: its words, its bytes, and the errors of sending it."""
