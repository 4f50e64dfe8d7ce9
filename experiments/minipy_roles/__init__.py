"""What the embedded checkpoint with roles can do, role by role."""
