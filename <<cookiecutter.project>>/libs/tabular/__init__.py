"""What the example models share: splits by row key, the wire format, readable data contracts."""
