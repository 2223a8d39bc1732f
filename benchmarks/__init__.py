"""Speed of labkit against torch's own floor and against the loop of the tutorials: `make bench`."""
