"""Tables, figures and a report from what runs have left behind: reads run folders and artifacts, changes nothing."""
