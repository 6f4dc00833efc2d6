"""What people must be able to rely on: who did what, what is stored about whom, and that nothing is lost."""
