"""The ways a frame can enter a component, one module a door."""
