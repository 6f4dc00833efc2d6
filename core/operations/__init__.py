"""What operators watch: measurements, the figures of the database, numbers of requests in logs, reported errors."""
