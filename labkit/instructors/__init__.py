"""For instructors: chapters written for two graders, and what a class has solved."""
