"""What holds for every member of a family of plug-ins."""
