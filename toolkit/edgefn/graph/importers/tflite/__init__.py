"""TFLite files into plain values."""
