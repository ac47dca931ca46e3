"""Running a process: what a host lends its services, supervised loops, draining."""
