"""Detection: indicator programs, judgement with hysteresis, the state machine and the entry score. Builds on ``market``."""
