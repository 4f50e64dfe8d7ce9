"""Pass rates with their uncertainty, and how well a metric predicts them."""
