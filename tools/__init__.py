"""What the Makefile calls: setting up, running, testing, checking. Nothing here is part of the box office."""
