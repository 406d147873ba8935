"""Send messages and process the events that providers report about them."""
