"""UCoder's runs, and the analyses of its source."""
