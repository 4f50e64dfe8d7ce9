"""Tables, figures and a report from finished runs: reads run folders and artifacts, and changes nothing."""
