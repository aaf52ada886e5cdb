"""What an audit found, for people and for programs: one file a format, all of them fed alike."""
