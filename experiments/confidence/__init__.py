"""A confidence fitted on pools with verdicts, and whether it holds on a pool that it has not seen."""
